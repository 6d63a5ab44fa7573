"""What a bot still says to an interaction after its first answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fake_discord.drafts import read_draft, require_something
from tests.fake_discord.errors import ApiError, unknown
from tests.fake_discord.messages import TYPE_REPLY
from tests.fake_discord.posting import change, post

if TYPE_CHECKING:
    from tests.fake_discord.interactions import FakeInteraction
    from tests.fake_discord.messages import FakeMessage
    from tests.fake_discord.rest.call import Call


def interaction_by_token(call: Call) -> FakeInteraction:
    """Return the interaction whose token is {t}, if it has been answered and is not too old.

    Raises:
        ApiError: If the token is wrong or expired, or there was no first answer yet.
    """
    for interaction in call.world.interactions.values():
        if interaction.token == call.params["t"]:
            break
    else:
        raise ApiError(401, 50027, "Invalid Webhook Token")
    if interaction.is_expired:
        raise ApiError(401, 50027, "Invalid Webhook Token")
    if not interaction.acknowledged:
        raise unknown("webhook")
    return interaction


def follow_up(call: Call, interaction: FakeInteraction) -> FakeMessage:
    """Say something more; after "thinking" the first of it takes the place of the thinking.

    Raises:
        ApiError: If the message is refused.
    """
    draft = read_draft(call.body, call.request.files)
    require_something(draft)
    original = interaction.original
    if original is not None and original.thinking and not original.deleted:
        change(original, draft)
        interaction.saw(original)
        return original
    draft.interaction = interaction
    if original is not None and not original.ephemeral:
        draft.reply_to = original.id
    message = post(interaction.channel, call.world.bot_user, draft, kind=TYPE_REPLY)
    interaction.followups.append(message)
    interaction.saw(message)
    return message


def edit_original(call: Call, interaction: FakeInteraction) -> FakeMessage:
    """Edit the first answer; of a pressed button that was merely acknowledged, its message.

    Raises:
        ApiError: If there is none, or the edit is refused.
    """
    message = _original(interaction)
    change(message, read_draft(call.body, call.request.files, edited=message))
    interaction.saw(message)
    return message


def message_of_interaction(call: Call, interaction: FakeInteraction) -> FakeMessage:
    """Return the answer {m} of an interaction, or without {m} the first one.

    Raises:
        ApiError: If there is none.
    """
    if "m" not in call.params:
        return _original(interaction)
    for message in interaction.messages:
        if message.id == call.id("m") and not message.deleted:
            return message
    if interaction.message is not None and interaction.message.id == call.id("m"):
        return interaction.message
    raise unknown("message")


def _original(interaction: FakeInteraction) -> FakeMessage:
    message = interaction.original
    if message is None and interaction.response_type in (6, 7):
        message = interaction.message
    if message is None or message.deleted:
        raise unknown("message")
    return message
