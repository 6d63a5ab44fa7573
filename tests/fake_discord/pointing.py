"""Pointing discord.py at the fake, and back again."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from unittest import mock

import discord
import discord.gateway
import discord.http
import yarl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fake_discord.server import FakeDiscord


@contextlib.contextmanager
def discord_pointed_at(fake: FakeDiscord) -> Iterator[None]:
    """Let every discord.py client talk to a fake Discord while the block lasts.

    The addresses are class attributes of discord.py, so this is for all clients of the process.
    """
    with (
        mock.patch.object(discord.http.Route, "BASE", fake.api_base),
        mock.patch.object(
            discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(fake.gateway)
        ),
        mock.patch.object(discord.Asset, "BASE", fake.cdn_base),
    ):
        yield
