"""What a card holds, as a sheet to read and as JSON."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Final

from bot.scenes.tuning import read_persona_sampler
from personas.cards.specs.detect import find_body
from personas.library import PersonaLibrary
from personas.persona import Persona

_WIDTH: Final = 100
_LABEL: Final = 14
_LINES_SHOWN: Final = 6
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069\ufeff]+"
)


def plain(text: str) -> str:
    """One line that steers no terminal: what strangers wrote must not."""
    return _HIDDEN.sub(" ", text)


def describe(persona: Persona) -> str:
    """Say who this is and what card it is, in a few words."""
    return f"{plain(persona.name)} ({persona.kind})"


def list_warnings(persona: Persona) -> tuple[str, ...]:
    """What is odd about a card, also in the settings that only we read."""
    return (*persona.warnings, *read_persona_sampler(persona)[1])


def render_list(library: PersonaLibrary) -> str:
    """One line a persona: key, name, spec, and what it brings along."""
    personas = library.list()
    width = max((len(persona.key) for persona in personas), default=0)
    names = max((len(plain(persona.name)) for persona in personas), default=0)
    lines = [
        f"{persona.key:{width}}  {plain(persona.name):{names}}  {persona.kind:9}  {_count(persona)}"
        for persona in personas
    ]
    return "\n".join(line.rstrip() for line in lines)


def render_json(persona: Persona) -> str:
    """One object with the card specs' own keys, each text exactly as it is stored."""
    fields = find_body(dict(persona.card), source=persona.key, notes=[]).fields
    return json.dumps(
        {
            "name": persona.name,
            "char_macro": persona.spoken_name,
            "nickname": persona.nickname,
            "description": persona.description,
            "personality": persona.personality,
            "scenario": persona.scenario,
            "first_mes": persona.greeting,
            "mes_example": persona.example_dialogue,
            "system_prompt": persona.system_prompt,
            "post_history_instructions": persona.post_history_instructions,
            "alternate_greetings": list(persona.alternate_greetings),
            "character_book": fields.get("character_book"),
            "tags": list(persona.tags),
            "creator": persona.creator,
            "creator_notes": persona.creator_notes,
            "kind": persona.kind,
            "warnings": list(list_warnings(persona)),
        },
        ensure_ascii=_holds_half_characters(fields),
        indent=2,
    )


def render_sheet(persona: Persona) -> str:
    """A sheet to read; long texts are cut, and nothing in them steers the terminal."""
    sampler, _ = read_persona_sampler(persona)
    lines = [f"{plain(persona.name)}", "=" * min(len(plain(persona.name)), _WIDTH)]
    short = {
        "card": persona.kind,
        "in a scene": persona.spoken_name if persona.spoken_name != persona.name else "",
        "made by": persona.creator,
        "tags": ", ".join(persona.tags),
        "sampling": ", ".join(
            f"{name} {json.dumps(getattr(sampler, name))}" for name in sampler.list_chosen()
        ),
    }
    long = {
        "description": persona.description,
        "personality": persona.personality,
        "scenario": persona.scenario,
        "greeting": persona.greeting,
        **{f"greeting {n}": text for n, text in enumerate(persona.alternate_greetings, start=2)},
        "examples": persona.example_dialogue,
        "system prompt": persona.system_prompt,
        "after history": persona.post_history_instructions,
        "notes": persona.creator_notes,
    }
    lines += [f"{label:{_LABEL}}{plain(text)}" for label, text in short.items() if text]
    for label, text in long.items():
        lines += _block(label, text)
    lines += _lore_lines(persona)
    lines += [f"! {plain(warning)}" for warning in list_warnings(persona)]
    return "\n".join(lines)


def _block(label: str, text: str) -> Iterator[str]:
    if not text:
        return
    wrapped = [
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(plain(paragraph), _WIDTH - _LABEL)
    ]
    shown = wrapped[:_LINES_SHOWN]
    if len(wrapped) > len(shown):
        shown[-1] += f" … ({len(text):,} characters in all)"
    for number, line in enumerate(shown):
        yield f"{'' if number else label:{_LABEL}}{line}"


def _lore_lines(persona: Persona) -> Iterator[str]:
    if persona.lorebook is None:
        return
    entries = persona.lorebook.entries
    for number, entry in enumerate(entries[:_LINES_SHOWN]):
        keys = "always" if entry.is_constant else ", ".join(entry.keys)
        text = textwrap.shorten(plain(f"{keys}: {entry.content}"), _WIDTH - _LABEL)
        yield f"{'' if number else 'lore':{_LABEL}}{text}"
    if len(entries) > _LINES_SHOWN:
        yield f"{'':{_LABEL}}… {len(entries):,} entries in all"


def _count(persona: Persona) -> str:
    greetings = 1 + len(persona.alternate_greetings)
    entries = len(persona.lorebook.entries) if persona.lorebook is not None else 0
    parts = [
        f"{greetings} greetings" if greetings > 1 else "",
        _many(entries, "lore entry", "lore entries"),
        _many(len(list_warnings(persona)), "warning", "warnings"),
    ]
    return ", ".join(part for part in parts if part)


def _many(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}" if count else ""


def _holds_half_characters(fields: Mapping[str, object]) -> bool:
    """Whether some text cannot be written as UTF-8: half an emoji, which only an escape can."""
    try:
        json.dumps(fields.get("character_book"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False
