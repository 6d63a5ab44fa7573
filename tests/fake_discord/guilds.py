"""Servers, with their roles, channels and members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fake_discord import payloads
from tests.fake_discord.channels import FakeChannel, FakeThread
from tests.fake_discord.people import FakeMember, FakePerson
from tests.fake_discord.permissions import BOT_DEFAULT, EVERYONE_DEFAULT, bits
from tests.fake_discord.users import FakeRole

if TYPE_CHECKING:
    from tests.fake_discord.world import World


class FakeGuild:
    """A server in which the bot is; it belongs to somebody who otherwise does nothing."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.id = world.ids.old()
        self.name = name
        self.channels: list[FakeChannel] = []
        self.members: dict[int, FakeMember] = {}
        self.everyone = FakeRole(self.id, "@everyone", EVERYONE_DEFAULT, position=0)
        bot_role = FakeRole(world.ids.old(), world.bot_user.name, BOT_DEFAULT)
        bot_role.bot_id = world.bot_user.id
        self.roles: dict[int, FakeRole] = {self.id: self.everyone, bot_role.id: bot_role}
        self.bot_role = bot_role
        self.denied_to_bot = 0
        self.owner_id = 0
        self.owner = self._join(FakePerson(world, world.add_account(f"{name}-owner")))
        self.owner_id = self.owner.id
        self.bot_member = self._join(FakePerson(world, world.bot_user))
        self.bot_member.role_ids.append(bot_role.id)

    @property
    def threads(self) -> list[FakeThread]:
        """The threads that are not archived."""
        return [
            thread for channel in self.channels for thread in channel.threads if not thread.archived
        ]

    def add_channel(
        self, name: str, *, nsfw: bool = False, topic: str | None = None
    ) -> FakeChannel:
        """Add a text channel."""
        channel = FakeChannel(self.world, self, name, self.world.ids.old())
        channel.nsfw, channel.topic, channel.position = nsfw, topic, len(self.channels)
        self.channels.append(channel)
        self.world.add_channel(channel)
        self.world.emit("CHANNEL_CREATE", payloads.channel_json(channel), guild=self)
        if self.denied_to_bot:
            channel.set_overwrite(self.world.bot_user.id, deny=self.denied_to_bot)
        return channel

    def add_role(self, name: str, *permissions: str, mentionable: bool = False) -> FakeRole:
        """Add a role with these permissions; nobody has it yet."""
        role = FakeRole(self.world.ids.old(), name, bits(*permissions), mentionable=mentionable)
        self.roles[role.id] = role
        data = {"guild_id": str(self.id), "role": payloads.role_json(role)}
        self.world.emit("GUILD_ROLE_CREATE", data, guild=self)
        return role

    def add_member(
        self,
        name: str | FakePerson,
        *,
        nick: str | None = None,
        manage_guild: bool = False,
        bot: bool = False,
        roles: tuple[FakeRole, ...] = (),
    ) -> FakeMember:
        """Let somebody join: a new account of that name, or a person who is elsewhere already."""
        if isinstance(name, str):
            name = FakePerson(self.world, self.world.add_account(name, bot=bot))
        member = self._join(name)
        member.nick = nick
        member.role_ids += [role.id for role in roles]
        if manage_guild:
            member.role_ids.append(self._manager_role().id)
        data = payloads.member_json(member) | {"guild_id": str(self.id)}
        self.world.emit("GUILD_MEMBER_ADD", data, guild=self)
        return member

    def remove_member(self, member: FakeMember) -> None:
        """Let somebody leave."""
        del self.members[member.id]
        data = {"guild_id": str(self.id), "user": payloads.user_json(member.user)}
        self.world.emit("GUILD_MEMBER_REMOVE", data, guild=self)

    def _join(self, person: FakePerson) -> FakeMember:
        assert person.id not in self.members, f"{person.name} is in {self.name} already"
        member = FakeMember(self, person.user)
        self.members[person.id] = member
        return member

    def _manager_role(self) -> FakeRole:
        for role in self.roles.values():
            if role.name == "Managers":
                return role
        return self.add_role("Managers", "manage_guild", "manage_messages", "manage_channels")

    def __repr__(self) -> str:
        return f"<FakeGuild {self.id} {self.name!r}>"
