"""A strict fake Discord, REST and gateway on loopback, to run the real discord.py against.

    async with FakeDiscord(pace=0.05) as fake:
        with discord_pointed_at(fake):  # pointing.py; settings do the same for a whole process
            tavern = fake.add_guild("Stage").add_channel("tavern")
            ...

`server` is what tests hold; `world` is the state, of `guilds`, `channels`, `people`, `messages`,
`webhooks` and `interactions`; `gateway` and `rest` are the two ways in, and `posting` is the one
place where messages come to be. What Discord would refuse is refused in `drafts` and the
`*_checks`, and noted in `fake.violations` if a correct client would not have tried it: every 400
and 401, and interactions answered too late. A missing permission (403) and a thing that is gone
(404) can happen to anybody and are not noted.

A person can do only what Discord's client lets them do: anything else is an AssertionError.
"""

from tests.fake_discord.channels import FakeChannel, FakeDM, FakeThread
from tests.fake_discord.guilds import FakeGuild
from tests.fake_discord.interactions import FakeInteraction
from tests.fake_discord.messages import (
    Edit,
    FakeAttachment,
    FakeButton,
    FakeFile,
    FakeMessage,
    FakePoll,
)
from tests.fake_discord.modals import FakeModal, ModalInput
from tests.fake_discord.people import FakeMember, FakePerson
from tests.fake_discord.recording import RecordedRequest
from tests.fake_discord.server import FakeDiscord
from tests.fake_discord.users import FakeRole, FakeUser
from tests.fake_discord.webhooks import FakeWebhook

__all__ = [
    "Edit",
    "FakeAttachment",
    "FakeButton",
    "FakeChannel",
    "FakeDM",
    "FakeDiscord",
    "FakeFile",
    "FakeGuild",
    "FakeInteraction",
    "FakeMember",
    "FakeMessage",
    "FakeModal",
    "FakePerson",
    "FakePoll",
    "FakeRole",
    "FakeThread",
    "FakeUser",
    "FakeWebhook",
    "ModalInput",
    "RecordedRequest",
]
