import pytest

from bot.generation.catalogue import DEFAULT_SAMPLER, choose_sampler
from bot.generation.config import DEMO_MODEL
from bot.generation.workers.model_files import read_gguf_header


@pytest.mark.parametrize(
    ("name", "temperature"),
    [
        ("troupe-demo-limarp.Q8_0.gguf Troupe demo", 0.5),
        ("/models/troupe_demo.gguf", 0.5),
        ("limarp-mistral-7b.Q4_K_M.gguf", 0.7),
        ("LimaRP-Llama2-13B", 0.7),
        ("Nous-Hermes-Llama2-70B.gguf", 0.7),
    ],
)
def test_known_models_are_told_by_name(name: str, temperature: float):
    sampler = choose_sampler(name)
    assert sampler is not DEFAULT_SAMPLER
    assert sampler.temperature == temperature


@pytest.mark.parametrize("name", ["", "mistral-7b-instruct.gguf", "lima-rp", "hermes"])
def test_other_models_get_the_default(name: str):
    assert choose_sampler(name) is DEFAULT_SAMPLER


def test_the_model_that_ships_is_known_by_its_file_and_by_its_own_name():
    own_name = read_gguf_header(DEMO_MODEL).name
    assert choose_sampler(own_name) == choose_sampler(DEMO_MODEL.name) != DEFAULT_SAMPLER
