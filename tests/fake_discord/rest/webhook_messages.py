"""Messages by webhooks, and answers to interactions after the first, which look the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_discord import message_payloads
from tests.fake_discord.drafts import read_draft, require_something
from tests.fake_discord.errors import ApiError, form_error, unknown
from tests.fake_discord.messages import EPHEMERAL
from tests.fake_discord.posting import change, post, remove
from tests.fake_discord.rest.call import Call, Endpoints, find_message
from tests.fake_discord.rest.followups import (
    edit_original,
    follow_up,
    interaction_by_token,
    message_of_interaction,
)
from tests.fake_discord.rest.webhooks import check_webhook_name, webhook_by_token

if TYPE_CHECKING:
    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.messages import FakeMessage
    from tests.fake_discord.webhooks import FakeWebhook

endpoints = Endpoints()
_TRUE = ("1", "true", "True")
_ORIGINAL = "/webhooks/{w}/{t}/messages/@original"
_MESSAGE = "/webhooks/{w}/{t}/messages/{m}"


def _is_interaction(call: Call) -> bool:
    return call.id("w") == call.world.application_id


@endpoints.add("POST", "/webhooks/{w}/{t}", needs_bot=False)
async def execute(call: Call) -> dict[str, Any] | None:
    if _is_interaction(call):
        return message_payloads.message_json(follow_up(call, interaction_by_token(call)))
    webhook = webhook_by_token(call)
    channel = _target(call, webhook)
    draft = read_draft(call.body, call.request.files)
    require_something(draft)
    username, avatar_url = call.body.get("username"), call.body.get("avatar_url")
    if username is not None:
        check_webhook_name("username", username)
    if avatar_url is not None and not str(avatar_url).startswith(("http://", "https://")):
        code, message = "URL_TYPE_INVALID_URL", "Not a well formed URL."
        raise form_error("avatar_url", code, message)
    if draft.reply_to is not None:
        call.world.violation("a webhook cannot reply: message_reference is not taken")
        draft.reply_to = None
    draft.webhook = webhook
    draft.flags = (draft.flags or 0) & ~EPHEMERAL
    message = post(channel, webhook.author(username, avatar_url), draft)
    is_awaited = call.request.query.get("wait") in _TRUE
    return message_payloads.message_json(message) if is_awaited else None


def _target(call: Call, webhook: FakeWebhook) -> FakeChannel:
    """Return where a webhook shall speak: its channel, or the thread of it that the query names."""
    thread_id = call.query_number("thread_id")
    if thread_id is None:
        return webhook.channel
    channel = call.world.channels.get(thread_id)
    thread = channel.as_thread if channel is not None else None
    if thread is None or thread.parent is not webhook.channel:
        raise unknown("channel")
    if thread.locked:
        raise ApiError(400, 50083, "Thread is archived")
    return thread


def _message_of(call: Call) -> FakeMessage:
    if _is_interaction(call):
        return message_of_interaction(call, interaction_by_token(call))
    webhook = webhook_by_token(call)
    message = find_message(_target(call, webhook), call.id("m"))
    if message.webhook_id != webhook.id:
        raise unknown("message")
    return message


@endpoints.add("GET", _ORIGINAL, needs_bot=False)
@endpoints.add("GET", _MESSAGE, needs_bot=False)
async def get_webhook_message(call: Call) -> dict[str, Any]:
    return message_payloads.message_json(_message_of(call))


@endpoints.add("PATCH", _ORIGINAL, needs_bot=False)
async def edit_original_response(call: Call) -> dict[str, Any]:
    message = edit_original(call, interaction_by_token(call))
    return message_payloads.message_json(message)


@endpoints.add("PATCH", _MESSAGE, needs_bot=False)
async def edit_webhook_message(call: Call) -> dict[str, Any]:
    message = _message_of(call)
    draft = read_draft(call.body, call.request.files, edited=message)
    change(message, draft)
    if message.interaction is not None:
        message.interaction.saw(message)
    return message_payloads.message_json(message)


@endpoints.add("DELETE", _ORIGINAL, needs_bot=False)
@endpoints.add("DELETE", _MESSAGE, needs_bot=False)
async def delete_webhook_message(call: Call) -> None:
    remove(_message_of(call))
