"""The application commands that the bot has registered, and how people find them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_discord.command_checks import CHAT_INPUT, GROUP, SUBCOMMAND
from tests.fake_discord.permissions import permissions_in_guild

if TYPE_CHECKING:
    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.guilds import FakeGuild
    from tests.fake_discord.people import FakePerson
    from tests.fake_discord.world import World

Command = dict[str, Any]
_IN_GUILD, _IN_PRIVATE = 0, 1


class CommandRegistry:
    """Commands everywhere, and commands of one server; those of the server hide the others."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lists: dict[int | None, list[Command]] = {}

    def in_list(self, guild_id: int | None) -> list[Command]:
        """Return the commands of one server, or with None those registered for everywhere."""
        return self._lists.setdefault(guild_id, [])

    def replace_all(self, guild_id: int | None, bodies: list[Command]) -> list[Command]:
        """Put these in the place of all others; a command of the same name keeps its id."""
        before = {(one["type"], one["name"]): one["id"] for one in self.in_list(guild_id)}
        self._lists[guild_id] = [self._register(guild_id, body, before) for body in bodies]
        self._world.changes.notify()
        return self._lists[guild_id]

    def add(self, guild_id: int | None, body: Command) -> Command:
        """Add one, or replace the one of that name."""
        key = (body.get("type", CHAT_INPUT), body["name"])
        others = self.in_list(guild_id)
        before = {(one["type"], one["name"]): one["id"] for one in others}
        command = self._register(guild_id, body, before)
        kept = [one for one in others if (one["type"], one["name"]) != key]
        self._lists[guild_id] = [*kept, command]
        self._world.changes.notify()
        return command

    def remove(self, guild_id: int | None, command_id: str) -> bool:
        """Remove one; False if there is none with that id."""
        left = [one for one in self.in_list(guild_id) if one["id"] != command_id]
        was_there = len(left) < len(self.in_list(guild_id))
        self._lists[guild_id] = left
        return was_there

    def _register(
        self, guild_id: int | None, body: Command, before: dict[tuple[int, str], str]
    ) -> Command:
        kind = body.get("type", CHAT_INPUT)
        place = {"guild_id": str(guild_id)} if guild_id is not None else {}
        return {
            "description": "",
            "options": [],
            "nsfw": False,
            "default_member_permissions": None,
            **body,
            **place,
            "type": kind,
            "id": before.get((kind, body["name"])) or str(self._world.ids.new()),
            "application_id": str(self._world.application_id),
            "version": str(self._world.ids.new()),
        }

    def visible(self, guild: FakeGuild | None) -> dict[tuple[int, str], Command]:
        """Return the commands that are offered in a server (None: in private), by type and name."""
        here = list(self.in_list(None))
        if guild is not None:
            here += self.in_list(guild.id)
        return {(one["type"], one["name"]): one for one in here}

    def by_name(self) -> dict[str, Command]:
        """Return every command, wherever it is registered, by its name."""
        return {one["name"]: one for rows in self._lists.values() for one in rows}

    def find(self, person: FakePerson, channel: FakeChannel, kind: int, name: str) -> Command:
        """Return the command that a person means, if Discord offers it to them there.

        Raises:
            AssertionError: If it is not registered, or hidden from this person or in this channel.
        """
        known = self.visible(channel.guild)
        names = sorted(name for its_kind, name in known if its_kind == kind)
        assert (kind, name) in known, f"no command {name!r} is registered here; there are {names}"
        command = known[kind, name]
        contexts = command.get("contexts")
        if channel.guild is None:
            in_private = command.get("dm_permission") is not False and "guild_id" not in command
            in_private = in_private if contexts is None else _IN_PRIVATE in contexts
            assert in_private, f"{name!r} is not offered in private"
        else:
            assert contexts is None or _IN_GUILD in contexts, f"{name!r} is not offered in servers"
            self._check_permission(person, channel, command)
        nsfw = (channel.parent or channel).nsfw or channel.guild is None
        assert nsfw or not command.get("nsfw"), f"{name!r} is for age-restricted channels only"
        return command

    @staticmethod
    def _check_permission(person: FakePerson, channel: FakeChannel, command: Command) -> None:
        needed = command.get("default_member_permissions")
        if needed is None or command["name"] in person.granted_commands:
            return
        member = channel.server.members[person.id]
        has = permissions_in_guild(member)
        is_allowed = int(needed) != 0 and has & int(needed) == int(needed)
        assert is_allowed or member.id == channel.server.owner_id, (
            f"Discord does not offer {command['name']!r} to {person.name}, who lacks permissions "
            f"{needed}; put the name into {person.name}.granted_commands if the server allows it"
        )


def descend(command: Command, words: list[str]) -> tuple[Command, list[Command]]:
    """Follow the names of groups and subcommands; return the leaf and all on the way.

    Raises:
        AssertionError: If there is no such subcommand, or the command itself cannot be run.
    """
    level, way = command, []
    for word in words:
        nested = _nested(level)
        found = next((one for one in nested if one["name"] == word), None)
        names = [one["name"] for one in nested]
        assert found is not None, f"/{level['name']} has no subcommand {word!r}; it has {names}"
        way.append(found)
        level = found
    inner = [one["name"] for one in _nested(level)]
    assert not inner, f"/{level['name']} is a group; its subcommands are {inner}"
    return level, way


def _nested(command: Command) -> list[Command]:
    return [one for one in command.get("options") or [] if one["type"] in (SUBCOMMAND, GROUP)]
