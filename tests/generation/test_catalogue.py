import re

import pytest

from bot.generation.catalogue import (
    KNOWN_MODELS,
    choose_sampler,
    find_download,
    find_known_model,
)
from bot.generation.catalogue_values import DEFAULT_SAMPLER, DownloadKind
from bot.generation.config import DEMO_MODEL
from bot.generation.sampler_config import SamplerConfig
from bot.generation.types import SamplerSettings
from bot.generation.workers.model_files import read_gguf_header
from bot.prompting.formats.detect import FORMATS, choose_format

MODELS = {model.name: model for model in KNOWN_MODELS}
DOWNLOADS = [(model, download) for model in KNOWN_MODELS for download in model.downloads]
each_download = pytest.mark.parametrize(
    ("model", "download"), DOWNLOADS, ids=[download.files[0] for _, download in DOWNLOADS]
)
each_model = pytest.mark.parametrize("model", KNOWN_MODELS, ids=lambda model: model.name)


@pytest.mark.parametrize(
    ("name", "temperature"),
    [
        ("troupe-demo-limarp.Q8_0.gguf Troupe demo", 0.4),
        ("/models/troupe_demo.gguf", 0.4),
        ("limarp-mistral-7b.Q4_K_M.gguf", 0.7),
        ("LimaRP-Llama2-13B", 0.7),
        ("Nous-Hermes-Llama2-70B.gguf", 0.7),
        ("Nous-Hermes-Llama2-13b", 0.7),
        ("L3-8B-Stheno-v3.2-Q5_K_M.gguf", 1.12),
    ],
)
def test_known_models_are_told_by_name(name: str, temperature: float):
    sampler = choose_sampler(name)
    assert sampler is not DEFAULT_SAMPLER
    assert sampler.temperature == temperature


@pytest.mark.parametrize("name", ["", "mistral-7b-instruct.gguf", "lima-rp", "hermes"])
def test_other_models_get_the_default(name: str):
    assert choose_sampler(name) is DEFAULT_SAMPLER
    assert find_known_model(name) is None


def test_the_model_that_ships_is_known_by_its_file_and_by_its_own_name():
    own_name = read_gguf_header(DEMO_MODEL).name
    assert choose_sampler(own_name) == choose_sampler(DEMO_MODEL.name) != DEFAULT_SAMPLER


@each_model
def test_a_pull_name_is_short_and_means_its_model(model):
    assert re.fullmatch(r"[a-z0-9.-]{6,32}", model.name)
    assert find_known_model(model.name) is model
    assert find_known_model(model.name.upper()) is model


def test_names_are_unique():
    assert len({model.name for model in KNOWN_MODELS}) == len(KNOWN_MODELS)


@each_download
def test_a_file_is_told_by_its_name(model, download):
    file = download.files[0]
    if download.kind is DownloadKind.LORA:  # PEFT's names are always the same
        assert find_known_model(file) is None
        return
    assert find_known_model(file) is model
    assert choose_sampler(file) == model.sampler
    assert download.quantization.lower() in file.lower()
    assert file.endswith(".bin" if download.kind is DownloadKind.GGML else ".gguf")


@each_download
def test_a_download_can_be_asked_for(model, download):
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", download.repository)
    assert find_download(model, download.files[0]) is download
    # A typing error of a power of ten, or in a size: a weight takes 2 to 9 bits
    if download.size_bytes:
        weights = float(model.parameters.removesuffix("B")) * 1e9
        assert 2 < download.size_bytes * 8 / weights < 10


@each_model
def test_the_format_exists_and_is_the_one_that_file_names_lead_to(model):
    assert model.prompt_format in {"", *FORMATS}
    assert bool(model.trained_on) != bool(model.prompt_format)
    assert model.has_length_words == (model.prompt_format == "limarp")
    for download in model.downloads:
        choice = choose_format(setting="auto", model_name=download.files[0])
        if choice.certain and model.prompt_format:
            assert choice.prompt_format.name == model.prompt_format


@each_model
def test_samplers_are_within_what_settings_allow_and_have_a_source(model):
    fields = {name: getattr(model.sampler, name) for name in SamplerConfig.model_fields}
    off = SamplerSettings()
    chosen = {name: value for name, value in fields.items() if value != getattr(off, name)}
    assert SamplerConfig.model_validate(chosen).apply(off) == model.sampler
    assert model.card.startswith("https://huggingface.co/")
    assert model.licence
    assert (model.sampler is DEFAULT_SAMPLER) == ("Troupe's own" in model.sampler_source)


@pytest.mark.parametrize(
    ("wanted", "file"),
    [
        ("", "nous-hermes-llama2-70b.Q4_K_M.gguf"),
        ("q3_k_l", "nous-hermes-llama2-70b.Q3_K_L.gguf"),
        ("ggml", "nous-hermes-llama2-70b.ggmlv3.Q4_K_M.bin"),
        ("ggmlv3.Q4_1", "nous-hermes-llama2-70b.ggmlv3.Q4_1.bin"),
        ("Q4_1", "nous-hermes-llama2-70b.ggmlv3.Q4_1.bin"),
    ],
)
def test_gguf_comes_before_ggml(wanted: str, file: str):
    model = MODELS["nous-hermes-llama2-70b"]
    found = find_download(model, wanted)
    assert found is not None
    assert found.files == (file,)
    assert find_download(model, "Q8_0") is None


def test_the_models_that_troupe_is_made_for_are_there():
    kinds = {model.name: {download.kind for download in model.downloads} for model in KNOWN_MODELS}
    assert kinds["nous-hermes-13b"] == {"GGUF", "GGML"}
    assert kinds["nous-hermes-llama2-70b"] == {"GGUF", "GGML"}
    assert kinds["limarp-mistral-7b-lora"] == {"LoRA"}
    assert {"openhermes-2.5-mistral-7b", "dpopenhermes-7b", "limarp-mistral-7b"} <= kinds.keys()
    assert "TabbyAPI" in MODELS["nous-hermes-llama2-70b"].elsewhere


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("teknium_openhermes-2.5-mistral-7b", "openhermes-2.5-mistral-7b"),
        ("dpopenhermes-7b-v2.Q5_0.gguf", "dpopenhermes-7b"),
        ("dolphin-2.2.1-ashhlimarp-mistral-7b.Q8_0.gguf", "ashhlimarp-mistral-7b"),
        ("Cydonia-24B-v4zg-Q4_K_M.gguf", "cydonia-24b"),
        ("TheDrummer/Cydonia-24B-v4.3", "cydonia-24b"),
        ("Rocinante-12B-v1-Q4_K_M.gguf", None),
        ("openhermes-2-mistral-7b.Q4_K_M.gguf", None),
    ],
)
def test_servers_and_other_files_name_models_their_own_way(name: str, expected: str | None):
    found = find_known_model(name)
    assert (found and found.name) == expected
