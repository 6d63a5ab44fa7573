"""Families told by their markers, in small templates of our own that have what the real ones do."""

import json

import pytest

from bot.prompting.formats.registry import FORMATS
from bot.prompting.formats.templates import find_template
from tests.prompting.making import VECTORS

LOOP = "{% for m in messages %}"
SAYS = "m['content']"
TEMPLATES = {
    "chatml": f"{LOOP}<|im_start|>{{{{ m.role }}}}\n{{{{ {SAYS} }}}}<|im_end|>",
    "llama2": f"{LOOP}{{{{ '[INST] <<SYS>>\\n' + {SAYS} + '\\n<</SYS>>' + ' [/INST]' }}}}",
    "llama3": f"{LOOP}<|start_header_id|>{{{{ m.role }}}}<|end_header_id|>{{{{ {SAYS} }}}}",
    "mistral_v1": f"{LOOP}{{{{ ' [INST] ' + {SAYS} + ' [/INST]' }}}}",
    "mistral_v3": f'{LOOP}{{{{- "[INST] " + {SAYS} + "[/INST]" }}}}[AVAILABLE_TOOLS]',
    "mistral_tekken": f'{LOOP}{{{{- "[INST]" + {SAYS} + "[/INST]" }}}}[AVAILABLE_TOOLS]',
    "mistral_v7": f"{{{{ '[SYSTEM_PROMPT] ' + s }}}}{LOOP}{{{{ '[INST] ' + {SAYS} + '[/INST]' }}}}",
    "mistral_v7_tekken": (
        f"{{{{ '[SYSTEM_PROMPT]' + s + '[/SYSTEM_PROMPT]' }}}}{LOOP}"
        f"{{{{ '[INST]' + {SAYS} + '[/INST]' }}}}"
    ),
    "gemma": f"{{{{ raise_exception('no system') }}}}{LOOP}<start_of_turn>user\n{{{{ {SAYS} }}}}",
    "vicuna": f"{LOOP}{{{{ 'USER: ' + {SAYS} }}}}{{{{ 'ASSISTANT: ' + {SAYS} + eos_token }}}}",
    "metharme": f"{LOOP}{{{{ '<|user|>' + {SAYS} }}}}{{{{ '<|model|>' + {SAYS} }}}}",
    "phi3": f"{LOOP}{{{{ '<|user|>\\n' + {SAYS} + '<|end|>\\n<|assistant|>\\n' }}}}",
    "phi4_mini": f"{LOOP}{{{{ '<|' + m.role + '|>' + {SAYS} + '<|end|>' }}}}<|assistant|>",
    "phi4": f"{LOOP}{{{{ '<|im_start|>user<|im_sep|>' + {SAYS} + '<|im_end|>' }}}}",
    "command_r": f"{LOOP}<|START_OF_TURN_TOKEN|><|USER_TOKEN|>{{{{ {SAYS} }}}}",
}


@pytest.mark.parametrize("format_name", TEMPLATES)
def test_a_family_is_told_by_its_markers(format_name):
    known = find_template(TEMPLATES[format_name])
    assert known is not None
    assert known.format_name == format_name
    assert known.marker in TEMPLATES[format_name]


@pytest.mark.parametrize(
    ("template", "format_name"),
    [
        pytest.param("'[INST] ' + x + ' [/INST]'", "mistral_v1", id="mistral-before-versions"),
        pytest.param("'<|user|>' + '\n' + x + '<|end|><|assistant|>'", "phi3", id="phi-3-apart"),
        pytest.param("<|user|>\\n <|end|> <|assistant|>", "phi3", id="phi-3-escaped"),
        pytest.param("USER: x SYSTEM: y ASSISTANT: z", "vicuna", id="vicuna-of-orca"),
    ],
)
def test_other_spellings_are_told_too(template, format_name):
    known = find_template(template)
    assert known is not None
    assert known.format_name == format_name


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("", id="none"),
        pytest.param("{{ messages }}", id="no-markers"),
        pytest.param("<|system|>x</s><|user|>y</s><|assistant|>", id="zephyr"),
        pytest.param("<|user|>x<|endoftext|><|assistant|>", id="others-with-bars"),
        pytest.param("GPT4 Correct User: x<|end_of_turn|>", id="openchat"),
        pytest.param("USER: x\nGPT: y", id="koala"),
        pytest.param("### Instruction:\nx\n### Response:\n", id="headers"),
        pytest.param("<|header_start|>user<|header_end|>x<|eot|>", id="llama-4"),
    ],
)
def test_a_family_that_is_not_written_is_not_taken_for_another(template):
    assert find_template(template) is None


def test_every_family_with_markers_has_a_template_here():
    plain = {name for name in FORMATS if name.startswith(("limarp", "alpaca"))}
    assert set(TEMPLATES) == set(FORMATS) - plain - {"chatml_nameless"}


@pytest.mark.skipif(not VECTORS.is_file(), reason=f"{VECTORS} is not here")
def test_real_templates_are_told():
    found = {
        vector["id"].removeprefix("native/").split(" ")[0]: find_template(vector["chat_template"])
        for vector in json.loads(VECTORS.read_text(encoding="utf-8"))["native"]
    }
    assert {name: known.format_name if known else None for name, known in found.items()} == {
        "teknium/OpenHermes-2.5-Mistral-7B": "chatml",
        "mistralai/Mistral-7B-Instruct-v0.2": "mistral_v1",
        "TheBloke/FusionNet_34Bx2_MoE-AWQ": "llama2",
        "mlabonne/AlphaMonarch-7B": None,
        "google/gemma-7b-it": "gemma",
        "openchat/openchat-3.5-0106": None,
        "eachadea/vicuna-13b-1.1": "vicuna",
        "Orca-Vicuna": "vicuna",
        "Llama-3": "llama3",
        "Phi-3-small": "phi3",
        "mistralai/Mistral-Large-Instruct-2411": "mistral_v7",
        "phi-4": "phi4",
    }
