"""A GGML file of 2023, played on Discord."""

import shutil

import pytest

from bot.generation.config import DEMO_MODEL, CtransformersConfig, LlamaCppConfig
from tests.end_to_end.conftest import RunningBot
from tests.end_to_end.test_operator import change_model
from tests.end_to_end.test_process import hear
from tests.end_to_end.test_scenes import play


@pytest.fixture
def models(tmp_path, ggml_model):
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(DEMO_MODEL, folder)
    shutil.copy(ggml_model, folder)
    (folder / "notes.bin").write_bytes(b"no model")
    return folder


@pytest.fixture
def operator(guild):
    owners = guild.add_role("Owners", "administrator")
    return guild.add_member("Olga", roles=(owners,))


@pytest.fixture
async def ggml_bot(settings, fake, guild, models, ggml_model):
    engine = CtransformersConfig(model=models / ggml_model.name, context_length=1024)
    changes = {"engine": engine, "operator_server": guild.id, "prompt_format": "auto"}
    running = RunningBot(settings.model_copy(update=changes), fake)
    await running.start()
    yield running
    await running.stop()


async def test_it_plays_and_takes_its_turn_with_llama_cpp(
    ggml_bot, fake, operator, noor, tavern, ggml_model
):
    await play(noor, tavern, "maren")
    assert await hear(fake, noor, tavern, "Who are you? 😀")
    status = await (await noor.slash(tavern, "status")).answer()
    assert ggml_model.name in status.content
    offered = await operator.autocomplete(tavern, "admin model", "file", "")
    assert [value for _, value in offered] == [DEMO_MODEL.name, ggml_model.name]
    assert (await change_model(operator, tavern, DEMO_MODEL.name)).startswith("Now played on")
    assert isinstance(ggml_bot.settings.engine, CtransformersConfig)
    assert await hear(fake, noor, tavern, "What is this place?")
    assert (await change_model(operator, tavern, ggml_model.name)).startswith("Now played on")
    assert await hear(fake, noor, tavern, "bye")


async def test_a_setting_that_does_not_go_with_the_other_file_is_named(
    settings, fake, models, operator, tavern, ggml_model
):
    engine = LlamaCppConfig(model=models / DEMO_MODEL.name, slots=2)
    changes = {"engine": engine, "operator_server": tavern.guild.id}
    running = RunningBot(settings.model_copy(update=changes), fake)
    await running.start()
    try:
        file = ggml_model.name
        answer = await (await operator.slash(tavern, "admin model", file=file)).answer()
        assert "TROUPE_ENGINE__SLOTS does not go" in answer.content
    finally:
        await running.stop()
