"""Measure how late edits are and what showing replies costs. Usage: python -m benchmarks.discord.

Discord and the model are fakes in a process of their own, with Discord's limits and at the usual
pace; the bot is alone in this one. Every figure is a ratio within this run; nothing fails.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from pydantic import SecretStr

from benchmarks.discord.delays import list_delay_rows
from benchmarks.engine.table import Row, write_table
from bot.app import run_bot
from bot.generation.config import LlamaServerConfig
from bot.messages import Pacing
from bot.settings import Settings

AT_ONCE = (1, 20)
_PATIENCE_SECONDS = 120
_WINDOW = 8192  # tokens, as the fake counts them


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one way of reading some replies cost."""

    processor_seconds: float
    delays: list[float]


class Stage:
    """The process with the fakes, spoken to in lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def hear(self) -> dict[str, object]:
        """Wait for its next line."""
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return json.loads(await self._process.stdout.readline())

    def go_on(self) -> None:
        """Let it do the next thing."""
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.write(b"\n")


@asynccontextmanager
async def open_stage(at_once: int, words: int) -> AsyncGenerator[Stage]:
    """Start the fakes, and end them."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.discord.stage", str(at_once), str(words)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 24,
    )
    try:
        yield Stage(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def show_replies(at_once: int, words: int) -> Shown:
    """Have the bot show so many replies at once."""
    async with open_stage(at_once, words) as stage:
        where = await stage.hear()
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(
                discord_token=SecretStr(str(where["token"])),
                discord_api_base=str(where["api_base"]),
                discord_gateway=str(where["gateway"]),
                data_folder=Path(folder),
                engine=LlamaServerConfig.model_validate(
                    {"kind": "llama_server", "url": where["model"]}
                ),
            )
            bot = asyncio.create_task(run_bot(settings))
            try:
                await stage.hear()  # the scenes are there
                began = time.process_time()
                stage.go_on()
                told = await stage.hear()
                spent = time.process_time() - began
            finally:
                bot.cancel()
                await asyncio.wait((bot,))
    delays = told["delays"]
    assert isinstance(delays, list)  # noqa: S101 - our own process
    return Shown(processor_seconds=spent, delays=delays)


async def read_replies(at_once: int, words: int) -> float:
    """Read as many replies at once with a bare client that shows nothing; processor seconds."""
    async with open_stage(at_once, words) as stage, aiohttp.ClientSession() as session:
        url = f"{(await stage.hear())['model']}/completion"

        async def read() -> None:
            body = {"prompt": "Guest 0: Go on.", "n_predict": _WINDOW // 2, "stream": True}
            async with session.post(url, json=body) as response:
                async for line in response.content:
                    if line.startswith(b"data: "):
                        json.loads(line.removeprefix(b"data: "))

        began = time.process_time()
        await asyncio.gather(*(read() for _ in range(at_once)))
        return time.process_time() - began


async def measure(words: int) -> list[Row]:
    """Measure one reply and many at once."""
    rows: list[Row] = []
    for at_once in AT_ONCE:
        shown = await show_replies(at_once, words)
        bare = await read_replies(at_once, words)
        thousands = at_once * words / 1000
        spent, alone = shown.processor_seconds / thousands, bare / thousands
        rows += list_delay_rows(at_once, shown.delays, Pacing().edit_seconds)
        what = (
            f"processor time for 1,000 tokens, {at_once} at once: the bot "
            f"({spent:.2f} s) ÷ a bare client that shows nothing ({alone:.2f} s)"
        )
        rows.append(Row(what=what, ratio=spent / alone))
    return rows


def main() -> None:
    """Play, count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=160, help="of each reply, twenty a second")
    print(write_table(asyncio.run(measure(parser.parse_args().words))))


if __name__ == "__main__":
    main()
