"""Accounts and roles."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False, slots=True)
class FakeUser:
    """An account: a person, a bot, or the name and face that one webhook message had."""

    id: int
    name: str
    bot: bool = False
    global_name: str | None = None
    avatar: str | None = None
    avatar_url: str | None = None
    is_webhook: bool = False

    @property
    def user(self) -> FakeUser:
        """Itself, so that people, members and accounts can be passed alike."""
        return self

    @property
    def mention(self) -> str:
        """The text that mentions it."""
        return f"<@{self.id}>"

    def __eq__(self, other: object) -> bool:
        """Whether it is the same account, be the other an account, a person or a member."""
        user = getattr(other, "user", None)
        return isinstance(user, FakeUser) and user.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<FakeUser {self.id} {self.name!r}>"


@dataclass(eq=False, slots=True)
class FakeRole:
    """A role of a server; the one with the server's id is @everyone."""

    id: int
    name: str
    permissions: int = 0
    position: int = 1
    mentionable: bool = False
    bot_id: int | None = None

    @property
    def mention(self) -> str:
        """The text that mentions it."""
        return f"<@&{self.id}>"
