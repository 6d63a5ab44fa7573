"""The application's webhook of each channel: found, made, found again, never stored."""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
import discord

_log = logging.getLogger(__name__)

_NAME = "Troupe"
"""What the webhook is called in the channel's settings; each message brings a name of its own."""
_MOST_PER_CHANNEL = 15
"""Discord's limit, whoever made them."""
_MOST_REMEMBERED = 1000
"""Channels; a forgotten one costs one request when it is played in again."""
_TIMEOUT = aiohttp.ClientTimeout(total=30)
_SERVER_ERROR = 500
_MINUTE = timedelta(minutes=1)

WebhookChannel = (
    discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel
)
"""Kinds of channels that have webhooks; threads use their parent's."""


class WebhookServerError(aiohttp.ClientError):
    """Discord answered a webhook's call with a server error; it may have been carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Perch:
    """Where a webhook speaks: a channel, or a thread of it."""

    client: discord.Client
    channel_id: int
    """The channel or thread in which the words are seen."""
    owner: WebhookChannel
    """The channel that has the webhook."""
    thread_id: int | None = None

    def find_last_message_id(self) -> int:
        """The newest message that we know of there, or else what its id would be a minute ago."""
        place = self.client.get_channel(self.channel_id)
        known = getattr(place, "last_message_id", None)
        return known or discord.utils.time_snowflake(discord.utils.utcnow() - _MINUTE)

    async def list_messages(self, *, after_id: int, limit: int) -> list[discord.Message]:
        """The messages there since one: what the gateway told of, and what Discord lists.

        Without Read Message History the list is empty or refused.

        Raises:
            HTTPException: If Discord does not answer.
        """
        place = self.client.get_partial_messageable(self.channel_id, guild_id=self.owner.guild.id)
        found = [each for each in self.client.cached_messages if each.channel.id == self.channel_id]
        with contextlib.suppress(discord.Forbidden):
            found += [each async for each in place.history(limit=limit)]
        return [message for message in found if message.id > after_id]


class WebhookBook:
    """Knows the webhook of each channel. Tokens are in memory only: Discord lists them to us.

    discord.py tries a webhook's call again by itself after a server error, which would say things
    twice. The session of this class raises there, so that who sends can look first.
    """

    def __init__(self, client: discord.Client, trace: aiohttp.TraceConfig) -> None:
        """Keep the parts.

        Args:
            client: Knows the channels.
            trace: Is told of every request, as it is of those of the client itself.
        """
        self._client = client
        self._trace = trace
        self._session: aiohttp.ClientSession | None = None
        self._known: OrderedDict[int, discord.Webhook] = OrderedDict()
        self._looking: dict[int, asyncio.Task[discord.Webhook | None]] = {}
        self._told: OrderedDict[int, str] = OrderedDict()

    async def aclose(self) -> None:
        """End its lookups and connections."""
        tasks = list(self._looking.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._session is not None:
            await self._session.close()

    async def find(self, perch: Perch) -> discord.Webhook | None:
        """Find or make the webhook for a place; None if the bot has to speak itself.

        One lookup at a time for a channel: two would make two webhooks.
        """
        owner = perch.owner
        if self._lacks_permission(owner):
            self._tell(owner.id, "I lack the permission Manage Webhooks")
            return None
        if owner.id in self._known:
            self._known.move_to_end(owner.id)
            return self._known[owner.id]
        task = self._looking.get(owner.id)
        if task is None:
            task = asyncio.create_task(self._look(owner), name=f"webhook-of-{owner.id}")
            self._looking[owner.id] = task
            task.add_done_callback(lambda _: self._looking.pop(owner.id, None))
        # Shielded: a reply that is stopped must not end the lookup of another one.
        return await asyncio.shield(task)

    def forget(self, perch: Perch) -> None:
        """A call said that the webhook is of no use: the next one looks again."""
        self._known.pop(perch.owner.id, None)

    async def _look(self, owner: WebhookChannel) -> discord.Webhook | None:
        try:
            found = await self._find_or_make(owner)
        except discord.Forbidden:
            self._tell(owner.id, "I lack the permission Manage Webhooks")
            return None
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            self._tell(owner.id, f"the webhook could not be looked up: {error}")
            return None
        if found is None:
            self._tell(owner.id, f"it has {_MOST_PER_CHANNEL} webhooks: delete one of them")
            return None
        self._told.pop(owner.id, None)
        self._known[owner.id] = found
        while len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)
        return found

    async def _find_or_make(self, owner: WebhookChannel) -> discord.Webhook | None:
        there = await owner.webhooks()
        ours = [webhook for webhook in there if self._is_ours(webhook)]
        if ours:
            webhook = min(ours, key=lambda each: each.id)
        elif len(there) >= _MOST_PER_CHANNEL:
            return None
        else:
            webhook = await owner.create_webhook(name=_NAME, reason="personas speak through it")
            _log.info(
                "a webhook was made in channel %d", owner.id, extra={"action": "webhook-made"}
            )
        assert webhook.token is not None  # noqa: S101 - _is_ours looked, and a new one has it
        return discord.Webhook.partial(
            webhook.id, webhook.token, client=self._client, session=self._open_session()
        )

    def _is_ours(self, webhook: discord.Webhook) -> bool:
        """Made by this bot: only then may it carry buttons, and are its messages known as ours."""
        me = self._client.user
        is_usable = webhook.type is discord.WebhookType.incoming and webhook.token is not None
        return (
            is_usable and webhook.user is not None and me is not None and webhook.user.id == me.id
        )

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                raise_for_status=_raise_for_server_error,
                timeout=_TIMEOUT,
                trace_configs=[self._trace],
            )
        return self._session

    def _lacks_permission(self, owner: WebhookChannel) -> bool:
        """Whether it is known that we may not; before the gateway is there nothing is known."""
        me = owner.guild.get_member(self._client.user.id) if self._client.user else None
        return me is not None and not owner.permissions_for(me).manage_webhooks

    def _tell(self, channel_id: int, why: str) -> None:
        """Once for a channel and reason, not once for each reply."""
        if self._told.get(channel_id) == why:
            return
        self._told[channel_id] = why
        while len(self._told) > _MOST_REMEMBERED:
            self._told.popitem(last=False)
        _log.warning(
            "personas speak under the bot's own name in channel %d: %s",
            channel_id,
            why,
            extra={"action": "no-webhook"},
        )


async def _raise_for_server_error(response: aiohttp.ClientResponse) -> None:
    """Leave all but server errors to discord.py. The address has the token: it is not named."""
    if response.status >= _SERVER_ERROR:
        response.release()
        message = f"{response.status} {response.reason}"
        raise WebhookServerError(message)
