"""Which format a model wants, and why: setting, the file's own template, the file's name."""

import re
from dataclasses import dataclass

from bot.prompting.formats.alpaca import AlpacaFormat
from bot.prompting.formats.chatml import ChatmlFormat
from bot.prompting.formats.limarp import LimarpFormat
from bot.prompting.formats.markers import PromptFormat
from bot.prompting.formats.messages import MessagesFormat

FORMATS: dict[str, PromptFormat] = {
    prompt_format.name: prompt_format
    for prompt_format in (LimarpFormat(), AlpacaFormat(), ChatmlFormat())
}
"""All formats by the name that settings use."""

_NAME_RULES = (
    ("limarp", re.compile(r"limarp|limamono", re.IGNORECASE)),
    (
        "chatml",
        re.compile(
            r"openhermes|hermes-2|hermes-3|dolphin|chatml|qwen|smollm2.*instruct", re.IGNORECASE
        ),
    ),
    (
        "alpaca",
        re.compile(r"nous-hermes|alpaca|mythomax|chronos|airoboros|stheno-l2", re.IGNORECASE),
    ),
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
    if "<|im_start|>" in chat_template:
        return FormatChoice(
            prompt_format=FORMATS["chatml"], reason="the model file's template uses <|im_start|>"
        )
    for name, rule in _NAME_RULES:
        if match := rule.search(model_name):
            return FormatChoice(
                prompt_format=FORMATS[name], reason=f"the model's name says {match[0]!r}"
            )
    if "### Instruction" in chat_template:
        return FormatChoice(
            prompt_format=FORMATS["alpaca"],
            reason="the model file's template uses ### Instruction",
        )
    return FormatChoice(
        prompt_format=FORMATS["alpaca"],
        reason=(
            "neither the model file's template nor its name is known; "
            "if replies look wrong, set TROUPE_PROMPT_FORMAT"
        ),
        certain=False,
    )
