"""Webhooks themselves: made, listed, changed and removed, by the bot or by their own token."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from tests.fake_discord import payloads
from tests.fake_discord.errors import ApiError, check_length, form_error, unknown
from tests.fake_discord.rest.call import Endpoints

if TYPE_CHECKING:
    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.rest.call import Call
    from tests.fake_discord.webhooks import FakeWebhook

endpoints = Endpoints()
MAX_WEBHOOKS = 15
_FORBIDDEN_WORDS = ("clyde", "discord")
_FORBIDDEN_NAMES = ("everyone", "here")


def check_webhook_name(path: str, name: object) -> None:
    """Refuse names that Discord does not let webhooks have.

    Raises:
        ApiError: With code 50035.
    """
    text = check_length(path, name, 80, least=1)
    for word in _FORBIDDEN_WORDS:
        if word in text.lower():
            message = f'Username cannot contain "{word}"'
            raise form_error(path, "USERNAME_INVALID_CONTAINS", message)
    if text.strip().lower() in _FORBIDDEN_NAMES:
        raise form_error(path, "USERNAME_INVALID", f'Username cannot be "{name}"')
    if not text.strip():
        raise form_error(path, "BASE_TYPE_REQUIRED", "This field is required")


@endpoints.add("POST", "/channels/{c}/webhooks")
async def create_webhook(call: Call) -> dict[str, Any]:
    channel = _webhook_channel(call)
    call.require(channel, "manage_webhooks")
    name = call.body.get("name")
    check_webhook_name("name", name)
    if len(channel.webhooks) >= MAX_WEBHOOKS:
        raise ApiError(400, 30007, f"Maximum number of webhooks reached ({MAX_WEBHOOKS})")
    world = call.world
    webhook = channel.add_webhook(name, creator=world.bot_user, application_id=world.application_id)
    webhook.avatar = _avatar_hash(call.body.get("avatar"))
    return payloads.webhook_json(webhook)


def _webhook_channel(call: Call) -> FakeChannel:
    channel = call.channel()
    if channel.guild is None or channel.parent is not None:
        raise ApiError(400, 50024, "Cannot execute action on this channel type")
    return channel


def _avatar_hash(image: str | None) -> str | None:
    if image is None:
        return None
    if not image.startswith("data:image/"):
        raise form_error("avatar", "BASE_TYPE_BAD_FORMAT", "Invalid image data")
    return hashlib.sha256(image.encode()).hexdigest()[:32]


@endpoints.add("GET", "/channels/{c}/webhooks")
async def list_channel_webhooks(call: Call) -> list[dict[str, Any]]:
    channel = _webhook_channel(call)
    call.require(channel, "manage_webhooks")
    return [payloads.webhook_json(webhook) for webhook in channel.webhooks]


@endpoints.add("GET", "/guilds/{g}/webhooks")
async def list_guild_webhooks(call: Call) -> list[dict[str, Any]]:
    channels = call.guild().channels
    for channel in channels:
        call.require(channel, "manage_webhooks")
    return [payloads.webhook_json(one) for channel in channels for one in channel.webhooks]


def webhook_by_bot(call: Call) -> FakeWebhook:
    """Return the webhook {w}, which the bot needs Manage Webhooks for.

    Raises:
        ApiError: If there is none, or the permission is missing.
    """
    webhook = call.world.webhooks.get(call.id("w"))
    if webhook is None:
        raise unknown("webhook")
    call.require(webhook.channel, "manage_webhooks")
    return webhook


def webhook_by_token(call: Call) -> FakeWebhook:
    """Return the webhook {w} if {t} is its token.

    Raises:
        ApiError: If there is none, or the token is wrong.
    """
    webhook = call.world.webhooks.get(call.id("w"))
    if webhook is None:
        raise unknown("webhook")
    if webhook.token != call.params["t"]:
        raise ApiError(401, 50027, "Invalid Webhook Token")
    return webhook


@endpoints.add("GET", "/webhooks/{w}")
async def get_webhook(call: Call) -> dict[str, Any]:
    return payloads.webhook_json(webhook_by_bot(call))


@endpoints.add("GET", "/webhooks/{w}/{t}", needs_bot=False)
async def get_webhook_with_token(call: Call) -> dict[str, Any]:
    return payloads.webhook_json(webhook_by_token(call), with_creator=False)


@endpoints.add("PATCH", "/webhooks/{w}")
async def edit_webhook(call: Call) -> dict[str, Any]:
    return _edit(call, webhook_by_bot(call))


@endpoints.add("PATCH", "/webhooks/{w}/{t}", needs_bot=False)
async def edit_webhook_with_token(call: Call) -> dict[str, Any]:
    return _edit(call, webhook_by_token(call))


def _edit(call: Call, webhook: FakeWebhook) -> dict[str, Any]:
    body = call.body
    if body.get("name") is not None:
        check_webhook_name("name", body["name"])
        webhook.name = body["name"]
    if "avatar" in body:
        webhook.avatar = _avatar_hash(body["avatar"])
    if body.get("channel_id"):
        target = call.world.channels.get(int(body["channel_id"]))
        if target is None:
            raise unknown("channel")
        webhook.channel.webhooks.remove(webhook)
        webhook.channel.tell_webhooks_changed()
        webhook.channel = target
        target.webhooks.append(webhook)
    webhook.channel.tell_webhooks_changed()
    return payloads.webhook_json(webhook)


@endpoints.add("DELETE", "/webhooks/{w}")
async def delete_webhook(call: Call) -> None:
    webhook_by_bot(call).delete()


@endpoints.add("DELETE", "/webhooks/{w}/{t}", needs_bot=False)
async def delete_webhook_with_token(call: Call) -> None:
    webhook_by_token(call).delete()
