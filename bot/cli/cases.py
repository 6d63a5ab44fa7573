"""Cases of `troupe prompt`: a scene from a file, in Troupe's shape or in SillyTavern's.

SillyTavern's shape is what its own prompt code is given: `card`, `chat`, `user_name`, `persona`,
and the presets themselves under `instruct`, `context` and `sysprompt`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from bot.prompting.builder import Script
from bot.prompting.macros import replace_macros
from bot.prompting.presets.preset import (
    PresetError,
    read_context,
    read_instruct,
    read_system_prompt,
)
from bot.prompting.presets.preset_format import PresetFormat
from bot.prompting.prompt import LENGTH_WORDS, Person, PromptTurn
from personas.cards.specs.tavern import persona_from_object
from personas.errors import PersonaError
from storage.records import Role

if TYPE_CHECKING:
    from personas.persona import Persona

_EXTREME = "extreme"
"""An eleventh length word of early LimaRP models: accepted, not offered."""
_CHAT_ROLES: Final = {"char": Role.PERSONA, "user": Role.PERSON, "narrator": Role.NARRATOR}
_TYPES = ("normal", "continue", "impersonate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A scene from a file; turns are taken as given and no greeting is added."""

    script: Script
    format_name: str
    preset: PresetFormat | None = None
    """The presets that the case brings with it."""

    @property
    def preset_stops(self) -> tuple[str, ...] | None:
        """What SillyTavern itself would stop at, of a case in its shape."""
        if self.preset is None:
            return None
        bound = self.preset.bind(self.script.persona.spoken_name, self.script.person.name)
        return bound.list_sillytavern_stops(is_drafting=not self.script.is_persona_next)


def read_case(text: str, *, source: str) -> Case:
    """Read a case.

    Raises:
        ValueError: If it is not one; the text says what is wrong.
    """
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"{source} is not JSON: {error}"
        raise ValueError(message) from error
    case = _read_object(value, "the case")
    try:
        if "card" in case and "instruct" in case:
            return _read_sillytavern(case, source)
        return _read_own(case, source)
    except (PersonaError, PresetError) as error:
        raise ValueError(str(error)) from error


def _read_own(case: Mapping[str, object], source: str) -> Case:
    person = _read_object(case.get("person") or {}, "person")
    kind = _read_type(case.get("type"))
    return Case(
        script=Script(
            persona=persona_from_object(case.get("persona"), source=source, key="case"),
            person=Person(
                name=str(person.get("name") or "Guest"),
                description=str(person.get("description") or ""),
            ),
            turns=[_read_turn(turn) for turn in _read_list(case.get("turns") or [], "turns")],
            length_word=_read_length(case.get("length")),
            is_persona_next=kind != "impersonate",
            goes_on=kind == "continue",
        ),
        format_name=str(case.get("format") or "auto"),
    )


def _read_sillytavern(case: Mapping[str, object], source: str) -> Case:
    card = {"spec": "chara_card_v2", "data": case["card"]}
    persona = persona_from_object(card, source=source, key="case")
    person_name = str(case.get("user_name") or "User")
    lore = _read_object(case.get("wi") or {}, "wi")
    kind = _read_type(case.get("type"))
    chat = _read_list(case.get("chat") or [], "chat")
    return Case(
        script=Script(
            persona=persona,
            person=Person(name=person_name, description=str(case.get("persona") or "")),
            turns=[_read_chat_turn(turn, persona, person_name) for turn in chat],
            length_word=_read_length(case.get("length")),
            is_persona_next=kind != "impersonate",
            goes_on=kind == "continue",
            lore_before=str(lore.get("before") or ""),
            lore_after=str(lore.get("after") or ""),
        ),
        format_name="preset",
        preset=PresetFormat(
            name="preset",
            instruct=read_instruct(case["instruct"], source="instruct"),
            context=read_context(case.get("context"), source="context"),
            system_prompt=read_system_prompt(case.get("sysprompt"), source="sysprompt"),
        ),
    )


def _read_chat_turn(value: object, persona: "Persona", person_name: str) -> PromptTurn:
    """A card's words have macros; what people say has none."""
    turn = _read_object(value, "a turn of chat")
    role, text = str(turn.get("role")), str(turn.get("text") or "")
    if role not in _CHAT_ROLES:
        message = f"a turn's role is {role!r}; known are {', '.join(_CHAT_ROLES)}"
        raise ValueError(message)
    if role == "char":
        text = replace_macros(text, char=persona.spoken_name, user=person_name)
    name = str(turn.get("name") or person_name)
    return PromptTurn(role=_CHAT_ROLES[role], name=name, text=text)


def _read_turn(value: object) -> PromptTurn:
    turn = _read_object(value, "a turn")
    role = str(turn.get("role"))
    if role not in set(Role):
        message = f"a turn's role is {role!r}; known are {', '.join(Role)}"
        raise ValueError(message)
    return PromptTurn(
        role=Role(role), name=str(turn.get("name") or ""), text=str(turn.get("text") or "")
    )


def _read_type(value: object) -> str:
    kind = str(value or "normal")
    if kind not in _TYPES:
        message = f"type is {kind!r}; known are {', '.join(_TYPES)}"
        raise ValueError(message)
    return kind


def _read_length(value: object) -> str | None:
    if value in (None, "", "auto"):
        return None
    if value in (*LENGTH_WORDS, _EXTREME):
        return str(value)
    message = f"length is {value!r}; known are {', '.join(LENGTH_WORDS)}"
    raise ValueError(message)


def _read_object(value: object, what: str) -> Mapping[str, object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value)
    message = f"{what} is not a JSON object"
    raise ValueError(message)


def _read_list(value: object, what: str) -> list[object]:
    if isinstance(value, list):
        return cast("list[object]", value)
    message = f"{what} is not a JSON list"
    raise ValueError(message)
