"""Formats that are read: model files' templates and presets, two of each that differ much."""

from bot.generation.types import EndTokens
from bot.prompting.formats.markers import PromptFormat
from bot.prompting.formats.native import open_native
from bot.prompting.presets.preset import read_context, read_instruct
from bot.prompting.presets.preset_format import PresetFormat

TEMPLATES = {
    "native-vicuna": "{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}\n\n"
    "{% elif m.role == 'user' %}USER: {{ m.content }}\n{% else %}ASSISTANT: {{ m.content }}</s>\n"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}",
    "native-llama2": "{% for m in messages %}{% if m.role == 'system' %}"
    "{{ raise_exception('no system') }}{% endif %}{% if (m.role == 'user') != (loop.index0 % 2"
    " == 0) %}{{ raise_exception('they alternate') }}{% endif %}{% if m.role == 'user' %}"
    "{{ '[INST] ' + m.content + ' [/INST]' }}{% else %}{{ ' ' + m.content + '</s>' }}{% endif %}"
    "{% endfor %}",
}
_STORY = (
    "{{system}}\n{{wiBefore}}\n{{description}}\n{{personality}}\n{{scenario}}\n{{wiAfter}}\n"
    "{{persona}}\n"
)
PRESETS = {
    "preset-alpaca": ({"input_sequence": "### Input:", "output_sequence": "### Response:"}, {}),
    "preset-vicuna": (
        {
            "input_sequence": "USER: ",
            "output_sequence": "ASSISTANT: ",
            "output_suffix": "</s>",
            "wrap": False,
            "names_behavior": "always",
        },
        {},
    ),
}
"""An instruct preset, and what its context has besides the story string."""


def make_read_formats(templates, presets) -> dict[str, PromptFormat]:
    """By name."""
    made: dict[str, PromptFormat] = {
        name: PresetFormat(
            name=name,
            instruct=read_instruct(instruct, source=name),
            context=read_context({"story_string": _STORY, **context}, source=name),
            system_prompt="",
        )
        for name, (instruct, context) in presets.items()
    }
    return made | {name: open_native(text, EndTokens()) for name, text in templates.items()}
