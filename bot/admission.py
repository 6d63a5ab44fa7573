"""Is this message answered? Pure: everything it looks at is an argument."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from storage.records import Answers

if TYPE_CHECKING:
    from bot.messages import IncomingMessage, Quoted
    from storage.records import SceneRecord


_ASIDE = re.compile(r"\(\(.*?\)\)+", re.DOTALL)


class Verdict(StrEnum):
    """What becomes of a message."""

    ANSWER = "answer"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guests:
    """Which programs take part."""

    proxies: frozenset[int] = frozenset()
    """Applications through whose webhooks people speak."""
    bots: frozenset[int] = frozenset()
    """Other bots that are heard, by account or application."""
    bot_turns: int = 4
    """How many turns of theirs there may be until a person speaks again."""

    def is_proxy(self, message: "IncomingMessage") -> bool:
        """Whether a person speaks through a program."""
        return message.is_webhook and message.author_id in self.proxies

    def may_speak(self, message: "IncomingMessage", bot_turns: int) -> bool:
        """Whether who wrote a message takes part, after so many turns of other bots."""
        if not message.is_bot or self.is_proxy(message):
            return True
        return message.author_id in self.bots and bot_turns < self.bot_turns


NO_GUESTS = Guests()


def decide(
    message: "IncomingMessage",
    scene: "SceneRecord | None",
    guests: Guests = NO_GUESTS,
    *,
    bot_turns: int = 0,
) -> Verdict:
    """Say whether a message is part of the story and answered.

    Ignored are: other bots and webhooks, but for guests; messages with nothing in them; what is out
    of character, that is `((…))` and lines that start with `//`; and outside of scenes, direct
    messages, mentions and replies to the bot, everything.

    Args:
        message: What was written.
        scene: The open scene of the place, if there is one.
        guests: Which programs are heard.
        bot_turns: How many turns of other bots there were since a person spoke.
    """
    if not guests.may_speak(message, bot_turns) or not write_story(message):
        return Verdict.IGNORE
    if message.is_direct or message.mentions_bot or message.replies_to_bot:
        return Verdict.ANSWER
    if scene is not None and scene.answers is Answers.ALL:
        return Verdict.ANSWER
    return Verdict.IGNORE


def write_story(message: "IncomingMessage | Quoted") -> str:
    """What a message adds to the story: its words, then what hangs on it.

    What hangs on words that are all beside the story is beside it as well.
    """
    words = read_story(message.text)
    if message.text and not words:
        return ""
    return "\n".join(part for part in (words, *message.additions) if part)


def read_story(text: str) -> str:
    """The part of a message that belongs to the story: without `((…))` and lines with `//`.

    People talk beside the story; the persona does not hear that.
    """
    lines = _ASIDE.sub("", text).split("\n")
    return "\n".join(line for line in lines if not line.lstrip().startswith("//")).strip()
