"""The fakes in a process of their own: python -m benchmarks.discord.stage REPLIES WORDS.

It prints a line of JSON when there is something to connect to, when the scenes are there, and when
all replies are whole; it waits for a line before people speak.
"""

import asyncio
import json
import re
import sys
import time
from typing import Any

from benchmarks.discord.delays import Write, find_delays
from bot.messages import Pacing
from tests.fake_discord import FakeDiscord
from tests.fake_discord.channels import FakeChannel
from tests.fake_model import FakeModel

_TOKEN = "benchmark"  # noqa: S105 - of a server that is not real
_WORD_SECONDS = 0.05
_WORD = re.compile(r"\bc(\d+)w(\d+)\b")
_SPEAKER = re.compile(r"Guest (\d+): Go on\.")
_PATIENCE_SECONDS = 100


class TimedModel(FakeModel):
    """Remembers when it sent each word."""

    def __init__(self, slots: int, words: int) -> None:
        super().__init__(context_length=8192, slots=slots)
        self.piece_delay = _WORD_SECONDS
        self.default_reply = lambda prompt: write_reply(prompt, words)
        self.sent_at: dict[int, dict[int, float]] = {}

    def _make_piece(self, piece: str) -> dict[str, Any]:
        if found := _WORD.search(piece):
            self.sent_at.setdefault(int(found[1]), {})[int(found[2])] = time.monotonic()
        return super()._make_piece(piece)


def write_reply(prompt: str, words: int) -> str:
    """Say words that tell whose reply they are of."""
    speakers = _SPEAKER.findall(prompt)
    channel = speakers[-1] if speakers else "0"
    return " ".join(f"c{channel}w{number}." for number in range(words))


def list_writes(fake: FakeDiscord, channel: FakeChannel) -> list[Write]:
    """Return the calls that brought words of the reply to a channel."""
    writes: list[Write] = []
    for request in fake.requests:
        if f"/channels/{channel.id}/messages" not in request.path or not request.ended:
            continue
        words = _WORD.findall((request.body or {}).get("content") or "")
        if words:
            shown = int(words[-1][1]) + 1
            writes.append(Write(started=request.started, ended=request.ended, words=shown))
    return writes


def say(**told: object) -> None:
    """Tell the other process."""
    print(json.dumps(told), flush=True)


async def run(replies: int, words: int) -> None:
    """Let people speak at once, and tell how late the edits were."""
    async with FakeDiscord(token=_TOKEN) as fake, TimedModel(replies, words) as model:
        guild = fake.add_guild("Stage")
        people = [guild.add_member(f"Guest {number}") for number in range(replies)]
        channels = [guild.add_channel(f"room-{number}") for number in range(replies)]
        say(token=_TOKEN, api_base=fake.api_base, gateway=fake.gateway, model=model.url)
        await fake.wait_ready(timeout=_PATIENCE_SECONDS)
        for person, channel in zip(people, channels, strict=True):
            await (await person.slash(channel, "play", persona="maren")).answer()
            await (await person.slash(channel, "length", word="unlimited")).answer()
        say()
        await asyncio.to_thread(sys.stdin.readline)
        said = [one.say(where, "Go on.") for one, where in zip(people, channels, strict=True)]
        await asyncio.gather(*said)
        await fake.wait_for(
            lambda: all(is_whole(channel, words) for channel in channels),
            timeout=_PATIENCE_SECONDS,
            what="whole replies",
        )
        delays: list[float] = []
        for number, channel in enumerate(channels):
            writes = list_writes(fake, channel)
            delays += find_delays(writes, model.sent_at[number], Pacing().edit_seconds)
        say(delays=delays)
        await asyncio.to_thread(sys.stdin.readline)


def is_whole(channel: FakeChannel, words: int) -> bool:
    """Whether the reply's last word is shown."""
    return channel.messages[-1].content.endswith(f"w{words - 1}.")


if __name__ == "__main__":
    asyncio.run(run(*map(int, sys.argv[1:])))
