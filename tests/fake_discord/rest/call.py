"""One request to the REST API as its handler sees it, and the table of handlers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fake_discord.errors import ApiError, missing_access, missing_permissions, unknown
from tests.fake_discord.events import can_bot_see
from tests.fake_discord.permissions import bits

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.guilds import FakeGuild
    from tests.fake_discord.messages import FakeMessage
    from tests.fake_discord.recording import RecordedRequest
    from tests.fake_discord.world import World

CANNOT_SEND_TO_USER = 50007


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose token is good, with short ways to what its path names."""

    world: World
    request: RecordedRequest
    params: dict[str, str]

    @property
    def body(self) -> Any:
        """The JSON body; {} if there is none."""
        return self.request.body if self.request.body is not None else {}

    def query_number(self, name: str) -> int | None:
        """Return a number of the query string; None if it is not there."""
        value = self.request.query.get(name)
        return int(value) if value is not None else None

    def id(self, name: str) -> int:
        """Return an id of the path.

        Raises:
            ApiError: With code 50035, if it is no id.
        """
        value = self.params[name]
        if not value.isdigit():
            raise ApiError(400, 50035, f"Invalid Form Body: {value!r} is not snowflake.")
        return int(value)

    def guild(self) -> FakeGuild:
        """Return the server {g}.

        Raises:
            ApiError: If the bot is not in it.
        """
        guild = self.world.guilds.get(self.id("g"))
        if guild is None:
            raise unknown("guild")
        return guild

    def channel(self) -> FakeChannel:
        """Return the channel, thread or private channel {c}, if the bot can see it.

        Raises:
            ApiError: If there is none, or the bot cannot see it.
        """
        channel = self.world.channels.get(self.id("c"))
        if channel is None:
            raise unknown("channel")
        if not can_bot_see(channel):
            raise missing_access()
        return channel

    def message(self, channel: FakeChannel) -> FakeMessage:
        """Return the message {m}.

        Raises:
            ApiError: If there is none, or it is deleted.
        """
        return find_message(channel, self.id("m"))

    @staticmethod
    def require(channel: FakeChannel, *permissions: str) -> None:
        """Refuse what the bot may not do.

        Raises:
            ApiError: With code 50013, or in private 50007.
        """
        needed = bits(*permissions)
        if channel.permissions_of_bot() & needed != needed:
            if channel.is_private:
                raise ApiError(403, CANNOT_SEND_TO_USER, "Cannot send messages to this user")
            raise missing_permissions()


def find_message(channel: FakeChannel, number: int) -> FakeMessage:
    """Return a message of a channel.

    Raises:
        ApiError: If there is none, or it is deleted.
    """
    message = channel.all_messages.get(number)
    if message is None or message.deleted:
        raise unknown("message")
    return message


@dataclass(frozen=True, slots=True)
class Created:
    """An answer with status 201."""

    json: Any


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route, and who answers it: with JSON, or None for a 204."""

    method: str
    route: str
    handler: Callable[[Call], Coroutine[Any, Any, Any]]
    needs_bot: bool
    """Whether the bot's token is needed; a webhook's or interaction's own token may do instead."""


class Endpoints(list[Endpoint]):
    """The endpoints of one subject."""

    def add(self, method: str, route: str, *, needs_bot: bool = True) -> Callable[[Any], Any]:
        """Return a decorator that registers a handler for a route."""

        def register(
            handler: Callable[[Call], Coroutine[Any, Any, Any]],
        ) -> Callable[[Call], Coroutine[Any, Any, Any]]:
            self.append(Endpoint(method, route, handler, needs_bot))
            return handler

        return register
