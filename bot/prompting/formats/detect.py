"""Which format a model wants, and why: setting, the file's template, its name, the catalogue."""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot.generation.catalogue import find_known_model
from bot.generation.types import EndTokens
from bot.prompting.formats.chat_template import ChatTemplateError
from bot.prompting.formats.markers import PromptFormat
from bot.prompting.formats.messages import MessagesFormat
from bot.prompting.formats.native import open_native
from bot.prompting.formats.registry import FORMATS
from bot.prompting.formats.templates import find_template
from bot.prompting.formats.tokens import list_tokens

NATIVE: Final = "native"
"""The setting for the model's own chat template."""
NO_END_TOKENS: Final = EndTokens()
_ALPACA_HEADER = "### Instruction"


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
    special_strings: tuple[str, ...] = ()
    """What the model's template has that looks like control tokens, and its end tokens: all that is
    known of a vocabulary on a server elsewhere."""


def choose_format(
    *,
    setting: str,
    chat_template: str = "",
    end_tokens: EndTokens = NO_END_TOKENS,
    model_name: str = "",
    takes_messages: bool = False,
    offered: Mapping[str, PromptFormat] = FORMATS,
) -> FormatChoice:
    """Choose how prompts are written.

    Args:
        setting: A format's name, `native`, or `auto`.
        chat_template: The model file's own template, empty if it has none.
        end_tokens: Of its vocabulary.
        model_name: File name or the server's name of the model.
        takes_messages: Whether the server writes the prompt itself: then no setting counts.
        offered: The formats that a setting can name.
    """
    choice = _choose(setting, chat_template, end_tokens, model_name, takes_messages, offered)
    return replace(choice, special_strings=list_special_strings(chat_template, end_tokens))


def list_special_strings(chat_template: str, end_tokens: EndTokens) -> tuple[str, ...]:
    """What may be control tokens: as it stands in the template, and as the template writes it."""
    found = list_tokens([chat_template])
    if chat_template:
        with contextlib.suppress(ChatTemplateError):
            found += list_tokens(open_native(chat_template, end_tokens).text_markers)
    ends = [token for token in (end_tokens.bos, end_tokens.eos) if token]
    return tuple(dict.fromkeys([*found, *ends]))


def _choose(
    setting: str,
    chat_template: str,
    end_tokens: EndTokens,
    model_name: str,
    takes_messages: bool,
    offered: Mapping[str, PromptFormat],
) -> FormatChoice:
    if takes_messages:
        reason = "TROUPE_ENGINE__API=chat, so the server uses the model's own template"
        return FormatChoice(prompt_format=MessagesFormat(), reason=reason)
    if setting in offered:
        return FormatChoice(prompt_format=offered[setting], reason="TROUPE_PROMPT_FORMAT")
    if setting == NATIVE:
        return _choose_native(chat_template, end_tokens)
    return _detect(chat_template, end_tokens, model_name)


def _detect(chat_template: str, end_tokens: EndTokens, model_name: str) -> FormatChoice:
    """By template, then name, then catalogue."""
    if known := find_template(chat_template):
        reason = f"the model file's template uses {known.marker}"
        return FormatChoice(prompt_format=FORMATS[known.format_name], reason=reason)
    found = _find(chat_template, model_name)
    native, problem = _try_native(chat_template, end_tokens)
    if native and (found is None or not _is_plain(chat_template, model_name)):
        return native
    if found:
        name, reason = found
        return FormatChoice(prompt_format=FORMATS[name], reason=reason)
    what = f"template cannot be used ({problem}), and its name tells nothing"
    return _guess(what if chat_template else "template and name tell nothing")


def _try_native(
    chat_template: str, end_tokens: EndTokens
) -> tuple[FormatChoice | None, ChatTemplateError | None]:
    if not chat_template:
        return None, None
    reason = "the model file's own template, of no family that Troupe writes itself"
    try:
        return FormatChoice(
            prompt_format=open_native(chat_template, end_tokens), reason=reason
        ), None
    except ChatTemplateError as error:
        return None, error


def add_native(
    offered: Mapping[str, PromptFormat], chat_template: str, end_tokens: EndTokens
) -> dict[str, PromptFormat]:
    """The formats on offer, and the model's own template among them if it can be used."""
    formats = dict(offered)
    if chat_template:
        with contextlib.suppress(ChatTemplateError):
            formats[NATIVE] = open_native(chat_template, end_tokens)
    return formats


def _choose_native(chat_template: str, end_tokens: EndTokens) -> FormatChoice:
    """As the setting says, or a guess that says why not."""
    if not chat_template:
        return _guess("file or server has no template, so TROUPE_PROMPT_FORMAT=native does nothing")
    try:
        found = open_native(chat_template, end_tokens)
    except ChatTemplateError as error:
        return _guess(f"template cannot be used ({error})")
    return FormatChoice(prompt_format=found, reason="TROUPE_PROMPT_FORMAT=native")


def _guess(what: str) -> FormatChoice:
    """Never silent: the operator reads it as a warning."""
    return FormatChoice(
        prompt_format=FORMATS["alpaca"],
        reason=f"a guess: the model's {what}; if replies look wrong, set TROUPE_PROMPT_FORMAT",
        certain=False,
    )


def _is_plain(chat_template: str, model_name: str) -> bool:
    """Whether the name tells more: many quantizations of 2023 have made-up headers in them."""
    is_limarp = any(rule.search(model_name) for name, rule in _NAME_RULES if "limarp" in name)
    return is_limarp or "###" in chat_template


def _find(chat_template: str, model_name: str) -> tuple[str, str] | None:
    """A format's name and what speaks for it."""
    for name, rule in _NAME_RULES:
        if match := rule.search(model_name):
            return name, f"the model's name says {match[0]!r}"
    model = find_known_model(model_name)
    if model and model.prompt_format:
        return model.prompt_format, f"the catalogue has it for {model.title}"
    if _ALPACA_HEADER in chat_template:
        return "alpaca", f"the model file's template uses {_ALPACA_HEADER}"
    return None
