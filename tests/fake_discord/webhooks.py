"""Webhooks: the bot's own, made over REST, and those of other applications."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fake_discord.drafts import Draft
from tests.fake_discord.posting import post
from tests.fake_discord.users import FakeUser

if TYPE_CHECKING:
    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.messages import FakeMessage


@dataclass(eq=False, slots=True, kw_only=True)
class FakeWebhook:
    """A webhook of a text channel; it speaks there and in the channel's threads."""

    id: int
    token: str
    channel: FakeChannel
    name: str
    creator: FakeUser
    application_id: int | None
    avatar: str | None = None

    def author(self, username: str | None = None, avatar_url: str | None = None) -> FakeUser:
        """Return who a message seems to come from: the webhook, or the name that it was given."""
        avatar = self.avatar
        if avatar_url is not None:
            avatar = hashlib.sha256(avatar_url.encode()).hexdigest()[:32]
        return FakeUser(
            id=self.id,
            name=username or self.name,
            bot=True,
            avatar=avatar,
            avatar_url=avatar_url,
            is_webhook=True,
        )

    async def say(
        self, text: str, *, username: str | None = None, channel: FakeChannel | None = None
    ) -> FakeMessage:
        """Speak as its owner would make it, such as PluralKit proxying a member."""
        where = channel or self.channel
        draft = Draft(content=text, webhook=self)
        return post(where, self.author(username), draft)

    def delete(self) -> None:
        """Remove it; its messages stay."""
        self.channel.webhooks.remove(self)
        self.channel.world.webhooks.pop(self.id, None)
        self.channel.tell_webhooks_changed()
