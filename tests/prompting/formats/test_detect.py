import pytest

from bot.prompting.formats.detect import FORMATS, choose_format

CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"
ALPACA = "{% for m in messages %}### Instruction:\n{{ m.content }}\n\n### Response:\n{% endfor %}"
HEADERS = "{% for m in messages %}### {{ m.role }}:\n{{ m.content }}{% endfor %}"
LLAMA_3 = "{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>{% endfor %}"


def choose(setting="auto", template="", name=""):
    return choose_format(setting=setting, chat_template=template, model_name=name)


def test_each_format_is_found_by_its_name():
    assert set(FORMATS) == {"limarp", "alpaca", "chatml"}
    assert all(each.name == name for name, each in FORMATS.items())


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
        pytest.param(LLAMA_3, "limarp-llama-3.gguf", "limarp", id="another-and-a-known-name"),
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
        pytest.param(LLAMA_3, "Meta-Llama-3-8B-Instruct.gguf", id="unknown-template"),
        pytest.param(HEADERS, "my-model.gguf", id="headers-of-some-kind"),
    ],
)
def test_where_nothing_is_known_alpaca_is_a_guess_that_says_so(template, name):
    choice = choose(template=template, name=name)
    assert (choice.prompt_format.name, choice.certain) == ("alpaca", False)
    assert "TROUPE_PROMPT_FORMAT" in choice.reason
