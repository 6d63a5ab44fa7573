"""Values between the edges (Discord, terminal) and the service."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """A message that another one replies to."""

    message_id: int
    name: str
    """Of who wrote it, as others see it in that place."""
    text: str
    """Empty for our own: the story has the words."""
    additions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMessage:
    """A person's message, with nothing of Discord left in it but ids."""

    message_id: int | None
    """None in the terminal."""
    scene_key: str
    channel_id: int | None
    guild_id: int | None
    author_id: int
    """Who wrote it; for a webhook the application that owns it."""
    author_name: str
    """As others see it in that place."""
    text: str
    """Readable: mentions as names, the bot's own mention at the start taken off."""
    additions: tuple[str, ...] = ()
    """What hangs on it, each in brackets: attachments, stickers, a poll, what it forwards."""
    quoted: Quoted | None = None
    """What it replies to."""
    is_bot: bool = False
    """Another bot or a webhook; our own messages never get this far."""
    is_webhook: bool = False
    """Posted through a webhook, under whatever name."""
    is_direct: bool = False
    mentions_bot: bool = False
    replies_to_bot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """All intervals in one value, so that tests run the same code at a twentieth."""

    gather_seconds: float = 0.8
    """A burst of messages this close together is one answer."""
    gather_limit_seconds: float = 2.0
    """In a busy channel an answer does not wait longer than this for a pause."""
    first_text_seconds: float = 1.0
    """The first text is shown after this, or with its first sentence."""
    edit_seconds: float = 1.2
    """Between the starts of two edits of a reply."""
    write_seconds: float = 0.04
    """Between two writes of all replies together: 25 a second, half of what Discord allows."""
    typing_seconds: float = 8.0
    """Discord shows typing for ten seconds."""
    notice_seconds: float = 2.0
    """A person who waits longer than this for the model is told why."""
    proxy_seconds: float = 10.0
    """A proxy's message and the original that it replaces are not further apart."""
    retry_seconds: float = 5.0
    """Before something that failed in Discord is tried again."""
    shutdown_seconds: float = 8.0
    """Replies in progress may take this long when the bot is asked to end."""

    @classmethod
    def scaled(cls, factor: float) -> "Pacing":
        """All intervals times a factor."""
        default = cls()
        values = {name: getattr(default, name) * factor for name in cls.__dataclass_fields__}
        return cls(**values)


def write_scene_key(channel_id: int) -> str:
    """The scene key of a Discord channel, thread or DM: each has a scene of its own."""
    return f"discord/{channel_id}"
