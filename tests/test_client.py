"""What the client does beside its cogs."""

import pytest

from bot.client import ClientOptions, RoleplayClient, ShardedRoleplayClient
from bot.messages import Pacing


@pytest.mark.parametrize("kind", [RoleplayClient, ShardedRoleplayClient])
async def test_an_event_after_the_end_is_not_told(kind, recwarn):
    options = ClientOptions(default_persona="maren")
    client = kind(None, None, options=options, pacing=Pacing.scaled(0))
    async with client:
        pass
    client.dispatch("ready")
    assert not recwarn.list
