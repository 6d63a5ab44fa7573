"""People, and all that they can do: write, edit, type, use commands, press, fill in, react."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from tests.fake_discord import message_payloads, payloads
from tests.fake_discord.command_checks import MESSAGE_MENU, USER_MENU
from tests.fake_discord.drafts import MAX_CONTENT_OF_PEOPLE, Draft
from tests.fake_discord.interactions import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    DEADLINE_SECONDS,
    MODAL,
    FakeInteraction,
)
from tests.fake_discord.invoking import command_data, menu_data, modal_data, resolve
from tests.fake_discord.messages import FakeFile, FakeMessage, FakePoll
from tests.fake_discord.permissions import bits, permissions_in
from tests.fake_discord.posting import change, post, remove, remove_many
from tests.fake_discord.pressing import find_pressable
from tests.fake_discord.reactions import react, unreact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.guilds import FakeGuild
    from tests.fake_discord.users import FakeUser
    from tests.fake_discord.world import World


class FakePerson:
    """Somebody with an account; as a FakeMember also in a server."""

    def __init__(self, world: World, user: FakeUser) -> None:
        self.world = world
        self.user = user
        self.granted_commands: set[str] = set()
        """Commands that a server allows this person beyond what the command itself asks."""

    @property
    def id(self) -> int:
        """The account's id."""
        return self.user.id

    @property
    def name(self) -> str:
        """The account's name."""
        return self.user.name

    @property
    def mention(self) -> str:
        """The text that mentions them."""
        return self.user.mention

    def __eq__(self, other: object) -> bool:
        """Whether it is the same account, be the other an account, a person or a member."""
        return self.user == other

    def __hash__(self) -> int:
        return hash(self.user)

    async def say(  # noqa: PLR0913 - promised to tests
        self,
        channel: FakeChannel,
        text: str,
        *,
        reply_to: FakeMessage | None = None,
        mention_bot: bool = False,
        mentions: Iterable[FakePerson | FakeUser] = (),
        ping_reply: bool = True,
        files: Iterable[FakeFile] = (),
        stickers: Iterable[str] = (),
        poll: FakePoll | None = None,
        forwarded: FakeMessage | None = None,
    ) -> FakeMessage:
        """Write a message.

        Args:
            channel: Where.
            text: What; mentions written in it count as well.
            reply_to: The message it replies to, whose author is pinged if `ping_reply` is on.
            mention_bot: Whether `<@bot> ` is put before the text.
            mentions: Who is mentioned beside those that the text names.
            ping_reply: As the @ switch of Discord's reply bar.
            files: What is uploaded with it.
            stickers: Names of those that it shows.
            poll: The poll that it opens.
            forwarded: The message that it forwards, which is all that it shows then.
        """
        self._check_may(channel, "view_channel")
        self._check_may(channel, "send_messages_in_threads" if channel.parent else "send_messages")
        if mention_bot:
            text = f"{self.world.bot_user.mention} {text}"
        assert len(text) <= MAX_CONTENT_OF_PEOPLE, "nobody can write more than 4000 characters"
        allowed = {"parse": ["users", "roles", "everyone"], "replied_user": ping_reply}
        draft = Draft(content=text, files=list(files), allowed_mentions=allowed)
        draft.stickers, draft.poll, draft.forwarded = list(stickers), poll, forwarded
        assert forwarded is None or not text, "what is forwarded stands alone"
        if reply_to is not None:
            assert reply_to.channel is channel, "a reply stays in its channel"
            draft.reply_to = reply_to.id
        assert not draft.is_empty, "nobody can send an empty message"
        draft.also_mentioned = [one.user for one in mentions]
        return post(channel, self.user, draft)

    async def edit(self, message: FakeMessage, text: str) -> None:
        """Change the text of a message of their own."""
        assert message.author is self.user, f"{self.name} cannot edit {message!r}"
        assert not message.deleted, f"{message!r} is deleted"
        change(message, Draft(content=text))

    async def delete(self, message: FakeMessage) -> None:
        """Delete a message: their own, or with Manage Messages anybody's."""
        if message.author is not self.user:
            self._check_may(message.channel, "manage_messages")
        assert not message.deleted, f"{message!r} is deleted already"
        remove(message)

    async def delete_many(self, messages: Iterable[FakeMessage]) -> None:
        """Delete several messages of one channel at once, as moderators do."""
        gone = list(messages)
        self._check_may(gone[0].channel, "manage_messages")
        remove_many(gone[0].channel, gone)

    async def type_in(self, channel: FakeChannel) -> None:
        """Begin to type."""
        data: dict[str, Any] = {
            "channel_id": str(channel.id),
            "user_id": str(self.id),
            "timestamp": int(time.time()),
        }
        if channel.guild is not None:
            member = payloads.member_json(channel.guild.members[self.id])
            data |= {"guild_id": str(channel.guild.id), "member": member}
        self.world.emit("TYPING_START", data, guild=channel.guild, channel=channel)

    async def react(self, message: FakeMessage, emoji: str) -> None:
        """Add a reaction."""
        react(message, self.user, emoji)

    async def unreact(self, message: FakeMessage, emoji: str) -> None:
        """Take a reaction back."""
        unreact(message, self.user, emoji)

    async def slash(self, channel: FakeChannel, command: str, /, **options: Any) -> FakeInteraction:
        """Use a slash command; `persona list` is the subcommand of a group.

        Raises:
            AssertionError: If Discord's client would not send this.
        """
        data = command_data(self, channel, command, options)
        return self._interact(channel, COMMAND, data)

    async def autocomplete(
        self, channel: FakeChannel, command: str, option: str, text: str, /, **filled: Any
    ) -> list[tuple[str, Any]]:
        """Type into an option of a slash command; return the (name, value) that are offered.

        Raises:
            AssertionError: If the option has no autocompletion, or there is no answer in time.
        """
        values = filled | {option: text}
        data = command_data(self, channel, command, values, focused=option)
        interaction = self._interact(channel, AUTOCOMPLETE, data)
        seconds = DEADLINE_SECONDS * self.world.pace + 1
        try:
            async with asyncio.timeout(seconds):
                while interaction.choices is None:
                    await self.world.changes.next()
        except TimeoutError:
            raise AssertionError(
                f"no choices for {option!r} of /{command}; violations: {self.world.violations}"
            ) from None
        return interaction.choices

    async def use_menu(self, target: FakeMessage | FakePerson, name: str) -> FakeInteraction:
        """Use a context-menu command on a message, or on a member of the same server."""
        if isinstance(target, FakeMessage):
            channel, kind = target.channel, MESSAGE_MENU
            found = {"messages": {str(target.id): message_payloads.message_json(target)}}
        else:
            assert isinstance(target, FakeMember), f"{target.name} is in no server"
            channel, kind = target.guild.channels[0], USER_MENU
            found = {}
            resolve(channel, target, found)
        command = self.world.registry.find(self, channel, kind, name)
        data = {"id": command["id"], "name": name, "type": kind}
        data |= {"target_id": str(target.id), "resolved": found}
        return self._interact(channel, COMMAND, data)

    async def press(
        self,
        target: FakeMessage | FakeInteraction,
        *,
        label: str | None = None,
        custom_id: str | None = None,
    ) -> FakeInteraction:
        """Press a button of a message, or of what answered an interaction.

        Raises:
            AssertionError: If there is no such button, or it cannot be pressed.
        """
        message, button = find_pressable(self, target, label=label, custom_id=custom_id)
        assert button["type"] == 2, f"{button} is a menu: use choose()"
        data = {"custom_id": button["custom_id"], "component_type": 2, "id": button["id"]}
        return self._interact(message.channel, COMPONENT, data, message=message)

    async def choose(
        self,
        target: FakeMessage | FakeInteraction,
        values: Iterable[Any],
        *,
        label: str | None = None,
        custom_id: str | None = None,
    ) -> FakeInteraction:
        """Choose in a select menu, by label or value of its options (or people, roles, channels).

        Raises:
            AssertionError: If there is no such menu, or it does not offer this.
        """
        message, menu = find_pressable(self, target, label=label, custom_id=custom_id, is_menu=True)
        data = menu_data(message.channel, menu, values)
        return self._interact(message.channel, COMPONENT, data, message=message)

    async def submit(self, interaction: FakeInteraction, /, **values: Any) -> FakeInteraction:
        """Fill in and submit the modal that an interaction opened, by custom_id or label.

        Raises:
            AssertionError: If it opened none, or its client would not let this be submitted.
        """
        modal = await interaction.opened()
        assert interaction.person.id == self.id, f"the modal is {interaction.person.name}'s"
        data = modal_data(interaction.channel, modal, values)
        channel, message = interaction.channel, interaction.message
        return self._interact(channel, MODAL, data, message=message, parent=interaction)

    def _interact(
        self,
        channel: FakeChannel,
        kind: int,
        data: dict[str, Any],
        *,
        message: FakeMessage | None = None,
        parent: FakeInteraction | None = None,
    ) -> FakeInteraction:
        self._check_may(channel, "use_application_commands" if kind == COMMAND else "view_channel")
        interaction = FakeInteraction(self, channel, kind, data, message=message, parent=parent)
        interaction.send()
        return interaction

    def _check_may(self, channel: FakeChannel, permission: str) -> None:
        if channel.as_dm is not None:
            assert channel.as_dm.person is self.user, f"{self.name} is not in {channel!r}"
            return
        member = channel.server.members.get(self.id)
        assert member is not None, f"{self.name} is not in {channel.server!r}"
        may = permissions_in(channel, member) & bits(permission)
        assert may, f"{self.name} lacks {permission} in {channel!r}"


class FakeMember(FakePerson):
    """A person, or a bot, in a server."""

    def __init__(self, guild: FakeGuild, user: FakeUser) -> None:
        super().__init__(guild.world, user)
        self.guild = guild
        self.nick: str | None = None
        self.role_ids: list[int] = []

    @property
    def display_name(self) -> str:
        """The name that the server shows."""
        return self.nick or self.user.global_name or self.user.name

    def __repr__(self) -> str:
        return f"<FakeMember {self.id} {self.name!r} of {self.guild.name!r}>"
