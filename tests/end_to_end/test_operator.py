"""`/admin model` and SIGHUP: another model while people play, on real workers."""

import shutil
import signal

import pytest

from bot.generation.config import DEMO_MODEL, LlamaCppConfig
from tests.end_to_end.conftest import RunningBot
from tests.end_to_end.test_process import BotProcess, hear
from tests.end_to_end.test_scenes import persona_texts, play


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("troupe-demo-one.gguf", "troupe-demo-two.gguf"):
        shutil.copy(DEMO_MODEL, folder / name)
    whole = DEMO_MODEL.read_bytes()
    (folder / "cut-off.gguf").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture
def operator(guild):
    owners = guild.add_role("Owners", "administrator")
    return guild.add_member("Olga", roles=(owners,))


@pytest.fixture
async def own_bot(settings, fake, guild, models):
    engine = LlamaCppConfig(model=models / "troupe-demo-one.gguf")
    changes = {"engine": engine, "operator_server": guild.id, "prompt_format": "auto"}
    running = RunningBot(settings.model_copy(update=changes), fake)
    await running.start()
    yield running
    await running.stop()


async def change_model(member, channel, file):
    """What the operator is told when another model has loaded, or has not."""
    answer = await (await member.slash(channel, "admin model", file=file)).answer(timeout=60)
    assert answer.ephemeral
    return answer.content


async def test_the_model_changes_while_people_play(own_bot, fake, operator, noor, tavern):
    await play(noor, tavern, "maren")
    await hear(fake, noor, tavern, "Who are you?")
    answer = await (await operator.slash(tavern, "admin model")).answer()
    assert answer.content == "Played on **troupe-demo-one.gguf**."
    assert answer.ephemeral
    offered = await operator.autocomplete(tavern, "admin model", "file", "demo")
    assert [value for _, value in offered] == ["troupe-demo-one.gguf", "troupe-demo-two.gguf"]
    before = len(persona_texts(fake, tavern))
    await noor.say(tavern, "Tell me a story.")
    told = await change_model(operator, tavern, "troupe-demo-two.gguf")
    assert told.startswith("Now played on **troupe-demo-two.gguf**")
    await fake.wait_for(
        lambda: len(persona_texts(fake, tavern)) == before + 1, timeout=30, what="the story"
    )
    assert await hear(fake, noor, tavern, "What is this place?")


async def test_a_model_that_cannot_be_loaded_changes_nothing(own_bot, fake, operator, noor, tavern):
    await play(noor, tavern, "maren")
    refused = await (await operator.slash(tavern, "admin model", file="none.gguf")).answer()
    assert refused.content.startswith("There is no **none.gguf**")
    told = await change_model(operator, tavern, "cut-off.gguf")
    assert "the former one goes on" in told
    assert await hear(fake, noor, tavern, "Who are you?")
    answer = await (await operator.slash(tavern, "admin model")).answer()
    assert answer.content == "Played on **troupe-demo-one.gguf**."


async def test_only_the_operators_server_has_the_commands(own_bot, fake, noor):
    elsewhere = fake.add_guild("Elsewhere")
    channel = elsewhere.add_channel("lobby")
    owner = elsewhere.add_member("Otto", manage_guild=True)
    with pytest.raises(AssertionError, match="admin"):
        await owner.slash(channel, "admin model")


async def test_a_signal_reads_the_settings_again(fake, tmp_path, models, noor, tavern):
    running = BotProcess(fake, tmp_path)
    environment = tmp_path / ".env"
    environment.write_text(f"TROUPE_ENGINE__MODEL={models}/troupe-demo-one.gguf\n")
    await running.start()
    try:
        await play(noor, tavern, "maren")
        assert await hear(fake, noor, tavern, "Who are you?")
        environment.write_text(f"TROUPE_ENGINE__MODEL={models}/missing.gguf\n")
        running.process.send_signal(signal.SIGHUP)
        await fake.wait_for(
            lambda: "the model was not changed" in running.log, timeout=30, what="the refusal"
        )
        environment.write_text(f"TROUPE_ENGINE__MODEL={models}/troupe-demo-two.gguf\n")
        running.process.send_signal(signal.SIGHUP)
        await fake.wait_for(
            lambda: "now played on" in running.log, timeout=30, what="the other model"
        )
        assert await hear(fake, noor, tavern, "What is this place?")
    finally:
        running.process.send_signal(signal.SIGTERM)
        assert await running.ended() == 0
