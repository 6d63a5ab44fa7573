"""`/status`: what people are told of the model, the queue and the window."""

import re

from tests.end_to_end.test_queue import bridge, wait_in_queue  # noqa: F401 - a fixture
from tests.end_to_end.test_scenes import converse, play


async def status(member, channel):
    answer = await (await member.slash(channel, "status")).answer()
    assert answer.ephemeral
    return answer


async def test_without_a_scene_it_tells_of_the_model(bot, noor, tavern):
    told = (await status(noor, tavern)).content
    assert re.search(r"\*\*Model\*\* llama_server[^:]*: ready", told)
    assert "**Now** 0 being written, 0 waiting" in told
    assert "**Here** nobody is playing" in told


async def test_in_a_scene_it_tells_of_the_last_reply_and_the_window(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    before = (await status(noor, tavern)).content
    assert "**Last reply**" not in before, "a greeting is no reply"
    await converse(fake, model, noor, tavern, "Good evening.", "Mind the cat on the stairs.")
    # When the second is answered the first is stored for sure.
    await converse(fake, model, noor, tavern, "And the dog?", "There is none.")
    told = (await status(noor, tavern)).content
    assert "**Here** Maren is playing" in told
    assert re.search(r"\*\*Last reply\*\* \d+ tokens, [\d.]+ a second, waited [\d.]+ s", told)
    window = re.search(
        r"`(.{20})` (\d+) of 1024 tokens: .*story (\d+), kept for the reply (\d+), free (\d+)", told
    )
    assert window is not None
    assert int(window[2]) + int(window[4]) + int(window[5]) == 1024
    assert set(window[1]) <= set("█▓▒░·")
    earlier = re.search(r"story (\d+)", before)
    assert earlier is not None
    assert int(window[3]) > int(earlier[1])


async def test_who_waits_sees_the_place_and_can_cancel(
    bot,
    fake,
    model,
    noor,
    tavern,
    bridge,  # noqa: F811
):
    await wait_in_queue(fake, model, noor, tavern, bridge)
    told = await status(noor, bridge)
    assert "**Now** 1 being written, 1 waiting" in told.content
    assert "**Here** number 1 in the queue" in told.content
    assert "number" not in (await status(noor, tavern)).content
    answer = await (await noor.press(told, label="Cancel")).answer()
    assert answer.content == "Stopped."
    model.release()
