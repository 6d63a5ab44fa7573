"""Is this message answered? Pure: everything it looks at is an argument."""

from enum import StrEnum
from typing import TYPE_CHECKING

from storage.records import Answers

if TYPE_CHECKING:
    from bot.messages import IncomingMessage
    from storage.records import SceneRecord


class Verdict(StrEnum):
    """What becomes of a message."""

    ANSWER = "answer"
    IGNORE = "ignore"


def decide(message: "IncomingMessage", scene: "SceneRecord | None") -> Verdict:
    """Say whether a message is part of the story and answered.

    Ignored are: other bots and webhooks; messages without text; what is out of character, that is
    `((…))` and lines that start with `//`; and outside of scenes, direct messages, mentions and
    replies to the bot, everything.

    Args:
        message: What was written.
        scene: The open scene of the place, if there is one.
    """
    text = message.text.strip()
    if message.is_bot or not text or is_out_of_character(text):
        return Verdict.IGNORE
    if message.is_direct or message.mentions_bot or message.replies_to_bot:
        return Verdict.ANSWER
    if scene is not None and scene.answers is Answers.ALL:
        return Verdict.ANSWER
    return Verdict.IGNORE


def is_out_of_character(text: str) -> bool:
    """Whether people talk beside the story."""
    return text.startswith("//") or (text.startswith("((") and text.endswith("))"))
