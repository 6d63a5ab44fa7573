"""What a reply to an older message tells of that message, so that the model knows what is meant."""

from typing import TYPE_CHECKING

from bot.admission import write_story
from bot.prompting.untrusted import clean_name
from bot.text import shorten

if TYPE_CHECKING:
    from bot.messages import Quoted
    from storage.messages import MessageStore

_FRESH_TURNS = 10
"""What replies to one of the newest of these needs no quote: the model has just read it."""
_QUOTE_LENGTH = 160
_MARK = "[in reply to "
_BRACKETS = str.maketrans("[]", "()")


async def quote(quoted: "Quoted", scene_id: int, messages: "MessageStore") -> str:
    """A line that tells in short what is replied to, or nothing where the story has it just before.

    A turn that was hidden is not told again by way of a quote, nor is what was out of character.
    """
    shown = await messages.find(quoted.message_id)
    if shown is None:
        return _write(quoted.name, write_story(quoted))
    is_fresh = shown.turn.scene_id == scene_id and shown.newer_turns < _FRESH_TURNS
    return "" if shown.is_hidden or is_fresh else _write(shown.turn.name, shown.turn.text)


def keep_quote(before: str, after: str) -> str:
    """The new text of an edited reply, with the quote that it had."""
    first, _, _ = before.partition("\n")
    return f"{first}\n{after}" if after and first.startswith(_MARK) else after


def _write(name: str, text: str) -> str:
    words = " ".join(text.translate(_BRACKETS).split())
    return f"{_MARK}{clean_name(name)}: {shorten(words, _QUOTE_LENGTH)}]\n" if words else ""
