"""`troupe prompt`: the exact prompt of a case from a file."""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from bot.engine_room import open_performer
from bot.errors import StartupError
from bot.generation.config import ModelFileConfig
from bot.generation.errors import EngineError, EngineUnavailableError, GenerationError
from bot.generation.factory import inspect_model
from bot.prompting.builder import PromptBuilder, Script
from bot.prompting.formats.detect import choose_format
from bot.prompting.formats.registry import FORMATS
from bot.prompting.prompt import LENGTH_WORDS, Person, PromptTurn
from personas.cards.specs.tavern import persona_from_object
from personas.errors import PersonaError
from storage.records import Role

if TYPE_CHECKING:
    from bot.settings import Settings

_log = logging.getLogger(__name__)

_REMOTE_PATIENCE_SECONDS = 5.0
_LOCAL_PATIENCE_SECONDS = 600.0
_EXTREME = "extreme"
"""An eleventh length word of early LimaRP models: accepted, not offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A scene from a file; turns are taken as given and no greeting is added."""

    script: Script
    format_name: str


def read_case(text: str, *, source: str) -> Case:
    """Read a case.

    Raises:
        ValueError: If it is not one; the text says what is wrong.
    """
    try:
        value: object = json.loads(text)
    except ValueError as error:
        message = f"{source} is not JSON: {error}"
        raise ValueError(message) from error
    case = _read_object(value, "the case")
    try:
        persona = persona_from_object(case.get("persona"), source=source, key="case")
    except PersonaError as error:
        raise ValueError(str(error)) from error
    person = _read_object(case.get("person") or {}, "person")
    format_name = str(case.get("format") or "auto")
    if format_name != "auto" and format_name not in FORMATS:
        message = f"format is {format_name!r}; known are auto, {', '.join(FORMATS)}"
        raise ValueError(message)
    return Case(
        script=Script(
            persona=persona,
            person=Person(
                name=str(person.get("name") or "Guest"),
                description=str(person.get("description") or ""),
            ),
            turns=[_read_turn(turn) for turn in _read_list(case.get("turns") or [], "turns")],
            length_word=_read_length(case.get("length")),
        ),
        format_name=format_name,
    )


async def render_case(settings: "Settings", case: Case, *, as_json: bool) -> str:
    """Render a case for the configured model, as text or as a JSON object."""
    specials, chat_template, model_name = _inspect(settings)
    setting = case.format_name if case.format_name != "auto" else settings.prompt_format
    choice = choose_format(setting=setting, chat_template=chat_template, model_name=model_name)
    prompt = PromptBuilder(choice.prompt_format, specials).render(case.script)
    if not as_json:
        return prompt.text
    answer = {
        "prompt": prompt.text,
        "stop_sequences": list(prompt.stop_sequences),
        "token_count": await _count(settings, prompt.text),
        "format": choice.prompt_format.name,
        "format_reason": choice.reason if case.format_name == "auto" else "the case says so",
    }
    return json.dumps(answer, ensure_ascii=False) + "\n"


def _inspect(settings: "Settings") -> tuple[tuple[str, ...], str, str]:
    """Special strings, template and name of the model file, as far as there is one."""
    if not isinstance(settings.engine, ModelFileConfig):
        return (), "", ""
    try:
        header = inspect_model(settings.engine)
    except EngineUnavailableError as error:
        _log.warning("%s", error.fix, extra={"action": "no-model"})
        return (), "", settings.engine.model.name
    return (
        header.special_strings,
        header.chat_template,
        f"{settings.engine.model.name} {header.name}",
    )


async def _count(settings: "Settings", text: str) -> int | None:
    """Count with the model's tokenizer; None when no model opens."""
    local = isinstance(settings.engine, ModelFileConfig)
    try:
        async with (
            asyncio.timeout(_LOCAL_PATIENCE_SECONDS if local else _REMOTE_PATIENCE_SECONDS),
            open_performer(settings) as performer,
        ):
            await performer.engine.wait_ready()
            return await performer.engine.count_tokens(text, whole=True)
    except (StartupError, EngineError, GenerationError, TimeoutError) as error:
        _log.warning("tokens were not counted: %s", error, extra={"action": "no-model"})
        return None


def _read_turn(value: object) -> PromptTurn:
    turn = _read_object(value, "a turn")
    role = str(turn.get("role"))
    if role not in set(Role):
        message = f"a turn's role is {role!r}; known are {', '.join(Role)}"
        raise ValueError(message)
    return PromptTurn(
        role=Role(role), name=str(turn.get("name") or ""), text=str(turn.get("text") or "")
    )


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
