"""The fake Discord itself: a server on loopback, and what tests do to it and ask of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from tests.fake_discord.failures import Failure
from tests.fake_discord.rest.app import make_app
from tests.fake_discord.sessions import EventRule, Session
from tests.fake_discord.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.interactions import FakeInteraction
    from tests.fake_discord.recording import RecordedRequest

_TYPING_SECONDS = 10.0
_SHUTDOWN_SECONDS = 0.2


class FakeDiscord(World):
    """A strict Discord for one test; use it as an async context manager.

    People, servers and channels may be added before and after a client connects. What a client did
    that Discord would not allow is refused as Discord does, and listed in `violations`.
    """

    def __init__(
        self,
        token: str = "test-token",  # noqa: S107 - the token of a server that is not real
        pace: float = 1.0,
        *,
        bot_name: str = "Troupe",
        allow_message_content: bool = True,
        allow_members: bool = True,
        allow_presences: bool = True,
    ) -> None:
        """Describe the application that logs in.

        Args:
            token: The bot token that is taken.
            pace: Factor of all limits and intervals: 0.05 makes five seconds a quarter.
            bot_name: Name of the bot's account.
            allow_message_content: Whether the operator has switched this privileged intent on.
            allow_members: The same for the members intent.
            allow_presences: The same for the presences intent.
        """
        allowed = {
            "message_content": allow_message_content,
            "members": allow_members,
            "presences": allow_presences,
        }
        denied = tuple(name for name, is_allowed in allowed.items() if not is_allowed)
        super().__init__(token, pace, bot_name=bot_name, denied=denied)
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(
            make_app(self), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.cdn_base = f"http://127.0.0.1:{port}"
        self.api_base = f"{self.cdn_base}/api/v10"
        self.gateway = f"ws://127.0.0.1:{port}/"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.sockets.is_open.set()
        await self.sockets.drop(1001)
        assert self._runner is not None
        await self._runner.cleanup()

    # What the client did

    @property
    def identifies(self) -> int:
        """How many sessions were begun."""
        return self.sockets.identifies

    @property
    def resumes(self) -> int:
        """How many times a session went on after its socket ended."""
        return self.sockets.resumes

    @property
    def sessions(self) -> list[Session]:
        """The sessions that a client can use or resume."""
        return list(self.sockets.sessions.values())

    @property
    def presences(self) -> list[dict[str, Any]]:
        """The presences that the client has set."""
        return self.sockets.presences

    @property
    def commands(self) -> dict[str, dict[str, Any]]:
        """The registered commands by name, those of servers included."""
        return self.registry.by_name()

    @property
    def unanswered(self) -> list[FakeInteraction]:
        """The interactions that "did not respond": no answer within three seconds."""
        return [one for one in self.interactions.values() if one.failed]

    def requests_to(self, method: str, route: str) -> list[RecordedRequest]:
        """Return the requests to a route template or path, oldest first, in flight included."""
        return [request for request in self.requests if request.is_to(method, route)]

    def is_typing(self, channel: FakeChannel) -> bool:
        """Whether people see that the bot is typing: for ten seconds, or until it has spoken."""
        last = max((at for where, at in self.typing if where == channel.id), default=None)
        if last is None or time.monotonic() - last > _TYPING_SECONDS * self.pace:
            return False
        said = [one for one in channel.messages if one.author is self.bot_user]
        return not said or said[-1].created_at_monotonic < last

    # What goes wrong

    def fail_next(  # noqa: PLR0913 - promised to tests
        self,
        method: str,
        route: str,
        *,
        status: int | None = 429,
        times: int = 1,
        retry_after: float = 0.3,
        delay: float = 0.0,
        channel: FakeChannel | int | None = None,
        global_: bool = False,
        code: int = 0,
        carried_out: bool = False,
    ) -> None:
        """Let the next requests to a route fail, or with `status=None` only take `delay` seconds.

        Args:
            method: The HTTP method.
            route: A template such as `/channels/{c}/messages/{m}`, or a whole path.
            status: The answer.
            times: How many requests.
            retry_after: Seconds that a 429 asks for.
            delay: Seconds before the answer.
            channel: Only requests that concern this channel.
            global_: Whether a 429 is for the whole bot.
            code: Discord's error code, if not the usual one of that status.
            carried_out: Whether the request takes effect although it seems to fail.
        """
        failure = Failure(method=method.upper(), route=route, status=status, times=times)
        failure.retry_after, failure.delay, failure.global_ = retry_after, delay, global_
        failure.code, failure.carried_out = code, carried_out
        failure.channel_id = channel if channel is None or isinstance(channel, int) else channel.id
        self.failures.add(failure)

    def repeat_next(self, event: str, *, copies: int = 2, times: int = 1) -> None:
        """Send the next events of this name more than once, as Discord now and then does."""
        self.sockets.event_rules.append(EventRule(event, times, copies=copies))

    def delay_next(self, event: str, seconds: float, *, times: int = 1) -> None:
        """Send the next events of this name late."""
        self.sockets.event_rules.append(EventRule(event, times, delay=seconds))

    async def drop_socket(self, code: int | None = None) -> None:
        """End the gateway connections: as a broken line does, or with a close code."""
        await self.sockets.drop(code)

    async def send_reconnect(self) -> None:
        """Send op 7: the client shall reconnect and resume."""
        for connection in self.sockets.live_connections:
            connection.send({"op": 7, "d": None})

    async def invalidate_session(self, resumable: bool) -> None:
        """Send op 9: the client shall resume, or with False begin anew."""
        self.sockets.invalidate(resumable=resumable)

    @contextlib.asynccontextmanager
    async def gateway_down(self) -> AsyncIterator[None]:
        """Drop the sockets, and let new ones wait until the block ends."""
        self.sockets.is_open.clear()
        await self.sockets.drop()
        try:
            yield
        finally:
            self.sockets.is_open.set()

    # Waiting

    async def wait_for(
        self,
        predicate: Callable[[], Any],
        timeout: float = 5.0,  # noqa: ASYNC109 - promised to tests
        what: str = "the state to be as expected",
    ) -> Any:
        """Wait until `predicate` is true, and return what it returned.

        It is asked again whenever anything changes here. It may look at the client as well, but a
        change there alone is noticed only at the time-out.

        Raises:
            AssertionError: If it does not become true in time; it tells the state.
        """
        try:
            async with asyncio.timeout(timeout):
                while not (found := predicate()):
                    await self.changes.next()
        except TimeoutError:
            found = predicate()
            if not found:
                raise AssertionError(
                    f"waited {timeout} s in vain for {what}\n{self.describe()}"
                ) from None
        return found

    async def wait_ready(self, timeout: float = 10) -> None:  # noqa: ASYNC109 - promised to tests
        """Wait until a client has been sent READY and its servers.

        Raises:
            AssertionError: If none is, in time.
        """
        await self.wait_for(
            lambda: any(one.is_idle for one in self.sockets.live_connections),
            timeout,
            "a client to identify",
        )

    def describe(self) -> str:
        """Return the state in a few lines, for a test that fails."""
        lines = [f"sockets: {len(self.sockets.live_connections)}, identifies: {self.identifies}, "]
        lines[0] += f"resumes: {self.resumes}, waiting interactions: {len(self.unanswered)}"
        lines += [f"request: {request!r}" for request in self.requests[-8:]]
        for channel in self.channels.values():
            lines += [f"{channel!r}: {message!r}" for message in channel.messages[-4:]]
        lines += [f"violation: {violation}" for violation in self.violations[-5:]]
        return "\n".join(lines)
