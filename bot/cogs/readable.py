"""Discord's own marks as words: mentions, emoji, times, and what hangs on a message.

What stands in angle brackets in a message's text is in Discord's reference, "Message Formatting".
Names of files, polls and stickers are strangers' text: they stay on one line, cannot close their
brackets, and are cut, so that none outgrows what was said. What must not reach a prompt is made
harmless later, with everything else that people write.
"""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bot.text import shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    import discord

_MARK: Final = re.compile(
    r"<(?:(?P<user>@!?)|(?P<role>@&)|(?P<channel>\#))(?P<id>\d{1,20})>"
    r"|<a?:(?P<emoji>\w{1,32}):\d{1,20}>"
    r"|<t:(?P<time>-?\d{1,13})(?::(?P<style>[a-zA-Z]))?>"
    r"|</(?P<command>[^:<>\n]{1,100}):\d{1,20}>"
)
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_BRACKETS = str.maketrans("[]", "()")
_NAME_LENGTH = 80
_DESCRIPTION_LENGTH = 200
_FORWARDED_LENGTH = 600
_POLL_LENGTH = 400
_TIME_FORMATS: Final = {
    "t": "%H:%M UTC",
    "T": "%H:%M:%S UTC",
    "d": "%Y-%m-%d",
    "D": "%Y-%m-%d",
}
"""By Discord's style letter; all others tell day and minute. Everybody sees their own time zone
there; the story has one."""
_TIME_FORMAT: Final = "%Y-%m-%d %H:%M UTC"
_KINDS: Final = ("image", "video", "audio")
"""Of the media types that are told apart; what is none of these is a file."""


def read_marks(text: str, message: "discord.Message") -> str:
    """A text with mentions, custom emoji, times and commands as people see them.

    Args:
        text: The message's own, or one that it forwards.
        message: Where the names are found.
    """
    return _MARK.sub(lambda mark: _read_mark(mark, message), text).strip()


def read_additions(message: "discord.Message") -> tuple[str, ...]:
    """What hangs on a message, each as a short description in brackets."""
    forwarded = (_describe_snapshot(one, message) for one in message.message_snapshots)
    poll = [_describe_poll(message.poll)] if message.poll else []
    return (
        *(text for text in forwarded if text),
        *_describe_files(message.attachments, message.stickers),
        *poll,
    )


def _read_mark(mark: re.Match[str], message: "discord.Message") -> str:
    if emoji := mark["emoji"]:
        return f":{emoji}:"
    if command := mark["command"]:
        return f"/{command}"
    if time := mark["time"]:
        return _read_time(int(time), mark["style"]) or mark[0]
    number = int(mark["id"])
    if mark["user"]:
        return f"@{_find_person(number, message) or 'somebody'}"
    if mark["role"]:
        role = message.guild.get_role(number) if message.guild else None
        return f"@{_keep_on_line(role.name) if role else 'some-role'}"
    channel = message.guild.get_channel_or_thread(number) if message.guild else None
    return f"#{_keep_on_line(channel.name) if channel else 'some-channel'}"


def _read_time(seconds: int, style: str | None) -> str | None:
    """A time since 1970 in words; None if there is no such day."""
    try:
        when = datetime.fromtimestamp(seconds, UTC)
        # strftime leaves out a year's leading zeros on some systems, which nobody will miss.
        return when.strftime(_TIME_FORMATS.get(style or "", _TIME_FORMAT))
    except (OverflowError, OSError, ValueError):
        return None


def _find_person(number: int, message: "discord.Message") -> str | None:
    person = message.guild.get_member(number) if message.guild else None
    person = person or next((one for one in message.mentions if one.id == number), None)
    return _keep_on_line(person.display_name) if person else None


def _describe_files(
    attachments: "Sequence[discord.Attachment]", stickers: "Sequence[discord.StickerItem]"
) -> list[str]:
    files = [_describe_attachment(one) for one in attachments]
    return files + [f"[sticker: {_keep_on_line(one.name)}]" for one in stickers]


def _describe_attachment(attachment: "discord.Attachment") -> str:
    if attachment.is_voice_message():
        return "[voice message]"
    media = (attachment.content_type or "").partition("/")[0]
    kind = media if media in _KINDS else "file"
    name = _keep_on_line(attachment.filename)
    description = _keep_on_line(attachment.description or "", _DESCRIPTION_LENGTH)
    return f"[{kind}: {name}, {description}]" if description else f"[{kind}: {name}]"


def _describe_snapshot(
    snapshot: "discord.MessageSnapshot", message: "discord.Message"
) -> str | None:
    """A forwarded message; who wrote it Discord does not tell."""
    words = _keep_on_line(read_marks(snapshot.content, message), _FORWARDED_LENGTH)
    parts = [words, *_describe_files(snapshot.attachments, snapshot.stickers)]
    text = " ".join(part for part in parts if part)
    return f"[forwarded: {text}]" if text else None


def _describe_poll(poll: "discord.Poll") -> str:
    answers = "; ".join(_keep_on_line(answer.text) for answer in poll.answers)
    question = _keep_on_line(poll.question or "", _POLL_LENGTH)
    return f"[poll: {shorten(f'{question} {answers}'.strip(), _POLL_LENGTH)}]"


def _keep_on_line(text: str, limit: int = _NAME_LENGTH) -> str:
    """A stranger's text as one short line that cannot close its brackets."""
    return shorten(_SPACES.sub(" ", text).translate(_BRACKETS).strip(), limit)
