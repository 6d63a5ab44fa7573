import re

import pytest

from bot.generation.catalogue import KNOWN_MODELS
from bot.generation.types import EndTokens
from bot.prompting.formats.detect import add_native, choose_format
from bot.prompting.formats.registry import FORMATS
from tests.prompting.making import ROOT

CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"
ALPACA = "{% for m in messages %}### Instruction:\n{{ m.content }}\n\n### Response:\n{% endfor %}"
HEADERS = "{% for m in messages %}### {{ m.role }}:\n{{ m.content }}{% endfor %}"
ZEPHYR = "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}</s>{% endfor %}<|assistant|>"
BROKEN = "{% for m in messages %}{{ m.content }}"
REFUSES = "{{ raise_exception('not today') }}"
LLAMA_3 = "{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>{% endfor %}"


def choose(setting="auto", template="", name=""):
    return choose_format(setting=setting, chat_template=template, model_name=name)


def test_each_format_is_found_by_its_name():
    assert {"limarp", "alpaca", "chatml"} < set(FORMATS)
    assert all(each.name == name for name, each in FORMATS.items())


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_in_what_operators_read(name):
    assert f"`{name}`" in (ROOT / "docs" / "prompts.md").read_text(encoding="utf-8")
    assert re.search(rf"[ ,]{name},", (ROOT / ".env.example").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FORMATS)
def test_a_setting_goes_before_everything(name):
    choice = choose(name, CHATML, "limarp-openhermes-alpaca.gguf")
    assert (choice.prompt_format.name, choice.certain) == (name, True)
    assert "TROUPE_PROMPT_FORMAT" in choice.reason


@pytest.mark.parametrize(
    ("template", "name", "expected"),
    [
        pytest.param(CHATML, "LimaRP-Mistral-7B.gguf", "chatml", id="chatml-before-the-name"),
        pytest.param(ALPACA, "", "alpaca", id="alpaca"),
        pytest.param(ALPACA, "LimaRP-Mistral-7B.gguf", "limarp", id="limarp-in-an-alpaca-template"),
        pytest.param(HEADERS, "mythomax-l2-13b.gguf", "alpaca", id="headers-and-a-known-name"),
        pytest.param(ZEPHYR, "limarp-zephyr.gguf", "limarp", id="another-and-a-known-name"),
        pytest.param(LLAMA_3, "limarp-llama-3.gguf", "llama3", id="llama-3-before-the-name"),
    ],
)
def test_a_template_decides_where_it_is_known(template, name, expected):
    choice = choose(template=template, name=name)
    assert (choice.prompt_format.name, choice.certain) == (expected, True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("LimaRP-Mistral-7B-v0.1.Q4_K_M.gguf", "limarp", id="limarp"),
        pytest.param("limamono-mistral-7b.gguf", "limarp", id="limamono"),
        pytest.param("troupe-demo-limarp.Q8_0.gguf", "limarp", id="demo"),
        pytest.param("openhermes-2.5-mistral-7b.Q5_K_M.gguf", "chatml", id="openhermes"),
        pytest.param("DPOpenHermes-7B-v2.gguf", "chatml", id="dpopenhermes"),
        pytest.param("Nous-Hermes-2-SOLAR-10.7B.gguf", "chatml", id="hermes-2-before-nous-hermes"),
        pytest.param("Hermes-3-Llama-3.1-8B.gguf", "chatml", id="hermes-3"),
        pytest.param("dolphin-2.2.1-mistral-7b.gguf", "chatml", id="dolphin"),
        pytest.param("some-chatml-merge.gguf", "chatml", id="chatml"),
        pytest.param("Qwen2.5-7B.gguf", "chatml", id="qwen"),
        pytest.param("SmolLM2-135M-Instruct.gguf", "chatml", id="smollm2"),
        pytest.param("Nous-Hermes-Llama2-70b.gguf", "alpaca", id="nous-hermes"),
        pytest.param("alpaca-13b.gguf", "alpaca", id="alpaca"),
        pytest.param("MythoMax-L2-13B.gguf", "alpaca", id="mythomax"),
        pytest.param("chronos-hermes-13b.gguf", "alpaca", id="chronos"),
        pytest.param("airoboros-l2-13b.gguf", "alpaca", id="airoboros"),
        pytest.param("Stheno-L2-13B.gguf", "alpaca", id="stheno"),
        pytest.param("OpenHermes-LimaRP-7B.gguf", "limarp", id="limarp-before-openhermes"),
        pytest.param("llama-2-13b-chat-limarp-v2-merged.Q4_0.gguf", "limarp_v2", id="limarp-v2"),
        pytest.param("pygmalion-2-13b.Q5_K_M.gguf", "metharme", id="pygmalion-2"),
        pytest.param("Mythalion-13B.gguf", "metharme", id="mythalion"),
        pytest.param("metharme-7b.gguf", "metharme", id="metharme"),
        pytest.param("vicuna-13b-v1.5.Q4_K_M.gguf", "vicuna", id="vicuna"),
        pytest.param("Mistral-7B-Instruct-v0.1.gguf", "mistral_v1", id="mistral-v0.1"),
        pytest.param("mistral-7b-instruct-v0.2.Q4_K_M.gguf", "mistral_v1", id="mistral-v0.2"),
        pytest.param("mixtral-8x7b-instruct-v0.1.gguf", "mistral_v1", id="mixtral"),
        pytest.param("Mistral-7B-Instruct-v0.3.gguf", "mistral_v3", id="mistral-v0.3"),
        pytest.param("Mixtral-8x22B-Instruct-v0.1.gguf", "mistral_v3", id="mixtral-8x22b"),
        pytest.param("Mistral-Small-Instruct-2409.gguf", "mistral_v3", id="small-22b"),
        pytest.param("Mistral-Large-Instruct-2407.gguf", "mistral_v3", id="large-2407"),
        pytest.param("Mistral-Nemo-Instruct-2407.gguf", "mistral_tekken", id="nemo"),
        pytest.param("Ministral-8B-Instruct-2410.gguf", "mistral_tekken", id="ministral"),
        pytest.param("Mistral-Large-Instruct-2411.gguf", "mistral_v7", id="large-2411"),
        pytest.param("Mistral-Small-24B-Instruct-2501.gguf", "mistral_v7_tekken", id="small-3"),
        pytest.param("Mistral-Small-3.2-24B-2506.gguf", "mistral_v7_tekken", id="small-3.2"),
        pytest.param("Meta-Llama-3-8B-Instruct.Q4_K_M.gguf", "llama3", id="llama-3"),
        pytest.param("Llama-3.2-3B-Instruct.gguf", "llama3", id="llama-3.2"),
        pytest.param("llama-2-13b-chat.ggmlv3.q4_0.bin", "llama2", id="llama-2-chat"),
        pytest.param("gemma-2-9b-it-Q4_K_M.gguf", "gemma", id="gemma-2"),
        pytest.param("gemma-3-4b-it.gguf", "gemma", id="gemma-3"),
        pytest.param("Phi-3.5-mini-instruct.gguf", "phi3", id="phi-3.5"),
        pytest.param("Phi-4-mini-instruct.gguf", "phi4_mini", id="phi-4-mini"),
        pytest.param("phi-4-Q4_K_M.gguf", "phi4", id="phi-4"),
        pytest.param("c4ai-command-r-v01-Q4_K_M.gguf", "command_r", id="command-r"),
    ],
)
def test_a_file_without_a_template_is_told_by_its_name(name, expected):
    choice = choose(name=name)
    assert (choice.prompt_format.name, choice.certain) == (expected, True)
    assert choice.reason.removeprefix("the model's name says ").strip("'") in name


