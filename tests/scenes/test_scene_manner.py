"""How the model is spoken to in a scene: its own format, its persona's and its own settings."""

from typing import Any

import pytest

from bot.generation.sampler_config import SamplerConfig
from bot.generation.sampler_layers import SamplerLayers
from bot.generation.types import ModelInfo, SamplerSettings
from bot.prompting.builder import Script
from bot.prompting.formats.detect import FormatChoice
from bot.prompting.formats.registry import FORMATS
from bot.prompting.prompt import Person
from bot.scenes.performer import Manner, Performer
from personas.persona import Persona

INFO = ModelInfo(name="m", context_length=1024, slots=1)
MAREN = Persona(key="maren", name="Maren", sampler={"temperature": 0.9, "min_p": 0.1})
CHOICE = FormatChoice(prompt_format=FORMATS["limarp"], reason="the model's name says so")
MANNER = Manner(
    choice=CHOICE, layers=SamplerLayers(base=SamplerSettings(top_k=40)), formats=FORMATS
)


class Counter:
    """Of an engine, what is needed to stand there."""

    async def count_tokens(self, text: str, *, whole: bool = False) -> int:
        return len(text)


@pytest.fixture
def performer() -> Performer:
    engine: Any = Counter()
    return Performer(engine, engine, lambda _: MANNER)


def write_script(**fields: Any) -> Script:
    return Script(persona=MAREN, person=Person(name="Ann"), turns=[], **fields)


def test_the_scene_goes_over_the_persona_and_both_over_the_model(performer):
    script = write_script(sampler=SamplerConfig(min_p=0.2))
    manner = performer.get_scene_manner(INFO, script)
    assert manner.choice is CHOICE
    assert manner.layers.settings == SamplerSettings(top_k=40, temperature=0.9, min_p=0.2)
    assert manner.offered == tuple(FORMATS)


def test_a_scene_has_the_format_that_it_asks_for(performer):
    choice = performer.get_scene_manner(INFO, write_script(format_name="chatml")).choice
    assert choice.prompt_format is FORMATS["chatml"]
    assert choice.reason == "this scene's own setting"


def test_a_format_that_is_no_more_is_named_once_and_the_models_stands_in(performer, caplog):
    for _ in range(2):
        manner = performer.get_scene_manner(INFO, write_script(format_name="my-preset"))
        assert manner.choice.prompt_format is CHOICE.prompt_format
        assert manner.choice.reason.startswith("this scene's my-preset is not there any more; ")
    (record,) = caplog.records
    assert "my-preset" in record.message


def test_where_the_server_writes_prompts_nothing_is_offered(performer, caplog):
    info = ModelInfo(name="m", context_length=1024, slots=1, takes_messages=True)
    manner = performer.get_scene_manner(info, write_script(format_name="chatml"))
    assert (manner.choice, manner.offered) == (CHOICE, ())
    assert not caplog.records
