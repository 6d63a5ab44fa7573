"""How a reply grows in Discord."""

import asyncio
import itertools

from bot.text import MESSAGE_LIMIT
from tests.end_to_end.conftest import PACE
from tests.end_to_end.test_scenes import is_ours, persona_texts, play

EDIT_SECONDS = 1.2 * PACE


def bot_messages(fake, channel):
    return [message for message in channel.messages if is_ours(fake, message)]


async def test_a_reply_grows_by_edits_that_are_spaced_and_never_two_at_once(
    bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    text = " ".join(f"word{n}." for n in range(70))
    model.replies.append(text)
    model.piece_delay = 0.01
    await noor.say(tavern, "Tell me everything.")
    await fake.wait_for(
        lambda: persona_texts(fake, tavern)[-1] == f"**Maren**\n{text}", what="the whole text"
    )
    reply = bot_messages(fake, tavern)[-1]
    assert len(reply.edits) >= 3
    edits = [
        request
        for request in fake.requests_to("PATCH", "/webhooks/{w}/{t}/messages/{m}")
        if str(reply.id) in request.path
    ]
    starts = [request.started for request in edits]
    gaps = [late - early for early, late in itertools.pairwise(starts)]
    assert min(gaps) >= EDIT_SECONDS * 0.95
    assert all(a.ended <= b.started for a, b in itertools.pairwise(edits))
    contents = [edit.content for edit in reply.edits]
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(contents))


async def test_typing_is_shown_until_the_first_text(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    model.hold()
    await noor.say(tavern, "Hello")
    await fake.wait_for(lambda: fake.typing, what="typing")
    assert len(bot_messages(fake, tavern)) == 1
    model.release()
    await fake.wait_for(lambda: len(bot_messages(fake, tavern)) == 2, what="the reply")


async def test_a_long_reply_is_split_at_paragraphs_and_is_one_turn(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    await (await noor.slash(tavern, "length", word="unlimited")).answer()
    model.context_length = 8192
    paragraphs = [" ".join(f"paragraph{p}word{w}" for w in range(30)) + "." for p in range(9)]
    text = "\n\n".join(paragraphs)
    assert len(text) > 2 * MESSAGE_LIMIT
    model.replies.append(text)
    await noor.say(tavern, "Everything, please.")
    await fake.wait_for(
        lambda: persona_texts(fake, tavern)[-1].endswith(paragraphs[-1]), what="the last part"
    )
    parts = bot_messages(fake, tavern)[1:]
    assert all(len(part.content) <= MESSAGE_LIMIT for part in parts)
    assert {part.author.name for part in parts} == {"Maren"}
    assert "\n\n".join(part.content for part in parts) == text
    model.replies.append("Done.")
    await noor.say(tavern, "Thanks.")
    await model.wait_for(lambda: len(model.prompts) == 2, what="the next prompt")
    assert f"### Response:\nMaren: {text}\n\n### Input:\nNoor: Thanks." in model.prompts[1]


async def test_half_a_stop_sequence_is_never_shown(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    model.replies.append("Hold the rope.\n### Input:\nNoor: I hold it")
    model.honours_stops = False
    model.piece_delay = 0.1
    await noor.say(tavern, "And now?")
    await fake.wait_for(lambda: len(bot_messages(fake, tavern)) == 2, what="the reply")
    await model.wait_for(lambda: model.running == 0, what="the end of the generation")
    await asyncio.sleep(EDIT_SECONDS * 2)
    reply = bot_messages(fake, tavern)[-1]
    shown = [reply.content, *(edit.content for edit in reply.edits)]
    assert reply.content == "Hold the rope."
    assert not any("#" in text for text in shown)


async def test_a_reply_never_speaks_for_a_person(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    model.replies.append('"Sit."\nNoor: I sit down.')
    model.honours_stops = False
    await noor.say(tavern, "Hello")
    await fake.wait_for(lambda: len(bot_messages(fake, tavern)) == 2, what="the reply")
    assert persona_texts(fake, tavern)[-1] == '**Maren**\n"Sit."'


async def test_an_empty_reply_is_tried_once_more(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    model.replies += ["", "Here I am."]
    await noor.say(tavern, "Hello?")
    await fake.wait_for(lambda: len(bot_messages(fake, tavern)) == 2, what="the reply")
    assert persona_texts(fake, tavern)[-1] == "**Maren**\nHere I am."
    seeds = [request["seed"] for request in model.requests]
    assert len(set(seeds)) == 2


async def test_two_empty_replies_are_said_in_one_line(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    model.replies += ["", ""]
    await noor.say(tavern, "Hello?")
    await fake.wait_for(lambda: len(bot_messages(fake, tavern)) == 2, what="the line")
    assert bot_messages(fake, tavern)[-1].content.startswith("*No words came.")
