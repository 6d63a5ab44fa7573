"""What is left after the process dies in the middle of its work."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from storage.scenes import SceneStore
from storage.turns import TurnStore

ROOT = Path(__file__).parents[2]
# Acknowledges turns for ever, and holds another transaction half done when told to.
WRITER = """
import asyncio, sys
from pathlib import Path
from storage.database import Database
from storage.records import NewScene, NewTurn, Role
from storage.scenes import SceneStore
from storage.turns import TurnStore

async def main():
    database = await Database.open(Path(sys.argv[1]))
    scene = await SceneStore(database).open(
        NewScene(scene_key="k", persona_key="p", opened_by_id=1, opened_by_name="Ann")
    )
    turns = TurnStore(database)
    stop_at = int(sys.argv[2])
    number = 0
    while True:
        new = NewTurn(
            role=Role.PERSON, name="Ann", text=str(number), message_ids=(number + 1,),
            awaits_answer=True,
        )
        if number == stop_at:
            async with database.transaction() as connection:
                await connection.execute("DELETE FROM turns")
                await connection.execute("UPDATE scenes SET state = 'closed'")
                print("half", flush=True)
                await asyncio.sleep(60)
        await turns.append(scene.id, new)
        print(number, flush=True)
        number += 1

asyncio.run(main())
"""


def kill_writer(path: Path, *, stop_at: int, kill_after: int) -> list[str]:
    """Return the lines that the writer printed before it was killed."""
    with subprocess.Popen(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", WRITER, str(path), str(stop_at)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line.strip())
            if line == "half\n" or len(lines) == kill_after:
                process.kill()
        process.wait(timeout=30)
    return lines


@pytest.mark.parametrize(
    ("stop_at", "kill_after"),
    [
        pytest.param(20, 1000, id="in the middle of a transaction"),
        pytest.param(-1, 15, id="between or within commits"),
        pytest.param(-1, 40, id="between or within commits, later"),
    ],
)
async def test_a_killed_process_loses_nothing_it_acknowledged(path, reopen, stop_at, kill_after):
    lines = await asyncio.to_thread(kill_writer, path, stop_at=stop_at, kill_after=kill_after)
    acknowledged = [line for line in lines if line != "half"]
    assert len(acknowledged) >= 15

    database = await reopen()
    scenes, turns = SceneStore(database), TurnStore(database)
    scene = await scenes.find_open("k")
    assert scene is not None
    stored = [turn.text for turn in await turns.list(scene.id)]
    assert stored[: len(acknowledged)] == acknowledged
    # The one that was being stored may be there too, whole.
    assert len(stored) <= len(acknowledged) + 1
    assert await scenes.list_awaiting() == [scene]
    (check,) = await database.read("PRAGMA integrity_check")
    assert check[0] == "ok"
    assert await database.read("PRAGMA foreign_key_check") == []


async def test_an_event_loop_that_ends_early_does_not_hang_the_exit(path):
    script = """
import asyncio, sys
from pathlib import Path
from storage.database import Database

async def main():
    database = await Database.open(Path(sys.argv[1]))
    async def hold():
        async with database.transaction() as connection:
            await connection.execute("DELETE FROM scenes")
            await asyncio.sleep(60)
    holder = asyncio.create_task(hold())
    await asyncio.sleep(0.01)
    async with asyncio.timeout(0.01):
        await database.aclose()

asyncio.run(main())
"""
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-X", "dev", "-c", script, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.stderr.splitlines()[-1] == "TimeoutError", ended.stderr
    assert "Exception in thread" not in ended.stderr
    assert not path.with_name("troupe.db-wal").exists()
