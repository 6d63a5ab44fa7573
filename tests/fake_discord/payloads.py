"""People, servers, channels and webhooks as the JSON that Discord sends.

discord.py ends its whole client over a missing key, and also over keys that are null where Discord
leaves them out; so these follow Discord in what is absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_discord.permissions import permissions_in, permissions_in_guild

if TYPE_CHECKING:
    from datetime import datetime

    from tests.fake_discord.channels import FakeChannel, FakeThread
    from tests.fake_discord.guilds import FakeGuild
    from tests.fake_discord.people import FakeMember
    from tests.fake_discord.users import FakeRole, FakeUser
    from tests.fake_discord.webhooks import FakeWebhook

Json = dict[str, Any]
_JOINED = "2021-02-03T04:05:06.000000+00:00"


def timestamp(when: datetime) -> str:
    """Return a time as Discord writes it."""
    return when.isoformat(timespec="microseconds")


def user_json(user: FakeUser) -> Json:
    """Return an account."""
    if user.is_webhook:
        return {
            "id": str(user.id),
            "username": user.name,
            "avatar": user.avatar,
            "discriminator": "0000",
            "public_flags": 0,
            "flags": 0,
            "bot": True,
            "global_name": None,
            "clan": None,
            "primary_guild": None,
        }
    data = {
        "id": str(user.id),
        "username": user.name.lower().replace(" ", "_"),
        "global_name": user.global_name,
        "avatar": user.avatar,
        "discriminator": "0",
        "public_flags": 0,
        "avatar_decoration_data": None,
        "clan": None,
        "primary_guild": None,
    }
    if user.bot:
        data |= {"username": user.name, "bot": True}
    return data


def member_json(member: FakeMember, *, with_user: bool = True) -> Json:
    """Return a member; inside a message Discord leaves the account out."""
    data: Json = {
        "roles": [str(role_id) for role_id in member.role_ids],
        "joined_at": _JOINED,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "nick": member.nick,
        "avatar": None,
        "banner": None,
        "pending": False,
        "premium_since": None,
        "communication_disabled_until": None,
    }
    return data | {"user": user_json(member.user)} if with_user else data


def role_json(role: FakeRole) -> Json:
    """Return a role."""
    data: Json = {
        "id": str(role.id),
        "name": role.name,
        "permissions": str(role.permissions),
        "position": role.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": role.bot_id is not None,
        "mentionable": role.mentionable,
        "flags": 0,
    }
    return data | {"tags": {"bot_id": str(role.bot_id)}} if role.bot_id is not None else data


def channel_json(channel: FakeChannel) -> Json:
    """Return a text channel, a thread or a private channel."""
    last = next(reversed(channel.all_messages), None)
    data: Json = {
        "id": str(channel.id),
        "type": channel.type,
        "last_message_id": str(last) if last else None,
        "flags": 0,
    }
    if channel.as_dm is not None:
        return data | {"recipients": [user_json(channel.as_dm.person)]}
    data |= {
        "guild_id": str(channel.server.id),
        "name": channel.name,
        "rate_limit_per_user": 0,
    }
    if channel.as_thread is not None:
        return data | _thread_part(channel.as_thread)
    overwrites = [
        {"id": str(one.id), "type": one.kind, "allow": str(one.allow), "deny": str(one.deny)}
        for one in channel.overwrites.values()
    ]
    return data | {
        "position": channel.position,
        "permission_overwrites": overwrites,
        "nsfw": channel.nsfw,
        "topic": channel.topic,
        "parent_id": None,
    }


def _thread_part(thread: FakeThread) -> Json:
    return {
        "parent_id": str(thread.parent_id),
        "owner_id": str(thread.owner_id),
        "message_count": len(thread.messages),
        "total_message_sent": len(thread.all_messages),
        "member_count": len(thread.member_ids),
        "thread_metadata": {
            "archived": thread.archived,
            "locked": thread.locked,
            "auto_archive_duration": thread.auto_archive_minutes,
            "archive_timestamp": timestamp(thread.created_at),
            "create_timestamp": timestamp(thread.created_at),
        },
    }


def partial_channel_json(channel: FakeChannel, member: FakeMember | None) -> Json:
    """Return a channel as it stands in interactions, with what the member may do there."""
    data = channel_json(channel)
    if member is not None:
        data["permissions"] = str(permissions_in(channel, member))
    return data


def guild_json(guild: FakeGuild, *, members: list[FakeMember]) -> Json:
    """Return a server as GUILD_CREATE brings it.

    Args:
        guild: The server.
        members: Who is listed; only the bot itself is, unless it has the intents for more.
    """
    return {
        **partial_guild_json(guild),
        "member_count": len(guild.members),
        "large": False,
        "unavailable": False,
        "joined_at": _JOINED,
        "channels": [channel_json(channel) for channel in guild.channels],
        "threads": [channel_json(thread) for thread in guild.threads],
        "members": [member_json(member) for member in members],
        "presences": [],
        "voice_states": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def partial_guild_json(guild: FakeGuild) -> Json:
    """Return a server without what is in it."""
    return {
        "id": str(guild.id),
        "name": guild.name,
        "icon": None,
        "banner": None,
        "splash": None,
        "description": None,
        "features": [],
        "owner_id": str(guild.owner_id),
        "roles": [role_json(role) for role in guild.roles.values()],
        "emojis": [],
        "stickers": [],
        "preferred_locale": "en-US",
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "afk_channel_id": None,
        "afk_timeout": 300,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "vanity_url_code": None,
        "max_members": 500000,
    }


def my_guild_json(guild: FakeGuild) -> Json:
    """Return a server as GET /users/@me/guilds lists it."""
    return {
        "id": str(guild.id),
        "name": guild.name,
        "icon": None,
        "owner": False,
        "permissions": str(permissions_in_guild(guild.bot_member)),
        "features": [],
    }


def webhook_json(webhook: FakeWebhook, *, with_creator: bool = True) -> Json:
    """Return a webhook; its token is shown to the application that made it only."""
    world = webhook.channel.world
    data: Json = {
        "id": str(webhook.id),
        "type": 1,
        "name": webhook.name,
        "avatar": webhook.avatar,
        "channel_id": str(webhook.channel.id),
        "guild_id": str(webhook.channel.server.id),
        "application_id": str(webhook.application_id) if webhook.application_id else None,
    }
    if with_creator:
        data["user"] = user_json(webhook.creator)
    if webhook.application_id in (None, world.application_id):
        data["token"] = webhook.token
        data["url"] = f"https://discord.com/api/webhooks/{webhook.id}/{webhook.token}"
    return data
