"""Is this message answered? Pure: everything it looks at is an argument."""

import re
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


def decide(message: "IncomingMessage", scene: "SceneRecord | None") -> Verdict:
    """Say whether a message is part of the story and answered.

    Ignored are: other bots and webhooks; messages with nothing in them; what is out of character,
    that is `((…))` and lines that start with `//`; and outside of scenes, direct messages, mentions
    and replies to the bot, everything.

    Args:
        message: What was written.
        scene: The open scene of the place, if there is one.
    """
    if message.is_bot or not write_story(message):
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