@pytest.mark.parametrize(
    ("template", "name"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("", "my-model.gguf", id="unknown-name"),
        pytest.param(BROKEN, "zephyr-7b.gguf", id="broken-template"),
        pytest.param(REFUSES, "", id="template-that-refuses-everything"),
        pytest.param("", "Llama-3-8B.gguf", id="a-base-model"),
        pytest.param("", "gemma-4-12b.gguf", id="a-newer-family"),
    ],
)
def test_where_nothing_is_known_alpaca_is_a_guess_that_says_so(template, name):
    choice = choose(template=template, name=name)
    assert (choice.prompt_format.name, choice.certain) == ("alpaca", False)
    assert "TROUPE_PROMPT_FORMAT" in choice.reason


def test_a_guess_tells_a_template_that_cannot_be_used_from_none():
    assert "template and name tell nothing" in choose().reason
    assert "template cannot be used (not today)" in choose(template=REFUSES).reason
    assert "template cannot be used (it cannot be read: " in choose(template=BROKEN).reason


@pytest.mark.parametrize(
    ("template", "name"),
    [
        pytest.param(ZEPHYR, "", id="unknown-family"),
        pytest.param(HEADERS, "my-model.gguf", id="headers-of-some-kind"),
        pytest.param(ZEPHYR, "dolphin-zephyr.gguf", id="before-the-name"),
    ],
)
def test_a_template_of_no_known_family_is_used_itself(template, name):
    choice = choose(template=template, name=name)
    assert (choice.prompt_format.name, choice.certain) == ("native", True)
    assert "own template" in choice.reason


def test_native_is_a_setting_and_says_so_where_it_does_nothing():
    choice = choose("native", CHATML)
    assert (choice.prompt_format.name, choice.reason) == ("native", "TROUPE_PROMPT_FORMAT=native")
    for template, said in (("", "has no template"), (REFUSES, "not today")):
        guess = choose("native", template)
        assert (guess.prompt_format.name, guess.certain) == ("alpaca", False)
        assert said in guess.reason


def test_what_a_scene_may_have_instead_includes_a_template_that_works():
    assert set(add_native(FORMATS, CHATML, EndTokens())) == {*FORMATS, "native"}
    assert set(add_native(FORMATS, REFUSES, EndTokens())) == set(FORMATS)
    assert set(add_native(FORMATS, "", EndTokens())) == set(FORMATS)


def test_the_catalogue_speaks_where_the_name_does_not():
    choice = choose(name="MN-12B-Mag-Mell-R1.Q4_K_M.gguf")
    assert (choice.prompt_format.name, choice.certain) == ("chatml", True)
    assert choice.reason == "the catalogue has it for MN 12B Mag Mell R1"


@pytest.mark.parametrize("model", KNOWN_MODELS, ids=lambda model: model.name)
def test_no_rule_for_names_speaks_against_the_catalogue(model):
    for download in model.downloads:
        choice = choose(name=download.files[0])
        if model.prompt_format and choice.certain:
            assert choice.prompt_format.name == model.prompt_format


def test_what_a_template_says_of_the_vocabulary_is_told():
    template = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{{ '<fin>' }}{% endfor %}"
    choice = choose_format(
        setting="auto", chat_template=template, end_tokens=EndTokens(bos="<begin>", eos="<over>")
    )
    expected = ("<fin>", "<|system|>", "<|user|>", "<|assistant|>", "<begin>", "<over>")
    assert set(choice.special_strings) == set(expected)
    broken = choose_format(setting="chatml", chat_template="{% <|mine|>")
    assert broken.special_strings == ("<|mine|>",)
    assert choose_format(setting="auto").special_strings == ()
