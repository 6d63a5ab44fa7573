"""Kill workers and bots at random and count what they leave. Linux only.

Usage: python -m benchmarks.kills [--kills 50] [--seed 1] [--log FILE]

The bot is the real `troupe chat` on the demo model, with somebody who talks to it all the time; a
bot that was killed is started again. It fails if anything is left.
"""

import argparse
import asyncio
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from benchmarks.processes import (
    list_children,
    list_listening,
    list_processes,
    list_sockets,
    read_process,
    read_state,
)
from storage.errors import DataFolderInUseError
from storage.lock import DataFolderLock

MARK = "KILLS_RUN"
"""In the environment of every process of a run: how they are found, whosever children they are."""
WORKER = b"bot.generation.workers.llamacpp_worker"
PATIENCE_SECONDS = 60.0
"""What has not come or gone by then is counted as left, or ends the run."""
LONGEST_PAUSE_SECONDS = 2.0
SHORTEST_LOAD_SECONDS = 0.4
LOADS_LEFT_ALONE = 2
"""After so many loads in a row were broken off one may finish: four would be given up."""


@dataclass(slots=True)
class Row:
    """What became of the kills of one sort."""

    kills: int = 0
    orphans: int = 0
    zombies: int = 0
    ports: int = 0
    locks: int = 0
    seconds: list[float] = field(default_factory=list)
    """How long each took until nothing was left."""


@dataclass(frozen=True, slots=True)
class Remains:
    """What is there that should not be."""

    orphans: int
    zombies: int
    ports: int
    locked: bool

    def __bool__(self) -> bool:
        return bool(self.orphans or self.zombies or self.ports or self.locked)


