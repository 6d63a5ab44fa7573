"""Which files are meant, and what .env needs for them."""

from dataclasses import replace

import pytest

from bot.cli.models.pulled_settings import describe_pulled, list_settings
from bot.cli.models.pulling import Puller, UnknownNameError
from bot.generation.catalogue import find_known_model
from bot.generation.config import DEMO_MODEL
from bot.generation.hub.errors import PullError, RemoteFileMissingError
from bot.generation.hub.hub import Hub
from tests.fake_hub import FakeHub
from tests.generation.hub.pulling import Told
from tests.generation.lora_file import write_lora

OPENHERMES = "TheBloke/OpenHermes-2.5-Mistral-7B-GGUF"


@pytest.fixture
def hub(monkeypatch):
    """A hub with some of what the catalogue names, and more."""
    monkeypatch.setenv("HF_TOKEN", "")
    with FakeHub() as running:
        for name in ("Q4_K_M", "Q6_K", "Q8_0"):
            running.add(OPENHERMES, f"openhermes-2.5-mistral-7b.{name}.gguf", b"GGUF" + b"x" * 96)
        for part in (1, 2):
            running.add("maker/big", f"Q8_0/big-Q8_0-0000{part}-of-00002.gguf", b"part %d" % part)
        running.add("maker/big", "big-Q5_K_M.gguf", b"GGUF")
        running.add("maker/big", "big-Q5_K_S.gguf", b"GGUF")
        yield running
    assert running.violations == []


@pytest.fixture
def puller(hub):
    return Puller(Hub(hub.endpoint), Told())


@pytest.mark.parametrize(
    ("name", "wanted", "file"),
    [
        ("openhermes-2.5-mistral-7b", "", "openhermes-2.5-mistral-7b.Q4_K_M.gguf"),
        ("OpenHermes-2.5-Mistral-7B", "q5_k_m", "openhermes-2.5-mistral-7b.Q5_K_M.gguf"),
        ("nous-hermes-llama2-70b", "ggml", "nous-hermes-llama2-70b.ggmlv3.Q4_K_M.bin"),
        ("nous-hermes-llama2-70b", "Q5_0", "nous-hermes-llama2-70b.ggmlv3.Q5_0.bin"),
        ("nous-hermes-13b", "ggmlv3.q4_1", "nous-hermes-13b.ggmlv3.q4_1.bin"),
        ("nous-hermes-13b.ggmlv3.q8_0.bin", "", "nous-hermes-13b.ggmlv3.q8_0.bin"),
    ],
)
def test_the_catalogue_is_enough_for_what_it_has(hub, puller, name, wanted, file):
    choice = puller.choose(name, wanted)
    assert choice.paths == (file,)
    assert choice.model is find_known_model(file)
    assert hub.requests == []


def test_other_quantizations_are_looked_for_on_the_hub(puller):
    choice = puller.choose("openhermes-2.5-mistral-7b", "Q6_K")
    assert choice.paths == ("openhermes-2.5-mistral-7b.Q6_K.gguf",)
    with pytest.raises(RemoteFileMissingError, match=r"there are .*Q8_0\.gguf"):
        puller.choose("openhermes-2.5-mistral-7b", "Q7_K")


@pytest.mark.parametrize(
    "name",
    [
        "maker/big/big-Q5_K_M.gguf",
        "https://hub.example/maker/big/resolve/main/big-Q5_K_M.gguf?download=true",
        "https://hub.example/maker/big/blob/main/big-Q5_K_M.gguf",
    ],
)
def test_any_file_of_the_hub_by_its_address(puller, name):
    choice = puller.choose(name, "")
    assert (choice.repository, choice.paths) == ("maker/big", ("big-Q5_K_M.gguf",))
    assert choice.model is None


def test_a_repository_and_a_quantization(puller):
    assert puller.choose("maker/big", "Q5_K_S").paths == ("big-Q5_K_S.gguf",)
    with pytest.raises(RemoteFileMissingError, match=r"big-Q5_K_M\.gguf, big-Q5_K_S\.gguf"):
        puller.choose("maker/big", "")
    with pytest.raises(UnknownNameError):
        puller.choose("maker//", "")


