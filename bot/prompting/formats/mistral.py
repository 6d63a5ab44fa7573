"""Mistral's instruct formats, which differ in blanks and in where the head stands.

Sources: Mistral's table of tokenizer versions and its templates; llama.cpp's templates of these
names; SillyTavern's presets. Which model has which:

- v1: 7B Instruct v0.1 and v0.2, Mixtral 8x7B
- v3: 7B Instruct v0.3, Mixtral 8x22B, Small 22B, Large 2407 (v2 is the same text)
- v3 Tekken: Nemo, Pixtral 12B, Ministral 8B
- v7: Large 2411
- v7 Tekken: the 24B of 2025 and what came after
"""

from typing import Final

from bot.prompting.formats.alternating import AlternatingFormat

_STOPS = ("</s>", "[INST]", "[/INST]")
_HEADERS = ("[INST]", "[/INST]")
_SYSTEM_HEADERS = ("[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]")

MISTRAL_V1: Final = AlternatingFormat(
    name="mistral_v1",
    head=(" [INST] ", "\n\n"),
    is_folded=True,
    person=(" [INST] ", " [/INST]"),
    persona=(" ", "</s>"),
    stop_sequences=_STOPS,
    line_headers=_HEADERS,
)
"""All blanks, the first one too."""

MISTRAL_V3: Final = AlternatingFormat(
    name="mistral_v3",
    head=("[INST] ", "\n\n"),
    is_folded=True,
    person=("[INST] ", "[/INST]"),
    persona=(" ", "</s>"),
    stop_sequences=_STOPS,
    line_headers=_HEADERS,
)
"""Blanks only behind markers. The head stays in the first turn: Mistral moves it on to the newest
one, but then a prompt would never begin like the one before it."""

MISTRAL_TEKKEN: Final = AlternatingFormat(
    name="mistral_tekken",
    head=("[INST]", "\n\n"),
    is_folded=True,
    person=("[INST]", "[/INST]"),
    persona=("", "</s>"),
    stop_sequences=_STOPS,
    line_headers=_HEADERS,
)
"""No blanks."""

MISTRAL_V7: Final = AlternatingFormat(
    name="mistral_v7",
    head=("[SYSTEM_PROMPT] ", "[/SYSTEM_PROMPT]"),
    is_folded=False,
    person=("[INST] ", "[/INST]"),
    persona=(" ", "</s>"),
    stop_sequences=_STOPS,
    line_headers=(*_HEADERS, *_SYSTEM_HEADERS),
)
"""The head in a block of its own."""

MISTRAL_V7_TEKKEN: Final = AlternatingFormat(
    name="mistral_v7_tekken",
    head=("[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"),
    is_folded=False,
    person=("[INST]", "[/INST]"),
    persona=("", "</s>"),
    stop_sequences=_STOPS,
    line_headers=(*_HEADERS, *_SYSTEM_HEADERS),
)
"""The same without blanks."""