class Bot:
    """`troupe chat`, and somebody who talks to it."""

    def __init__(self, folder: Path, log: IO[bytes]) -> None:
        self._folder = folder
        self._log = log
        self._run = f"{os.getpid()}-{folder.name}"
        self._process: asyncio.subprocess.Process | None = None
        self._talking: asyncio.Task[None] | None = None
        self.given_up = 0

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The one that runs."""
        assert self._process is not None  # noqa: S101
        return self._process

    async def start(self) -> None:
        """Start it, if it does not run."""
        if self._process is not None and self._process.returncode is None:
            return
        if self._process is not None and self._process.returncode != -signal.SIGKILL:
            self.given_up += 1
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "chat"),
            stdin=asyncio.subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            cwd=self._folder,  # no .env of anybody's
            env=os.environ  # noqa: TID251 - of a child
            | {"TROUPE_DATA_FOLDER": str(self._folder), MARK: self._run},
        )
        self._talking = asyncio.create_task(self._talk(self._process))

    async def close(self) -> None:
        """End its input, and wait until it has ended."""
        await self._stop_talking()
        assert self.process.stdin is not None  # noqa: S101
        self.process.stdin.close()
        await asyncio.wait_for(self.process.wait(), PATIENCE_SECONDS)

    async def kill(self) -> None:
        """Kill it, and wait until it has ended."""
        self.process.kill()
        await self.process.wait()
        await self._stop_talking()

    def find_workers(self) -> list[int]:
        """Workers of this run, whosever children they are by now."""
        mark = f"{MARK}={self._run}".encode()
        return [
            pid
            for pid in list_processes()
            if WORKER in read_process(pid, "cmdline")
            and mark in read_process(pid, "environ").split(b"\0")
        ]

    async def _talk(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None  # noqa: S101
        with suppress(ConnectionError):
            while True:
                process.stdin.write(b"And what did you do then?\n")
                await process.stdin.drain()
                await asyncio.sleep(0.5)

    async def _stop_talking(self) -> None:
        if self._talking is not None:
            self._talking.cancel()
            await asyncio.wait({self._talking})


class Killer:
    """Kills, waits until nothing is left, and counts."""

    def __init__(self, bot: Bot, folder: Path, chance: random.Random) -> None:
        self._bot = bot
        self._folder = folder
        self._chance = chance
        self._broken_loads = 0
        self.rows: dict[str, Row] = defaultdict(Row)

    async def kill_once(self) -> None:
        """Wait for a random moment, kill the worker or the bot, and look."""
        await self._wait_for_worker()
        if self._broken_loads < LOADS_LEFT_ALONE and self._chance.random() < 0.5:  # noqa: PLR2004
            await asyncio.sleep(self._chance.uniform(0, SHORTEST_LOAD_SECONDS))
        else:
            await self._wait_until_loaded()
            await asyncio.sleep(self._chance.uniform(0, LONGEST_PAUSE_SECONDS))
        worker = await self._wait_for_worker()
        sockets = set(list_sockets([worker]))
        self._broken_loads = 0 if sockets else self._broken_loads + 1
        victim = self._chance.choice(["worker", "bot"])
        row = self.rows[f"{victim}, {'loaded' if sockets else 'loading'}"]
        if victim == "bot":
            await self._bot.kill()
        else:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        await self._count(row, worker, sockets, bot_lives=victim == "worker")

    async def end(self) -> None:
        """Let the bot end in peace, and look."""
        worker = await self._wait_until_loaded()
        sockets = set(list_sockets([worker]))
        await self._bot.close()
        await self._count(self.rows["none: input ended"], worker, sockets, bot_lives=False)

    async def _count(self, row: Row, worker: int, sockets: set[str], *, bot_lives: bool) -> None:
        began = time.monotonic()
        while remains := self._find_remains(worker, sockets, bot_lives=bot_lives):
            if time.monotonic() - began > PATIENCE_SECONDS:
                break
            await asyncio.sleep(0.01)
        row.kills += 1
        row.orphans += remains.orphans
        row.zombies += remains.zombies
        row.ports += remains.ports
        row.locks += remains.locked
        row.seconds.append(time.monotonic() - began)

    def _find_remains(self, worker: int, sockets: set[str], *, bot_lives: bool) -> Remains:
        workers = self._bot.find_workers()
        children = list_children(self._bot.process.pid) if bot_lives else []
        return Remains(
            orphans=len(set(workers) - set(children)) + (worker in workers and bot_lives),
            # Those of a bot that was killed are init's to reap, which takes its own time.
            zombies=sum(read_state(child) == "Z" for child in children),
            ports=len(sockets & set(list_listening())),
            locked=not bot_lives and is_locked(self._folder / "terminal"),
        )

    async def _wait_for_worker(self) -> int:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (workers := self._bot.find_workers()):
                await self._bot.start()
                await asyncio.sleep(0.01)
        return workers[0]

    async def _wait_until_loaded(self) -> int:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not list_sockets(self._bot.find_workers()):
                await self._bot.start()
                await asyncio.sleep(0.01)
        return await self._wait_for_worker()


def is_locked(folder: Path) -> bool:
    """Whether another bot would be kept out."""
    try:
        with DataFolderLock(folder):
            return False
    except DataFolderInUseError:
        return True


def write_table(rows: dict[str, Row]) -> str:
    """The counts as a Markdown table."""
    lines = [
        "| killed | times | orphans | zombies | ports | locks | slowest |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {name} | {row.kills} | {row.orphans} | {row.zombies} | {row.ports} | {row.locks} "
        f"| {max(row.seconds):.2f} s |"
        for name, row in sorted(rows.items())
    ]
    return "\n".join(lines)


def read_database(folder: Path) -> tuple[str, int]:
    """SQLite's own check of the file, and how many replies are in it."""
    with closing(sqlite3.connect(folder / "terminal" / "troupe.sqlite3")) as database:
        check = database.execute("PRAGMA integrity_check").fetchone()[0]
        count = database.execute("SELECT count(*) FROM turns WHERE role = 'persona'").fetchone()[0]
    return str(check), int(count)


async def run(kills: int, seed: int, log: IO[bytes]) -> bool:
    """Do it all and print; whether nothing was left."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bot = Bot(folder, log)
        killer = Killer(bot, folder, random.Random(seed))
        for _ in range(kills):
            await killer.kill_once()
        await killer.end()
        check, replies = read_database(folder)
    print(write_table(killer.rows))
    print(f"\nbots that ended by themselves: {bot.given_up}")
    print(f"replies that were written meanwhile: {replies}; the database: {check}")
    rows = killer.rows.values()
    left = sum(row.orphans + row.zombies + row.ports + row.locks for row in rows)
    return not left and not bot.given_up and check == "ok"


def main() -> None:
    """Read the arguments; exit code 1 if anything was left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", default=os.devnull, help="where the bots' own output goes")
    chosen = parser.parse_args()
    with Path(chosen.log).open("wb") as log:
        sys.exit(not asyncio.run(run(chosen.kills, chosen.seed, log)))


if __name__ == "__main__":
    main()
