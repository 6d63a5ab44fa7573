"""Messages as people see them, and what hangs on them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.interactions import FakeInteraction
    from tests.fake_discord.people import FakeMember
    from tests.fake_discord.users import FakeUser

SUPPRESS_EMBEDS = 1 << 2
HAS_THREAD = 1 << 5
EPHEMERAL = 1 << 6
LOADING = 1 << 7
SUPPRESS_NOTIFICATIONS = 1 << 12
COMPONENTS_V2 = 1 << 15

TYPE_DEFAULT, TYPE_REPLY, TYPE_SLASH, TYPE_MENU = 0, 19, 20, 23


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of a message: when it was carried out (time.monotonic) and the text since then.

    Of a message made of layout components the text is what these say.
    """

    at: float
    content: str


@dataclass(frozen=True, slots=True)
class FakeFile:
    """A file that somebody uploads."""

    filename: str
    data: bytes
    content_type: str = "application/octet-stream"
    description: str | None = None


@dataclass(slots=True)
class FakeAttachment:
    """A file that hangs on a message; `url` answers with its bytes."""

    id: int
    file: FakeFile
    url: str

    @property
    def filename(self) -> str:
        """The name under which it was uploaded."""
        return self.file.filename

    @property
    def data(self) -> bytes:
        """The bytes."""
        return self.file.data


@dataclass(frozen=True, slots=True)
class FakePoll:
    """A question that people vote on, with its answers."""

    question: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FakeButton:
    """A button or select menu of a message, as a person sees it."""

    label: str
    custom_id: str | None
    disabled: bool
    style: int
    raw: dict[str, Any]


@dataclass(eq=False, slots=True, kw_only=True)
class FakeMessage:
    """A message; edits keep their history, and a deleted one only says so."""

    id: int
    channel: FakeChannel
    author: FakeUser
    content: str = ""
    member: FakeMember | None = None
    type: int = TYPE_DEFAULT
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    created_at_monotonic: float = field(default_factory=time.monotonic)
    edited_at: datetime | None = None
    edits: list[Edit] = field(default_factory=list)
    original_content: str = ""
    embeds: list[dict[str, Any]] = field(default_factory=list)
    components: list[dict[str, Any]] = field(default_factory=list)
    attachments: list[FakeAttachment] = field(default_factory=list)
    stickers: list[str] = field(default_factory=list)
    poll: FakePoll | None = None
    forwarded: FakeMessage | None = None
    mentions: list[FakeUser] = field(default_factory=list)
    mention_roles: list[int] = field(default_factory=list)
    mention_everyone: bool = False
    reply_to_id: int | None = None
    webhook_id: int | None = None
    application_id: int | None = None
    flags: int = 0
    nonce: str | int | None = None
    pinned: bool = False
    reactions: dict[str, list[int]] = field(default_factory=dict)
    deleted: bool = False
    interaction: FakeInteraction | None = None
    thread: FakeChannel | None = None

    def __post_init__(self) -> None:
        self.original_content = self.texts if self.flags & COMPONENTS_V2 else self.content

    @property
    def ephemeral(self) -> bool:
        """Whether only the person who asked sees it."""
        return bool(self.flags & EPHEMERAL)

    @property
    def thinking(self) -> bool:
        """Whether it still only says that the bot is thinking."""
        return bool(self.flags & LOADING)

    @property
    def history(self) -> list[Edit]:
        """Every text that the message ever had, the first one included."""
        return [Edit(self.created_at_monotonic, self.original_content), *self.edits]

    @property
    def texts(self) -> str:
        """All that can be read: the content, embeds, and the texts among the components."""
        parts = [self.content]
        for embed in self.embeds:
            parts += [embed.get("title") or "", embed.get("description") or ""]
            parts += [f"{one['name']}\n{one['value']}" for one in embed.get("fields") or []]
        parts += [one["content"] for one in walk(self.components) if one.get("type") == 10]
        return "\n".join(part for part in parts if part)

    @property
    def buttons(self) -> list[FakeButton]:
        """The buttons and select menus, in the order in which they are shown."""
        return [
            FakeButton(
                label=label_of(one),
                custom_id=one.get("custom_id"),
                disabled=bool(one.get("disabled")),
                style=one.get("style", 0),
                raw=one,
            )
            for one in walk(self.components)
            if one["type"] in PRESSABLE
        ]

    def __repr__(self) -> str:
        gone = ", deleted" if self.deleted else ""
        return f"<FakeMessage {self.id} by {self.author.name}: {self.content[:60]!r}{gone}>"


PRESSABLE = {2, 3, 5, 6, 7, 8}


def walk(components: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield all components, those inside others included, in the order in which they are shown."""
    for component in components:
        yield component
        yield from walk(component.get("components") or [])
        inner = [component[key] for key in ("component", "accessory") if component.get(key)]
        yield from walk(inner)


def label_of(component: dict[str, Any]) -> str:
    """Return what a person would call a component: its label, emoji, or a menu's placeholder."""
    emoji = component.get("emoji") or {}
    return component.get("label") or emoji.get("name") or component.get("placeholder") or ""
