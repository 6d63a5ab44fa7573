"""Text channels, threads and private channels, and the messages in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.fake_discord import payloads
from tests.fake_discord.permissions import IN_PRIVATE, Overwrite, permissions_in
from tests.fake_discord.webhooks import FakeWebhook

if TYPE_CHECKING:
    from tests.fake_discord.guilds import FakeGuild
    from tests.fake_discord.messages import FakeMessage
    from tests.fake_discord.people import FakeMember
    from tests.fake_discord.users import FakeUser
    from tests.fake_discord.world import World

TEXT, PRIVATE, PUBLIC_THREAD, PRIVATE_THREAD = 0, 1, 11, 12


class FakeChannel:
    """A place where messages are: a text channel, or the base of the other kinds."""

    type = TEXT
    parent: FakeChannel | None = None

    def __init__(self, world: World, guild: FakeGuild | None, name: str, channel_id: int) -> None:
        self.world = world
        self.id = channel_id
        self.name = name
        self.guild = guild
        self.nsfw = False
        self.topic: str | None = None
        self.position = 0
        self.overwrites: dict[int, Overwrite] = {}
        self.threads: list[FakeThread] = []
        self.webhooks: list[FakeWebhook] = []
        self.all_messages: dict[int, FakeMessage] = {}
        self.deleted = False

    @property
    def messages(self) -> list[FakeMessage]:
        """The messages that everybody there sees now, oldest first."""
        return [one for one in self.all_messages.values() if not one.deleted]

    @property
    def mention(self) -> str:
        """The text that links to it."""
        return f"<#{self.id}>"

    @property
    def is_private(self) -> bool:
        """Whether it is the private channel of the bot and one person."""
        return self.guild is None

    @property
    def server(self) -> FakeGuild:
        """The server that it is in, where it can only be in one."""
        assert self.guild is not None, f"{self!r} is in no server"
        return self.guild

    @property
    def as_thread(self) -> FakeThread | None:
        """Itself, if it is a thread."""
        return None

    @property
    def as_dm(self) -> FakeDM | None:
        """Itself, if it is a private channel."""
        return None

    def permissions_of_bot(self) -> int:
        """Return what the bot may do here."""
        if self.guild is None:
            return IN_PRIVATE & ~self.overwrites_of(self.world.bot_user.id).deny
        return permissions_in(self, self.guild.bot_member)

    def overwrites_of(self, role_or_member_id: int) -> Overwrite:
        """Return the overwrite for a role or member, an empty one if there is none."""
        kind = 0 if self.guild is not None and role_or_member_id in self.guild.roles else 1
        return self.overwrites.get(role_or_member_id) or Overwrite(role_or_member_id, kind)

    def set_overwrite(self, who: int, *, deny: int = 0, allow: int = 0, reset: int = 0) -> None:
        """Change what this channel allows and denies a role or member, and tell the client."""
        overwrite = self.overwrites_of(who)
        overwrite.allow = overwrite.allow & ~(deny | reset) | allow
        overwrite.deny = overwrite.deny & ~(allow | reset) | deny
        self.overwrites[who] = overwrite
        if self.guild is not None:
            self.world.emit("CHANNEL_UPDATE", payloads.channel_json(self), guild=self.guild)

    def add_thread(
        self,
        name: str,
        owner: FakeUser | FakeMember | None = None,
        *,
        thread_id: int | None = None,
    ) -> FakeThread:
        """Open a public thread, by default as the server's owner would.

        Args:
            name: Its name.
            owner: Who opens it.
            thread_id: That of the message on which it is opened, if there is one.
        """
        assert self.parent is None, "a thread has no threads"
        owner_id = owner.id if owner is not None else self.server.owner_id
        thread = FakeThread(self, name, thread_id or self.world.ids.new(), owner_id)
        self.world.add_channel(thread)
        self.threads.append(thread)
        data = payloads.channel_json(thread) | {"newly_created": True}
        self.world.emit("THREAD_CREATE", data, guild=self.server, channel=thread)
        return thread

    def add_webhook(
        self, name: str, *, creator: FakeUser | None = None, application_id: int | None = None
    ) -> FakeWebhook:
        """Make a webhook, by default one of somebody else's application (PluralKit, say)."""
        owner = creator or self.world.add_account(name, bot=True)
        number = self.world.ids.new()
        webhook = FakeWebhook(
            id=number,
            token=f"webhook-token-{number}",
            channel=self,
            name=name,
            creator=owner,
            application_id=application_id if application_id is not None else owner.id,
        )
        self.webhooks.append(webhook)
        self.world.webhooks[webhook.id] = webhook
        self.tell_webhooks_changed()
        return webhook

    def tell_webhooks_changed(self) -> None:
        """Send WEBHOOKS_UPDATE, which says only where."""
        data = {"guild_id": str(self.server.id), "channel_id": str(self.id)}
        self.world.emit("WEBHOOKS_UPDATE", data, guild=self.server, channel=self)

    def delete(self) -> None:
        """Delete the channel with all that is in it."""
        self.world.remove_channel(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.name!r}>"


class FakeThread(FakeChannel):
    """A public thread of a text channel."""

    type = PUBLIC_THREAD

    def __init__(self, parent: FakeChannel, name: str, thread_id: int, owner_id: int) -> None:
        super().__init__(parent.world, parent.guild, name, thread_id)
        self.parent = parent
        self.parent_id = parent.id
        self.owner_id = owner_id
        self.nsfw = parent.nsfw
        self.archived = False
        self.locked = False
        self.auto_archive_minutes = 1440
        self.created_at = datetime.now(UTC)
        self.member_ids: list[int] = [owner_id]

    @property
    def as_thread(self) -> FakeThread:
        """Itself."""
        return self

    def archive(self, *, locked: bool = False) -> None:
        """Archive it; the next message opens it again, unless it is locked too."""
        self.archived, self.locked = True, locked
        self.tell_changed()

    def tell_changed(self) -> None:
        """Send THREAD_UPDATE with the thread as it is."""
        data = payloads.channel_json(self)
        self.world.emit("THREAD_UPDATE", data, guild=self.guild, channel=self)


class FakeDM(FakeChannel):
    """The private channel between the bot and one person."""

    type = PRIVATE

    def __init__(self, world: World, person: FakeUser, channel_id: int) -> None:
        super().__init__(world, None, f"DM with {person.name}", channel_id)
        self.person = person

    @property
    def as_dm(self) -> FakeDM:
        """Itself."""
        return self
