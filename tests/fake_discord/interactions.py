"""Interactions: what a person did, and what the bot answered."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from tests.fake_discord import message_payloads, payloads
from tests.fake_discord.permissions import IN_PRIVATE, permissions_in

if TYPE_CHECKING:
    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.messages import FakeMessage
    from tests.fake_discord.modals import FakeModal
    from tests.fake_discord.people import FakePerson

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
DEADLINE_SECONDS = 3.0
TOKEN_SECONDS = 15 * 60.0
_ATTACHMENT_LIMIT = 10 * 1024 * 1024


class FakeInteraction:
    """One interaction and everything that came of it."""

    def __init__(
        self,
        person: FakePerson,
        channel: FakeChannel,
        kind: int,
        data: dict[str, Any],
        *,
        message: FakeMessage | None = None,
        parent: FakeInteraction | None = None,
    ) -> None:
        self.world = channel.world
        self.id = self.world.ids.new()
        self.token = f"interaction-token-{self.id}"
        self.kind = kind
        self.person = person
        self.channel = channel
        self.data = data
        self.message = message
        self.parent = parent
        self.created = time.monotonic()
        self.response_type: int | None = None
        self.acknowledged_at: float | None = None
        self.original: FakeMessage | None = None
        self.followups: list[FakeMessage] = []
        self.first: FakeMessage | None = None
        self.modal: FakeModal | None = None
        self.choices: list[tuple[str, Any]] | None = None
        self.world.interactions[self.id] = self

    @property
    def acknowledged(self) -> bool:
        """Whether the bot has answered at all; "thinking" counts."""
        return self.response_type is not None

    @property
    def deferred(self) -> bool:
        """Whether the bot asked for time (5, or 6 for a component), whatever it did since."""
        return self.response_type in (5, 6)

    @property
    def is_late(self) -> bool:
        """Whether Discord no longer takes a first answer."""
        return time.monotonic() - self.created > DEADLINE_SECONDS * self.world.pace

    @property
    def is_expired(self) -> bool:
        """Whether its token is no longer good for follow-ups."""
        return time.monotonic() - self.created > TOKEN_SECONDS * self.world.pace

    @property
    def failed(self) -> bool:
        """Whether the person was told that the application did not respond."""
        return not self.acknowledged and self.is_late

    @property
    def messages(self) -> list[FakeMessage]:
        """The messages that answered it, oldest first."""
        first = [self.original] if self.original is not None else []
        return first + [one for one in self.followups if one is not self.original]

    def send(self) -> None:
        """Send INTERACTION_CREATE."""
        guild = self.channel.guild
        self.world.emit("INTERACTION_CREATE", interaction_json(self), guild=guild)

    def saw(self, message: FakeMessage) -> None:
        """Note the first answer that the person can see."""
        if self.first is None:
            self.first = message
        self.world.changes.notify()

    async def answer(self, timeout: float = 5) -> FakeMessage:  # noqa: ASYNC109 - promised to tests
        """Wait for the first answer that the person can see, and return it.

        That is a message, the edited message of a pressed button, or what follows "thinking".

        Raises:
            AssertionError: If there is none in time, or the bot opened a modal instead.
        """
        try:
            async with asyncio.timeout(timeout):
                while self.first is None:
                    assert self.modal is None, f"{self!r} was answered with a modal: {self.modal!r}"
                    await self.world.changes.next()
        except TimeoutError:
            raise AssertionError(
                f"no answer to {self!r} within {timeout} s; violations: {self.world.violations}"
            ) from None
        return self.first

    async def opened(self, timeout: float = 5) -> FakeModal:  # noqa: ASYNC109 - as answer()
        """Wait for the modal that the bot opens, and return it.

        Raises:
            AssertionError: If there is none in time.
        """
        try:
            async with asyncio.timeout(timeout):
                while self.modal is None:
                    await self.world.changes.next()
        except TimeoutError:
            raise AssertionError(f"no modal for {self!r} within {timeout} s") from None
        return self.modal

    def metadata_json(self) -> dict[str, Any]:
        """Return what its answers say about where they come from."""
        user = payloads.user_json(self.person.user)
        metadata: dict[str, Any] = {
            "id": str(self.id),
            "type": self.kind,
            "user": user,
            "authorizing_integration_owners": integration_owners(self.channel),
        }
        if self.message is not None and self.kind == COMPONENT:
            metadata["interacted_message_id"] = str(self.message.id)
        if self.parent is not None:
            metadata["triggering_interaction_metadata"] = self.parent.metadata_json()[
                "interaction_metadata"
            ]
        both: dict[str, Any] = {"interaction_metadata": metadata}
        if self.kind == COMMAND:
            name = command_path(self.data)
            both["interaction"] = {"id": str(self.id), "type": COMMAND, "name": name, "user": user}
        return both

    def __repr__(self) -> str:
        kinds = {2: "command", 3: "component", 4: "autocomplete", 5: "modal submit"}
        what = self.data.get("name") or self.data.get("custom_id")
        answered = f"type {self.response_type}" if self.acknowledged else "not acknowledged"
        return f"<FakeInteraction {kinds[self.kind]} {what!r} by {self.person.name}, {answered}>"


def command_path(data: dict[str, Any]) -> str:
    """Return a command's name with those of its groups: `persona list`."""
    names, level = [data["name"]], data
    while inner := next((one for one in level.get("options", ()) if one["type"] in (1, 2)), None):
        names.append(inner["name"])
        level = inner
    return " ".join(names)


def integration_owners(channel: FakeChannel) -> dict[str, str]:
    """Return who installed the application: the server, or nobody in private."""
    return {"0": str(channel.guild.id) if channel.guild else "0"}


def interaction_json(interaction: FakeInteraction) -> dict[str, Any]:
    """Return an interaction as INTERACTION_CREATE brings it."""
    channel, person = interaction.channel, interaction.person
    guild = channel.guild
    member = guild.members.get(person.id) if guild is not None else None
    data: dict[str, Any] = {
        "id": str(interaction.id),
        "application_id": str(interaction.world.application_id),
        "type": interaction.kind,
        "token": interaction.token,
        "version": 1,
        "channel_id": str(channel.id),
        "channel": payloads.partial_channel_json(channel, member),
        "data": interaction.data,
        "locale": "en-US",
        "entitlements": [],
        "entitlement_sku_ids": [],
        "authorizing_integration_owners": integration_owners(channel),
        "attachment_size_limit": _ATTACHMENT_LIMIT,
        "app_permissions": str(channel.permissions_of_bot()),
        "context": 1 if guild is None else 0,
    }
    if guild is None or member is None:
        data |= {"user": payloads.user_json(person.user), "app_permissions": str(IN_PRIVATE)}
    else:
        permissions = str(permissions_in(channel, member))
        data |= {
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": "en-US", "features": []},
            "guild_locale": "en-US",
            "member": payloads.member_json(member) | {"permissions": permissions},
        }
    if interaction.message is not None:
        data["message"] = message_payloads.message_json(interaction.message)
    return data
