"""What the client does beside its cogs."""

import pytest

from bot.client import RoleplayClient, ShardedRoleplayClient
from bot.messages import Pacing


@pytest.mark.parametrize("kind", [RoleplayClient, ShardedRoleplayClient])
async def test_an_event_after_the_end_is_not_told(kind, recwarn):
    client = kind(None, None, default_persona="maren", pacing=Pacing.scaled(0), shard_count=None)
    async with client:
        pass
    client.dispatch("ready")
    assert not recwarn.list
