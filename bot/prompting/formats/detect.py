"""Which format a model wants, and why: setting, the file's template, its name, the catalogue."""

import re
from dataclasses import dataclass

from bot.generation.catalogue import find_known_model
from bot.prompting.formats.markers import PromptFormat
from bot.prompting.formats.messages import MessagesFormat
from bot.prompting.formats.registry import FORMATS
from bot.prompting.formats.templates import find_template


def _compile(*rules: tuple[str, str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, re.compile(rule, re.IGNORECASE)) for name, rule in rules)


_NAME_RULES = _compile(
    ("limarp_v2", r"limarp[-_ ]?(?:l2[-_ ]?)?v2"),
    ("limarp", r"limarp|limamono"),
    ("chatml", r"openhermes|hermes-2|hermes-3|dolphin|chatml|qwen|smollm2.*instruct"),
    ("alpaca", r"nous-hermes|alpaca|mythomax|chronos|airoboros|stheno-l2"),
    ("metharme", r"pygmalion-2|metharme|mythalion"),
    ("vicuna", r"vicuna"),
    ("mistral_v7_tekken", r"mistral-small-(?:3|24b|instruct-250|.*-25)|magistral"),
    ("mistral_v7", r"mistral-large.*2411"),
    ("mistral_tekken", r"mistral-nemo|ministral-8b|pixtral-12b"),
    ("mistral_v3", r"mistral.*instruct-v0\.3|mixtral-8x22b.*instruct|mistral-(?:small|large).*24"),
    ("mistral_v1", r"mi[sx]tral.*instruct-v0\.[12]|mixtral-8x7b.*instruct"),
    ("llama3", r"llama-?3.*instruct"),
    ("llama2", r"llama-?2.*chat"),
    ("gemma", r"gemma-?[123]?.*-it\b"),
    ("phi4_mini", r"phi-4-mini"),
    ("phi4", r"phi-4"),
    ("phi3", r"phi-3"),
    ("command_r", r"command-?r\b"),
)
"""For files without a template that is known; in this order, because merges bear several names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatChoice:
    """A format and the reason that the operator is told."""

    prompt_format: PromptFormat
    reason: str
    certain: bool = True
    """False when nothing spoke for it: said as a warning."""


def choose_format(
    *, setting: str, chat_template: str = "", model_name: str = "", takes_messages: bool = False
) -> FormatChoice:
    """Choose how prompts are written.

    Args:
        setting: A format's name, or `auto`.
        chat_template: The model file's own template, empty if it has none.
        model_name: File name or the server's name of the model.
        takes_messages: Whether the server writes the prompt itself: then no setting counts.
    """
    if takes_messages:
        reason = "TROUPE_ENGINE__API=chat, so the server uses the model's own template"
        return FormatChoice(prompt_format=MessagesFormat(), reason=reason)
    if setting != "auto":
        return FormatChoice(prompt_format=FORMATS[setting], reason="TROUPE_PROMPT_FORMAT")
    if found := _find(chat_template, model_name):
        name, reason = found
        return FormatChoice(prompt_format=FORMATS[name], reason=reason)
    what = "template is of no family that is known, its name neither"
    if not chat_template:
        what = "template and name tell nothing"
    return FormatChoice(
        prompt_format=FORMATS["alpaca"],
        reason=f"a guess: the model file's {what}; if replies look wrong, set TROUPE_PROMPT_FORMAT",
        certain=False,
    )


def _find(chat_template: str, model_name: str) -> tuple[str, str] | None:
    """A format's name and what speaks for it."""
    if known := find_template(chat_template):
        return known.format_name, f"the model file's template uses {known.marker}"
    for name, rule in _NAME_RULES:
        if match := rule.search(model_name):
            return name, f"the model's name says {match[0]!r}"
    model = find_known_model(model_name)
    if model and model.prompt_format:
        return model.prompt_format, f"the catalogue has it for {model.title}"
    if "### Instruction" in chat_template:
        # Last, because LimaRP and others have the same headers and templates like Alpaca's.
        return "alpaca", "the model file's template uses ### Instruction"
    return None
