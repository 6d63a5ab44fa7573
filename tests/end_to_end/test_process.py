"""The bot as a real process, most of it with the demo model in a real worker."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from tests.end_to_end.conftest import PACE, TOKEN
from tests.end_to_end.test_scenes import persona_texts, play

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


class BotProcess:
    """`python -m bot run` and what it says on standard error."""

    def __init__(self, fake, folder, **settings):
        self.fake = fake
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("TROUPE_")},
            "PYTHONPATH": str(ROOT),
            "TROUPE_DISCORD_TOKEN": TOKEN,
            "TROUPE_DISCORD_API_BASE": fake.api_base,
            "TROUPE_DISCORD_GATEWAY": fake.gateway,
            "TROUPE_DATA_FOLDER": str(folder / "data"),
            "TROUPE_PACE": str(PACE),
            **settings,
        }
        self.folder = folder
        self.log = ""

    async def start(self, *, wait=True):
        identifies = self.fake.identifies
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "run",
            cwd=self.folder,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        self.reading = asyncio.create_task(self._read())
        if wait:
            await self.fake.wait_for(
                lambda: self.fake.identifies > identifies, timeout=30, what="the process"
            )
            await self.fake.wait_ready()

    async def _read(self):
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log += line.decode()

    async def ended(self, seconds=20):
        async with asyncio.timeout(seconds):
            code = await self.process.wait()
            await self.reading
        print(self.log)  # noqa: T201 - pytest shows it where a test fails
        return code

    async def stored_replies(self, count):
        """Wait until the database holds so many turns of the persona."""
        with contextlib.closing(sqlite3.connect(self.folder / "data" / "troupe.sqlite3")) as rows:
            async with asyncio.timeout(20):
                query = "SELECT count(*) FROM turns WHERE role = 'persona'"
                while rows.execute(query).fetchone()[0] < count:
                    await asyncio.sleep(0.02)

    async def worker(self):
        """The worker's process id, as soon as it runs Python's module."""
        async with asyncio.timeout(20):
            while not (found := find_children(self.process.pid)):
                await asyncio.sleep(0.02)
        return found[0]


def find_children(pid):
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children if b"_worker" in read_arguments(child)]
    return []


def read_arguments(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


async def gone(pid, seconds=10):
    async with asyncio.timeout(seconds):
        while b"_worker" in read_arguments(pid):
            await asyncio.sleep(0.02)


async def hear(fake, member, channel, text):
    """Say something and wait for the next reply of a real model, also while it still loads."""
    before = len(persona_texts(fake, channel))
    await member.say(channel, text)
    await fake.wait_for(
        lambda: (
            len(persona_texts(fake, channel)) > before
            and "by itself" not in persona_texts(fake, channel)[-1]
        ),
        timeout=30,
        what="a reply",
    )
    return persona_texts(fake, channel)[-1]


@pytest.fixture
async def process(fake, tmp_path):
    running = BotProcess(fake, tmp_path)
    await running.start()
    yield running
    if running.process.returncode is None:
        running.process.kill()
    await running.ended()


async def test_a_scene_on_the_demo_model_and_a_clean_end(process, fake, noor, tavern):
    await play(noor, tavern, "grumbold")
    said = await hear(fake, noor, tavern, "Who are you?")
    assert said.startswith("**Grumbold**\n")
    assert len(said) > len("**Grumbold**\n")
    worker = await process.worker()
    process.process.send_signal(signal.SIGTERM)
    assert await process.ended() == 0
    await gone(worker)
    assert "Traceback" not in process.log
    assert "Who are you" not in process.log


async def test_no_worker_outlives_a_killed_bot(process):
    worker = await process.worker()
    process.process.kill()
    await process.ended()
    await gone(worker)


async def test_a_killed_worker_is_said_in_one_line_and_the_answer_comes_by_itself(
    process, fake, noor, tavern
):
    await play(noor, tavern, "maren")
    await hear(fake, noor, tavern, "Hello")
    await process.stored_replies(2)  # the greeting is one
    worker = await process.worker()
    os.kill(worker, signal.SIGSTOP)  # it accepts the request and writes nothing
    fake.typing.clear()
    await noor.say(tavern, "Are you still there?")
    before = len(persona_texts(fake, tavern))
    await fake.wait_for(lambda: fake.typing, what="the reply to begin")
    os.kill(worker, signal.SIGKILL)
    await fake.wait_for(
        lambda: (
            len(persona_texts(fake, tavern)) > before
            and "by itself" not in persona_texts(fake, tavern)[-1]
        ),
        timeout=30,
        what="the answer of the new worker",
    )
    reply = tavern.messages[-1]
    assert any("by itself" in edit.content for edit in reply.edits) or "by itself" in str(
        [request.body for request in fake.requests]
    )


async def test_sigterm_lets_a_reply_finish(fake, model, noor, tavern, tmp_path):
    running = BotProcess(
        fake,
        tmp_path,
        TROUPE_ENGINE__KIND="llama_server",
        TROUPE_ENGINE__URL=model.url,
        TROUPE_PACE="0.2",
    )
    await running.start()
    await play(noor, tavern, "maren")
    model.replies.append("One. Two. Three. Four. Five. Six. Seven. Eight.")
    model.piece_delay = 0.03
    await noor.say(tavern, "Count")
    await fake.wait_for(lambda: len(persona_texts(fake, tavern)) == 2, what="the first words")
    running.process.send_signal(signal.SIGTERM)
    assert await running.ended() == 0
    assert persona_texts(fake, tavern)[-1].endswith("Eight.")


async def test_a_second_signal_ends_at_once_and_the_answer_comes_at_the_next_start(
    fake, model, noor, tavern, tmp_path
):
    running = BotProcess(
        fake,
        tmp_path,
        TROUPE_ENGINE__KIND="llama_server",
        TROUPE_ENGINE__URL=model.url,
        TROUPE_PACE="2",  # replies may then take sixteen seconds to finish
    )
    await running.start()
    dm = fake.add_dm(noor)
    model.hold()
    await noor.say(dm, "Hello?")
    await model.wait_for(lambda: model.running == 1, timeout=10, what="the generation")
    running.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(5):
        while "replies in progress may finish" not in running.log:
            await asyncio.sleep(0.02)
    running.process.send_signal(signal.SIGTERM)
    assert await running.ended(seconds=8) == 0
    model.release()
    model.replies[:] = ["Late, but here."]
    running.environment["TROUPE_PACE"] = str(PACE)
    await running.start()
    await fake.wait_for(
        lambda: persona_texts(fake, dm) == ["**Maren**\nLate, but here."], what="the answer"
    )
    running.process.send_signal(signal.SIGTERM)
    assert await running.ended() == 0


async def test_without_a_way_to_discord_one_line_says_so(fake, tmp_path):
    running = BotProcess(fake, tmp_path, TROUPE_DISCORD_API_BASE="http://127.0.0.1:9/api/v10")
    await running.start(wait=False)
    assert await running.ended(seconds=60) == 1
    assert "Traceback" not in running.log
    assert "Discord cannot be reached" in running.log.strip().splitlines()[-1]


async def test_two_bots_never_share_a_data_folder(process, fake, tmp_path):
    second = BotProcess(fake, tmp_path)
    await second.start(wait=False)
    assert await second.ended() == 1
    assert "TROUPE_DATA_FOLDER" in second.log
    assert len(second.log.strip().splitlines()) == 1


async def test_without_a_token_one_line_says_where_to_get_one(fake, tmp_path):
    running = BotProcess(fake, tmp_path, TROUPE_DISCORD_TOKEN="")
    await running.start(wait=False)
    assert await running.ended() == 2
    (line,) = running.log.strip().splitlines()
    assert "https://discord.com/developers/applications" in line
    assert "TROUPE_DISCORD_TOKEN" in line


async def test_a_refused_token_says_so(fake, tmp_path):
    running = BotProcess(fake, tmp_path, TROUPE_DISCORD_TOKEN="wrong")  # noqa: S106
    await running.start(wait=False)
    assert await running.ended() == 2
    assert "Discord refuses the token" in running.log
    assert fake.violations.pop().startswith("GET /users/@me: 401")
    assert "Traceback" not in running.log


async def test_a_model_file_that_is_none_ends_the_start_in_one_line(fake, tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF\x03\x00")
    running = BotProcess(fake, tmp_path, TROUPE_ENGINE__MODEL=str(broken))
    await running.start(wait=False)
    assert await running.ended() == 1
    (line,) = running.log.strip().splitlines()
    assert "TROUPE_ENGINE__MODEL" in line