def test_all_parts_of_a_split_model_come(hub, puller, tmp_path):
    choice = puller.choose("maker/big", "Q8_0")
    assert puller.pull(choice, tmp_path) == tmp_path / "big-Q8_0-00001-of-00002.gguf"
    assert (tmp_path / "big-Q8_0-00002-of-00002.gguf").read_bytes() == b"part 2"


def test_a_missing_file_says_what_is_there(puller, tmp_path):
    choice = puller.choose("maker/big/big-Q9.gguf", "")
    with pytest.raises(RemoteFileMissingError, match=r"big-Q9\.gguf; there are .*big-Q5_K_M\.gguf"):
        puller.pull(choice, tmp_path)


def test_another_file_than_the_catalogue_knows_is_refused(hub, puller, tmp_path):
    choice = replace(puller.choose("openhermes-2.5-mistral-7b", ""), sha256="ab" * 32)
    with pytest.raises(PullError, match="another file than the catalogue knows"):
        puller.pull(choice, tmp_path)
    assert hub.ranges == []


def test_an_adapter_comes_into_a_folder_of_its_own(hub, puller, tmp_path):
    weights, config = "LoRA Adapter/adapter_model.bin", "LoRA Adapter/adapter_config.json"
    hub.add("lemonilia/LimaRP-Mistral-7B-v0.1", weights, b"weights")
    hub.add("lemonilia/LimaRP-Mistral-7B-v0.1", config, b"{}", is_large=False)
    choice = puller.choose("limarp-mistral-7b-lora", "")
    path = puller.pull(choice, tmp_path)
    assert path == tmp_path / "limarp-mistral-7b-lora" / "adapter_model.bin"
    assert path.with_name("adapter_config.json").read_bytes() == b"{}"
    said = " ".join(describe_pulled(choice.model, path))
    assert f"--outfile {tmp_path / 'limarp-mistral-7b-lora.gguf'} {path.parent}" in said
    (line,) = list_settings(choice.model, path)
    assert f'"{tmp_path / "limarp-mistral-7b-lora.gguf"}"' in line


def test_a_model_that_says_its_format_needs_one_line(tmp_path):
    path = tmp_path / "openhermes-2.5-mistral-7b.Q4_K_M.gguf"
    path.write_bytes(DEMO_MODEL.read_bytes())
    assert list_settings(find_known_model(path.name), path) == [f"TROUPE_ENGINE__MODEL={path}"]


def test_a_model_whose_format_is_not_seen_gets_it_said(tmp_path):
    path = tmp_path / "renamed.gguf"
    path.write_bytes(DEMO_MODEL.read_bytes())
    assert list_settings(find_known_model("mag-mell-12b"), path) == [
        f"TROUPE_ENGINE__MODEL={path}",
        "TROUPE_PROMPT_FORMAT=chatml",
    ]


def test_a_ggml_file_gets_its_window(tmp_path, ggml_model):
    path = tmp_path / "nous-hermes-llama2-70b.ggmlv3.Q4_K_M.bin"
    path.symlink_to(ggml_model)
    assert list_settings(find_known_model(path.name), path) == [
        f"TROUPE_ENGINE__MODEL={path}",
        "TROUPE_ENGINE__CONTEXT_LENGTH=4096",
    ]
    assert list_settings(None, path) == [f"TROUPE_ENGINE__MODEL={path}"]


def test_an_adapter_is_told_by_its_header(tmp_path):
    path = write_lora(tmp_path / "any.gguf")
    assert list_settings(None, path) == [
        f'TROUPE_ENGINE__LORAS=[{{"path": "{path}", "scale": 1.0}}]'
    ]


def test_what_troupe_cannot_run_gets_no_line(tmp_path):
    path = tmp_path / "README.md"
    path.write_bytes(b"# A model")
    assert list_settings(None, path) == []
    assert describe_pulled(None, path) == ["README.md is no file that Troupe runs"]


def test_a_model_on_a_format_that_troupe_does_not_write_is_told_so(tmp_path):
    path = tmp_path / "PocketDoc_Dans-PersonalityEngine-V1.3.0-24b-Q4_K_M.gguf"
    path.write_bytes(DEMO_MODEL.read_bytes())
    model = find_known_model(path.name)
    assert "which Troupe does not write yet" in describe_pulled(model, path)[0]
    assert list_settings(model, path) == [f"TROUPE_ENGINE__MODEL={path}"]
