"""The first answer to an interaction."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.fake_discord import message_payloads
from tests.fake_discord.command_checks import STRING, check_choices
from tests.fake_discord.component_checks import check_modal
from tests.fake_discord.drafts import Draft, read_draft, require_something
from tests.fake_discord.errors import ApiError, form_error, unknown
from tests.fake_discord.interactions import AUTOCOMPLETE, COMMAND, COMPONENT, MODAL
from tests.fake_discord.messages import EPHEMERAL, LOADING, TYPE_MENU, TYPE_REPLY, TYPE_SLASH
from tests.fake_discord.modals import FakeModal
from tests.fake_discord.posting import change, post
from tests.fake_discord.rest.call import Endpoints

if TYPE_CHECKING:
    from tests.fake_discord.interactions import FakeInteraction
    from tests.fake_discord.messages import FakeMessage
    from tests.fake_discord.rest.call import Call

endpoints = Endpoints()
_SAY, _THINK, _ACKNOWLEDGE, _UPDATE, _CHOICES, _MODAL = 4, 5, 6, 7, 8, 9
_TRUE = ("1", "true", "True")


@endpoints.add("POST", "/interactions/{i}/{t}/callback", needs_bot=False)
async def answer(call: Call) -> dict[str, Any] | None:
    interaction = call.world.interactions.get(call.id("i"))
    if interaction is None or interaction.token != call.params["t"]:
        raise unknown("interaction")
    if interaction.acknowledged:
        raise ApiError(400, 40060, "Interaction has already been acknowledged.")
    if interaction.is_late:
        raise unknown("interaction")
    kind = call.body.get("type")
    if kind not in _allowed_types(interaction):
        message = f"Value must be one of {sorted(_allowed_types(interaction))}."
        raise form_error("type", "INTERACTION_TYPE_INVALID", message)
    steps = {
        _SAY: _say,
        _THINK: _think,
        _ACKNOWLEDGE: _acknowledge,
        _UPDATE: _update,
        _CHOICES: _offer_choices,
        _MODAL: _open_modal,
    }
    steps[kind](call, interaction, call.body.get("data") or {})
    interaction.response_type = kind
    interaction.acknowledged_at = time.monotonic()
    call.world.changes.notify()
    if call.request.query.get("with_response") not in _TRUE:
        return None
    return _callback_json(interaction)


def _allowed_types(interaction: FakeInteraction) -> set[int]:
    if interaction.kind == AUTOCOMPLETE:
        return {_CHOICES}
    allowed = {_SAY, _THINK}
    if interaction.kind != MODAL:
        allowed.add(_MODAL)
    if interaction.message is not None:
        allowed |= {_ACKNOWLEDGE, _UPDATE}
    return allowed


def _kind_of_message(interaction: FakeInteraction) -> int:
    if interaction.kind != COMMAND:
        return TYPE_REPLY if interaction.message is not None else 0
    return TYPE_SLASH if interaction.data["type"] == 1 else TYPE_MENU


def _post(call: Call, interaction: FakeInteraction, draft: Draft) -> FakeMessage:
    draft.interaction = interaction
    if interaction.message is not None and not interaction.message.ephemeral:
        draft.reply_to = interaction.message.id
    kind = _kind_of_message(interaction)
    return post(interaction.channel, call.world.bot_user, draft, kind=kind)


def _say(call: Call, interaction: FakeInteraction, data: dict[str, Any]) -> None:
    draft = read_draft(data, call.request.files)
    require_something(draft)
    interaction.original = _post(call, interaction, draft)
    interaction.saw(interaction.original)


def _think(call: Call, interaction: FakeInteraction, data: dict[str, Any]) -> None:
    draft = Draft(flags=(data.get("flags") or 0) & EPHEMERAL | LOADING)
    interaction.original = _post(call, interaction, draft)


def _acknowledge(call: Call, interaction: FakeInteraction, data: dict[str, Any]) -> None:
    """Do nothing: an edit or a follow-up comes later, or not at all."""


def _update(call: Call, interaction: FakeInteraction, data: dict[str, Any]) -> None:
    message = interaction.message
    if message is None or message.deleted:
        raise unknown("message")
    change(message, read_draft(data, call.request.files, edited=message))
    interaction.saw(message)


def _offer_choices(call: Call, interaction: FakeInteraction, data: dict[str, Any]) -> None:
    choices = data.get("choices")
    if choices is None:
        raise form_error("data.choices", "BASE_TYPE_REQUIRED", "This field is required")
    check_choices("data.choices", choices, _focused_type(interaction.data))
    interaction.choices = [(choice["name"], choice["value"]) for choice in choices]


def _focused_type(data: dict[str, Any]) -> int:
    for option in data.get("options") or []:
        if option.get("focused"):
            return option["type"]
        if option.get("options"):
            return _focused_type(option)
    return STRING


def _open_modal(call: Call, interaction: FakeInteraction, data: dict[str, Any]) -> None:
    check_modal(data)
    interaction.modal = FakeModal(data)


def _callback_json(interaction: FakeInteraction) -> dict[str, Any]:
    message = interaction.original
    if message is None and interaction.kind in (COMPONENT, MODAL):
        message = interaction.message
    inner: dict[str, Any] = {"id": str(interaction.id), "type": interaction.kind}
    shows = interaction.response_type in (_SAY, _THINK, _ACKNOWLEDGE, _UPDATE)
    if message is None or not shows:
        return {"interaction": inner}
    inner |= {
        "response_message_id": str(message.id),
        "response_message_loading": message.thinking,
        "response_message_ephemeral": message.ephemeral,
    }
    resource: dict[str, Any] = {"type": interaction.response_type}
    if interaction.response_type in (_SAY, _UPDATE):
        resource["message"] = message_payloads.message_json(message)
    return {"interaction": inner, "resource": resource}
