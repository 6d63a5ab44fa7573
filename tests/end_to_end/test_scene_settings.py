"""`/scene format` and `/scene sampler`: one scene played otherwise than the others."""

import json

import pytest

from tests.end_to_end.conftest import RunningBot
from tests.end_to_end.test_scenes import converse, persona_texts, play
from tests.end_to_end.test_status import status


@pytest.fixture
def manager(guild):
    return guild.add_member("Ilse", manage_guild=True)


async def ask(member, channel, command, **options):
    """What a command answers, privately."""
    answer = await (await member.slash(channel, f"scene {command}", **options)).answer()
    assert answer.ephemeral
    return answer.content


async def reset(fake, member, channel):
    question = await member.slash(channel, "scene reset")
    await question.answer()
    before = len(persona_texts(fake, channel))
    await (await member.press(question, label="Begin anew")).answer()
    await fake.wait_for(lambda: len(persona_texts(fake, channel)) > before, what="the greeting")


async def test_a_manager_changes_the_format_of_one_scene(bot, fake, model, manager, noor, tavern):
    bridge = tavern.guild.add_channel("bridge")
    await play(noor, tavern, "maren")
    await play(noor, bridge, "maren")
    told = await ask(manager, tavern, "format", name="chatml")
    assert told == "Prompts here are written as **chatml**: this scene's own setting."
    await converse(fake, model, noor, tavern, "Hello")
    assert model.prompts[-1].startswith("<|im_start|>system")
    await converse(fake, model, noor, bridge, "Hello")
    assert "### Input:\nNoor: Hello" in model.prompts[-1]
    assert "**Format** chatml: this scene's own setting" in (await status(noor, tavern)).content
    assert "**Format** limarp: TROUPE_PROMPT_FORMAT" in (await status(noor, bridge)).content
    await reset(fake, noor, tavern)
    await bot.restart()
    await converse(fake, model, noor, tavern, "Hello again")
    assert model.prompts[-1].startswith("<|im_start|>system")
    told = await ask(manager, tavern, "format", name="auto")
    assert told == "Prompts here are written as **limarp**: TROUPE_PROMPT_FORMAT."
    await converse(fake, model, noor, tavern, "And again")
    assert "### Input:\nNoor: And again" in model.prompts[-1]


async def test_only_managers_change_the_format_in_a_server(bot, fake, manager, noor, tavern):
    refused = await ask(manager, tavern, "format", name="chatml")
    assert refused.startswith("Nobody is playing here.")
    await play(noor, tavern, "maren")
    assert (await ask(noor, tavern, "format", name="chatml")).startswith(
        "Only somebody who manages"
    )
    dm = fake.add_dm(noor)
    await (await noor.slash(dm, "play", persona="maren")).answer()
    assert "**alpaca**" in await ask(noor, dm, "format", name="alpaca")


async def test_formats_are_completed_and_an_unknown_one_is_refused(bot, manager, noor, tavern):
    await play(noor, tavern, "maren")
    assert await manager.autocomplete(tavern, "scene format", "name", "limarp") == [
        ("limarp", "limarp"),
        ("limarp_v2", "limarp_v2"),
    ]
    everything = await manager.autocomplete(tavern, "scene format", "name", "")
    assert everything[0] == ("auto", "auto")
    assert len(everything) <= 25
    refused = await ask(manager, tavern, "format", name="chatlm")
    assert refused == "I know no prompt format called “chatlm”. Did you mean “chatml”?"


async def test_the_opener_sets_how_words_are_chosen(bot, fake, model, manager, noor, tavern):
    tomas = tavern.guild.add_member("Tomas")
    await play(noor, tavern, "maren")
    told = await ask(noor, tavern, "sampler", setting="temperature", value="1.3")
    assert told == "Here **temperature** is now `1.3`."
    told = await ask(manager, tavern, "sampler", setting="dry_sequence_breakers", value='["\\n"]')
    assert told == 'Here **dry_sequence_breakers** is now `["\\n"]`.'
    assert (await ask(tomas, tavern, "sampler", setting="top_k", value="3")).startswith("Only Noor")
    await converse(fake, model, noor, tavern, "Hello")
    sent = model.requests[-1]
    assert (sent["temperature"], sent["dry_sequence_breakers"]) == (1.3, ["\n"])
    assert "**Samplers** temperature `1.3` (by this scene)" in (await status(noor, tavern)).content
    shown = await ask(tomas, tavern, "sampler")
    assert "- temperature `1.3`, by this scene" in shown
    assert "- min_p `0.05`, by what is known of the model" in shown
    await reset(fake, noor, tavern)
    await converse(fake, model, noor, tavern, "Hello again")
    assert model.requests[-1]["temperature"] == 1.3
    told = await ask(noor, tavern, "sampler", setting="temperature")
    assert told == "This scene has no **temperature** of its own any more."
    await converse(fake, model, noor, tavern, "And again")
    assert model.requests[-1]["temperature"] == 0.8
    assert model.requests[-1]["dry_sequence_breakers"] == ["\n"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"setting": "top_p", "value": "2"}, "“2” does not do for **top_p**: input should be less"),
        ({"setting": "top_k", "value": "many"}, "input should be a valid integer"),
        ({"setting": "min_p", "value": "nan"}, "finite number"),
        ({"setting": "dry_sequence_breakers", "value": "*"}, "it is a JSON list"),
        ({"value": "2"}, "Choose a setting"),
    ],
    ids=str,
)
async def test_a_value_that_does_not_do_changes_nothing(bot, noor, tavern, options, words):
    await play(noor, tavern, "maren")
    before = await ask(noor, tavern, "sampler")
    assert words in await ask(noor, tavern, "sampler", **options)
    assert await ask(noor, tavern, "sampler") == before


async def test_while_the_model_is_away_nothing_is_told_of_it(
    fake, model, settings, manager, noor, monkeypatch
):
    monkeypatch.setattr("bot.scenes.status._PATIENCE_SECONDS", 0.05)  # Discord's is a tenth too
    model.loading = True
    tavern = manager.guild.add_channel("tavern")
    running = RunningBot(settings, fake)
    await running.start()
    try:
        await play(noor, tavern, "maren")
        assert "not there at the moment" in await ask(noor, tavern, "sampler")
        assert "not there at the moment" in await ask(manager, tavern, "format", name="chatml")
        completed = await manager.autocomplete(tavern, "scene format", "name", "")
        assert completed == [("auto", "auto")]
    finally:
        await running.stop()


async def test_a_card_says_how_its_persona_is_played(fake, model, settings, noor, tavern, tmp_path):
    folder = tmp_path / "cards"
    folder.mkdir()
    sampler = {"temperature": 0.55, "top_k": "many", "min_p": 0.2}
    data = {"name": "Orrin", "first_mes": "Beep.", "extensions": {"troupe": {"sampler": sampler}}}
    card = {"spec": "chara_card_v2", "spec_version": "2.0", "data": data}
    (folder / "orrin.json").write_text(json.dumps(card))
    running = RunningBot(settings.model_copy(update={"persona_folder": folder}), fake)
    await running.start()
    try:
        await play(noor, tavern, "orrin")
        await (await noor.slash(tavern, "scene sampler", setting="min_p", value="0.3")).answer()
        await converse(fake, model, noor, tavern, "Hello")
        sent = model.requests[-1]
        assert (sent["temperature"], sent["min_p"], sent["top_k"]) == (0.55, 0.3, 0)
        shown = await ask(noor, tavern, "sampler")
        assert "- temperature `0.55`, by the persona" in shown
        assert "- min_p `0.3`, by this scene" in shown
    finally:
        await running.stop()
