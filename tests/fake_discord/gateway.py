"""The gateway: sockets, sessions, IDENTIFY and RESUME."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from tests.fake_discord import payloads
from tests.fake_discord.events import GUILD_MEMBERS
from tests.fake_discord.sessions import Connection, EventRule, Session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.guilds import FakeGuild
    from tests.fake_discord.messages import FakeMessage
    from tests.fake_discord.world import World

HEARTBEAT_MS = 41250
_HEARTBEAT, _IDENTIFY, _PRESENCE, _VOICE, _RESUME, _REQUEST_MEMBERS = 1, 2, 3, 4, 6, 8
_MAX_PAYLOAD = 4096
_MAX_SENDS, _SENDS_WINDOW = 120, 60.0
_GOING_AWAY = {1000, 1001}
_GONE_SECONDS = 1.0


class Gateway:
    """Everything that happens over WebSockets."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self.identifies = 0
        self.resumes = 0
        self.presences: list[dict[str, Any]] = []
        self.event_rules: list[EventRule] = []
        self.is_open = asyncio.Event()
        self.is_open.set()

    @property
    def live_connections(self) -> list[Connection]:
        """The sockets on which a session goes on now."""
        sessions = self.sessions.values()
        return [one.connection for one in sessions if one.connection is not None]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one socket until it closes; while the gateway is held, the handshake waits."""
        await self.is_open.wait()
        socket = web.WebSocketResponse(max_msg_size=0, compress=False)
        await socket.prepare(request)
        connection = Connection(socket, request.transport, self._world.changes)
        self.connections.add(connection)
        connection.send({"op": 10, "d": {"heartbeat_interval": HEARTBEAT_MS, "_trace": []}})
        try:
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    await self._receive(connection, frame.data)
        finally:
            self.connections.discard(connection)
            await connection.end()
            self._leave(connection, socket.close_code)
        return socket

    def _leave(self, connection: Connection, close_code: int | None) -> None:
        session = connection.session
        if session is not None and session.connection is connection:
            session.connection = None
            if close_code in _GOING_AWAY and not connection.closed_by_us:
                self.sessions.pop(session.id, None)
        self._world.changes.notify()

    async def _receive(self, connection: Connection, text: str) -> None:
        if len(text.encode()) > _MAX_PAYLOAD:
            await self._refuse(connection, 4002, "a payload over 4096 bytes")
            return
        try:
            frame = json.loads(text)
        except ValueError:
            await self._refuse(connection, 4002, "a payload that is not JSON")
            return
        if connection.count_send() > _MAX_SENDS:
            await self._refuse(connection, 4008, f"over {_MAX_SENDS} sends in {_SENDS_WINDOW} s")
            return
        handlers: dict[int, Callable[[Connection, Any], Awaitable[None]]] = {
            _HEARTBEAT: self._heartbeat,
            _IDENTIFY: self._identify,
            _RESUME: self._resume,
            _PRESENCE: self._presence,
            _VOICE: self._voice,
            _REQUEST_MEMBERS: self._request_members,
        }
        op = frame.get("op")
        if op not in handlers:
            await self._refuse(connection, 4001, f"opcode {op}")
        elif connection.session is None and op not in (_HEARTBEAT, _IDENTIFY, _RESUME):
            await self._refuse(connection, 4003, f"opcode {op} before IDENTIFY")
        else:
            await handlers[op](connection, frame.get("d"))
        self._world.changes.notify()

    async def _refuse(self, connection: Connection, code: int, why: str) -> None:
        self._world.violation(f"gateway: closed with {code}: {why}")
        await connection.close(code)

    async def _heartbeat(self, connection: Connection, _: Any) -> None:
        connection.send({"op": 11, "d": None})

    async def _presence(self, connection: Connection, data: Any) -> None:
        self.presences.append(data)

    async def _voice(self, connection: Connection, data: Any) -> None:
        """Take no notice: there are no voice channels."""

    async def _identify(self, connection: Connection, data: dict[str, Any]) -> None:
        if connection.session is not None:
            await self._refuse(connection, 4005, "IDENTIFY twice")
        elif data.get("token") != self._world.token:
            await self._refuse(connection, 4004, "a wrong token in IDENTIFY")
        elif data.get("intents") is None:
            await self._refuse(connection, 4013, "IDENTIFY without intents")
        elif data["intents"] & self._world.denied_intents:
            await connection.close(4014)
        else:
            self._start_session(connection, data)

    def _start_session(self, connection: Connection, data: dict[str, Any]) -> None:
        self.identifies += 1
        shard = data.get("shard")
        session = Session(
            id=f"session-{self.identifies}",
            intents=data["intents"],
            shard=tuple(shard) if shard else None,
            connection=connection,
        )
        if data.get("presence"):
            self.presences.append(data["presence"])
        self.sessions[session.id] = session
        connection.session = session
        guilds = [one for one in self._world.guilds.values() if session.has_guild(one)]
        session.send("READY", self._ready_json(session, guilds))
        for guild in guilds:
            if session.intents & 1:
                session.send("GUILD_CREATE", self._guild_json(session, guild))

    def _ready_json(self, session: Session, guilds: list[FakeGuild]) -> dict[str, Any]:
        user = payloads.user_json(self._world.bot_user)
        data: dict[str, Any] = {
            "v": 10,
            "user": user | {"verified": True, "mfa_enabled": False, "email": None, "flags": 0},
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self._world.gateway.rstrip("/"),
            "application": {
                "id": str(self._world.application_id),
                "flags": self._world.application_flags,
            },
            "private_channels": [],
            "relationships": [],
            "_trace": [],
        }
        return data | {"shard": list(session.shard)} if session.shard else data

    @staticmethod
    def _guild_json(session: Session, guild: FakeGuild) -> dict[str, Any]:
        return payloads.guild_json(guild, members=[guild.bot_member])

    async def _resume(self, connection: Connection, data: dict[str, Any]) -> None:
        session = self.sessions.get(data.get("session_id", ""))
        if data.get("token") != self._world.token:
            await self._refuse(connection, 4004, "a wrong token in RESUME")
        elif session is None or not isinstance(data.get("seq"), int):
            connection.send({"op": 9, "d": False})
        elif data["seq"] > session.sequence:
            await connection.close(4007)
        else:
            self.resumes += 1
            if session.connection is not None:
                await session.connection.close(4000)
            session.resume(connection, data["seq"])

    async def _request_members(self, connection: Connection, data: dict[str, Any]) -> None:
        session, guild = connection.session, self._world.guilds.get(int(data["guild_id"]))
        if session is None or guild is None:
            return
        query, wanted = data.get("query"), data.get("user_ids") or []
        if query == "" and not session.intents & GUILD_MEMBERS:
            self._world.violation("gateway: all members asked for without the members intent")
            return
        ids = [int(one) for one in (wanted if isinstance(wanted, list) else [wanted])]
        start = (query or "").lower()
        found = [
            member
            for member in guild.members.values()
            if (member.id in ids if ids else member.name.lower().startswith(start))
        ]
        chunk = {
            "guild_id": data["guild_id"],
            "members": [payloads.member_json(member) for member in found],
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": [str(one) for one in ids if one not in guild.members],
        }
        nonce = {"nonce": data["nonce"]} if data.get("nonce") else {}
        session.send("GUILD_MEMBERS_CHUNK", chunk | nonce)

    def dispatch(
        self,
        event: str,
        data: dict[str, Any],
        *,
        guild: FakeGuild | None = None,
        channel: FakeChannel | None = None,
        message: FakeMessage | None = None,
    ) -> None:
        """Send an event to the sessions that may have it, as often and late as a rule says."""
        rule = next((one for one in self.event_rules if one.event == event), None)
        if rule is not None:
            rule.times -= 1
            if rule.times <= 0:
                self.event_rules.remove(rule)
        for session in self.sessions.values():
            seen = session.reads(event, data, guild, channel, message)
            if seen is None:
                continue
            if rule is not None and rule.delay:
                asyncio.get_running_loop().call_later(rule.delay, session.send, event, seen)
                continue
            for _ in range(rule.copies if rule is not None else 1):
                session.send(event, seen)

    def dispatch_guild(self, guild: FakeGuild) -> None:
        """Send GUILD_CREATE for a server that the bot has just joined."""
        for session in self.sessions.values():
            if session.intents & 1 and session.has_guild(guild):
                session.send("GUILD_CREATE", self._guild_json(session, guild))

    async def drop(self, code: int | None = None) -> None:
        """End all sockets: without a close frame, or with this code. Returns when they are gone."""
        dropped = set(self.connections)
        for connection in dropped:
            if code is None:
                connection.abort()
            else:
                await connection.close(code)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GONE_SECONDS):
                while dropped & self.connections:
                    await self._world.changes.next()

    def invalidate(self, *, resumable: bool) -> None:
        """Send op 9 to every session; those that cannot be resumed are forgotten."""
        for session in list(self.sessions.values()):
            if session.connection is not None:
                session.connection.send({"op": 9, "d": resumable})
            if not resumable:
                if session.connection is not None:
                    session.connection.session = None
                del self.sessions[session.id]
