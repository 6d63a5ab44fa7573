"""The picture beside a persona's words, where it comes from its card."""

import base64
import json

import aiohttp
import pytest

from tests.end_to_end.conftest import RunningBot
from tests.end_to_end.test_faces import speakers
from tests.end_to_end.test_scenes import converse, play
from tests.end_to_end.test_streaming import bot_messages
from tests.personas.test_picture import write_png


@pytest.fixture
async def pictured_bot(settings, fake, tmp_path):
    """A bot with two personas whose cards are pictures."""
    folder = tmp_path / "cards"
    folder.mkdir()
    for number, name in enumerate(("orrin", "brindle")):
        card = {"name": name.title(), "description": "A clerk.", "first_mes": "Next!"}
        text = b"chara\0" + base64.b64encode(json.dumps(card).encode())
        pixels = (b"\0" + bytes([number, 9, 9, 255]) * 20) * 30
        (folder / f"{name}.png").write_bytes(write_png(20, 30, pixels, extra=[(b"tEXt", text)]))
    running = RunningBot(settings.model_copy(update={"persona_folder": folder}), fake)
    await running.start()
    yield running
    await running.stop()


def find_picture(fake, message):
    """The picture that Discord would fetch for a message's face."""
    number = int(message.author.avatar_url.removesuffix(".png").rpartition("/")[2])
    return fake.emojis[number]["data"]


async def test_a_cards_own_picture_is_the_face_and_is_uploaded_once(
    pictured_bot, fake, model, noor, tavern
):
    await play(noor, tavern, "orrin")
    await fake.wait_for(lambda: len(fake.emojis) == 1, what="the first picture")
    await converse(fake, model, noor, tavern, "Hello", "Take a number.")
    orrin = bot_messages(fake, tavern)[-1]
    await play(noor, tavern, "brindle")
    await fake.wait_for(lambda: len(fake.emojis) == 2, what="the second picture")
    await converse(fake, model, noor, tavern, "Hello", "Closed.")
    brindle = bot_messages(fake, tavern)[-1]
    await pictured_bot.restart()
    await converse(fake, model, noor, tavern, "Hello", "Still closed.")
    await converse(fake, model, noor, tavern, "Hello?", "Closed, I said.")
    again = bot_messages(fake, tavern)[-1]
    assert len(fake.emojis) == 2
    assert find_picture(fake, orrin) != find_picture(fake, brindle)
    assert again.author.avatar_url == brindle.author.avatar_url
    async with aiohttp.ClientSession() as session, session.get(again.author.avatar_url) as answer:
        picture = await answer.read()
    assert len(picture) < 256 * 1024
    assert b"chara" not in picture


async def test_without_room_for_another_emoji_the_reply_comes_without_a_face(
    pictured_bot, fake, model, noor, tavern, caplog
):
    for number in range(2000):
        fake.add_emoji(f"other{number}", "data:image/png;base64,")
    await play(noor, tavern, "orrin")
    await converse(fake, model, noor, tavern, "Hello", "Take a number.")
    assert speakers(fake, tavern) == ["Orrin", "Orrin"]
    assert [message.author.avatar_url for message in bot_messages(fake, tavern)] == [None, None]
    assert caplog.text.count("orrin has no face") == 1


async def test_a_picture_that_takes_long_to_upload_does_not_hold_the_reply_back(
    pictured_bot, fake, model, noor, tavern
):
    fake.fail_next("POST", "/applications/{a}/emojis", status=None, delay=1.5)
    await play(noor, tavern, "orrin")
    assert fake.emojis == {}
    await fake.wait_for(lambda: fake.emojis, what="the upload")
    await converse(fake, model, noor, tavern, "Hello", "Take a number.")
    first, later = bot_messages(fake, tavern)
    assert first.author.avatar_url is None
    assert later.author.avatar_url


async def test_a_refused_upload_leaves_a_reply_without_a_face(
    pictured_bot, fake, model, noor, tavern, caplog
):
    fake.fail_next("POST", "/applications/{a}/emojis", status=403)
    await play(noor, tavern, "orrin")
    await converse(fake, model, noor, tavern, "Hello", "Take a number.")
    assert speakers(fake, tavern) == ["Orrin", "Orrin"]
    assert fake.emojis == {}
    assert caplog.text.count("orrin has no face") == 1
