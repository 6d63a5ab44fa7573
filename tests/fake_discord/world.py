"""All that the fake Discord knows, and how a change of it reaches the client."""

from __future__ import annotations

import base64
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tests.fake_discord import payloads
from tests.fake_discord.changes import Changes
from tests.fake_discord.channels import FakeChannel, FakeDM
from tests.fake_discord.failures import Failures
from tests.fake_discord.gateway import Gateway
from tests.fake_discord.guilds import FakeGuild
from tests.fake_discord.ids import Snowflakes
from tests.fake_discord.limits import RateLimits
from tests.fake_discord.people import FakePerson
from tests.fake_discord.permissions import bits
from tests.fake_discord.registry import CommandRegistry
from tests.fake_discord.users import FakeUser

if TYPE_CHECKING:
    from tests.fake_discord.interactions import FakeInteraction
    from tests.fake_discord.messages import FakeAttachment, FakeMessage
    from tests.fake_discord.recording import RecordedRequest
    from tests.fake_discord.webhooks import FakeWebhook

_PRIVILEGED = {"members": 1 << 1, "presences": 1 << 8, "message_content": 1 << 15}


class World:
    """The state that REST, gateway and tests share."""

    def __init__(self, token: str, pace: float, *, bot_name: str, denied: tuple[str, ...]) -> None:
        self.token = token
        self.pace = pace
        self.ids = Snowflakes()
        self.changes = Changes()
        self.users: dict[int, FakeUser] = {}
        self.bot_user = self.add_account(bot_name, bot=True)
        self.application_id = self.bot_user.id
        self.application_owner = self.add_account("operator")
        self.denied_intents = sum(_PRIVILEGED[name] for name in denied)
        self.guilds: dict[int, FakeGuild] = {}
        self.channels: dict[int, FakeChannel] = {}
        self.webhooks: dict[int, FakeWebhook] = {}
        self.interactions: dict[int, FakeInteraction] = {}
        self.private_messages: dict[int, FakeMessage] = {}
        self.attachments: dict[int, FakeAttachment] = {}
        self.emojis: dict[int, dict[str, Any]] = {}
        self.registry = CommandRegistry(self)
        self.limits = RateLimits(pace)
        self.failures = Failures()
        self.sockets = Gateway(self)
        self.requests: list[RecordedRequest] = []
        self.typing: list[tuple[int, float]] = []
        self.pings: list[FakeMessage] = []
        self.violations: list[str] = []
        self.edits_in_flight: dict[str, int] = defaultdict(int)
        self.latency = 0.0
        self.shards = 1
        self.api_base = ""
        self.gateway = ""
        self.cdn_base = ""

    @property
    def application_flags(self) -> int:
        """The application's flags: which privileged intents its owner has switched on."""
        flags = {"presences": 1 << 13, "members": 1 << 15, "message_content": 1 << 19}
        return sum(
            flag for name, flag in flags.items() if not self.denied_intents & _PRIVILEGED[name]
        )

    def violation(self, what: str) -> None:
        """Note something that a correct client would not have done."""
        self.violations.append(what)
        self.changes.notify()

    def emit(
        self,
        event: str,
        data: dict[str, Any],
        *,
        guild: FakeGuild | None = None,
        channel: FakeChannel | None = None,
        message: FakeMessage | None = None,
    ) -> None:
        """Send an event to every session that may have it, now or when it resumes."""
        self.sockets.dispatch(event, data, guild=guild, channel=channel, message=message)
        self.changes.notify()

    def add_account(self, name: str, *, bot: bool = False) -> FakeUser:
        """Make an account that is in no server yet."""
        user = FakeUser(self.ids.old(), name, bot=bot, global_name=None if bot else name)
        self.users[user.id] = user
        return user

    def add_user(self, name: str) -> FakePerson:
        """Make a person who is in no server; they can write in private."""
        return FakePerson(self, self.add_account(name))

    def add_guild(self, name: str) -> FakeGuild:
        """Let the bot join a new server."""
        guild = FakeGuild(self, name)
        self.guilds[guild.id] = guild
        self.sockets.dispatch_guild(guild)
        self.changes.notify()
        return guild

    def remove_guild(self, guild: FakeGuild) -> None:
        """Throw the bot out of a server."""
        self.emit("GUILD_DELETE", {"id": str(guild.id)}, guild=guild)
        del self.guilds[guild.id]
        for channel in [one for one in self.channels.values() if one.guild is guild]:
            del self.channels[channel.id]

    def add_channel(self, channel: FakeChannel) -> None:
        """Make a channel, thread or private channel known by its id."""
        self.channels[channel.id] = channel
        self.changes.notify()

    def remove_channel(self, channel: FakeChannel) -> None:
        """Delete a channel or thread."""
        for thread in list(channel.threads):
            self.remove_channel(thread)
        data = payloads.channel_json(channel)
        self.channels.pop(channel.id, None)
        channel.deleted = True
        for webhook in channel.webhooks:
            self.webhooks.pop(webhook.id, None)
        thread = channel.as_thread
        if channel.parent is not None and thread is not None:
            channel.parent.threads.remove(thread)
            kept = {key: data[key] for key in ("id", "guild_id", "parent_id", "type")}
            self.emit("THREAD_DELETE", kept, guild=channel.guild)
        elif channel.guild is not None:
            channel.guild.channels.remove(channel)
            self.emit("CHANNEL_DELETE", data, guild=channel.guild)

    def add_dm(self, person: FakePerson | FakeUser) -> FakeDM:
        """Return the private channel of the bot and a person, made if there is none."""
        for channel in self.channels.values():
            if isinstance(channel, FakeDM) and channel.person is person.user:
                return channel
        channel = FakeDM(self, person.user, self.ids.new())
        self.add_channel(channel)
        return channel

    def add_emoji(self, name: str, image: str) -> dict[str, Any]:
        """Add an emoji to the application; `image` is the data URI that REST takes."""
        number = self.ids.new()
        emoji = {
            "id": str(number),
            "name": name,
            "roles": [],
            "user": payloads.user_json(self.bot_user),
            "require_colons": True,
            "managed": False,
            "animated": False,
            "available": True,
        }
        self.emojis[number] = {"json": emoji, "data": base64.b64decode(image.partition(",")[2])}
        return emoji

    def deny(self, where: FakeGuild | FakeChannel, *permissions: str) -> None:
        """Take permissions from the bot, in one channel or in the whole server."""
        value = bits(*permissions)
        if isinstance(where, FakeGuild):
            where.denied_to_bot |= value
        for channel in where.channels if isinstance(where, FakeGuild) else [where.parent or where]:
            channel.set_overwrite(self.bot_user.id, deny=value)
        self.changes.notify()

    def allow(self, where: FakeGuild | FakeChannel, *permissions: str) -> None:
        """Give back what `deny` took."""
        value = bits(*permissions)
        if isinstance(where, FakeGuild):
            where.denied_to_bot &= ~value
        for channel in where.channels if isinstance(where, FakeGuild) else [where.parent or where]:
            channel.set_overwrite(self.bot_user.id, reset=value)
        self.changes.notify()
