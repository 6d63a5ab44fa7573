"""`troupe prompt`: the exact prompt of a case from a file, and what in it takes how much room."""

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.cli.budget_bar import write_budget
from bot.engine_room import list_formats, open_performer
from bot.errors import StartupError
from bot.generation.config import ModelFileConfig
from bot.generation.errors import EngineError, EngineUnavailableError, GenerationError
from bot.generation.factory import inspect_model
from bot.generation.types import EndTokens
from bot.prompting.budget import TokenBudget
from bot.prompting.builder import PromptBuilder
from bot.prompting.formats.detect import (
    NATIVE,
    NO_END_TOKENS,
    FormatChoice,
    choose_format,
)
from bot.prompting.formats.lengths import get_token_limit

if TYPE_CHECKING:
    from bot.cli.cases import Case
    from bot.settings import Settings

_log = logging.getLogger(__name__)

_REMOTE_PATIENCE_SECONDS = 5.0
_LOCAL_PATIENCE_SECONDS = 600.0


async def render_case(settings: "Settings", case: "Case", *, as_json: bool) -> str:
    """Render a case for the configured model, as text or as a JSON object.

    Raises:
        ValueError: If the case names a format that is not there.
        StartupError: If the preset folder cannot be used.
    """
    model = await _inspect(settings)
    choice = _choose(settings, case, model)
    prompt = PromptBuilder(choice.prompt_format, model.special_strings).render(case.script)
    if not as_json:
        return prompt.text
    stops = case.preset_stops
    is_the_cases = choice.certain and case.format_name != "auto"
    answer = {
        "prompt": prompt.text,
        "stop_sequences": list(prompt.stop_sequences if stops is None else stops),
        "token_count": await _count(settings, prompt.text),
        "format": choice.prompt_format.name,
        "format_reason": "the case says so" if is_the_cases else choice.reason,
    }
    return json.dumps(answer, ensure_ascii=False) + "\n"


async def render_budget(settings: "Settings", case: "Case") -> str:
    """Draw what each part of a case's prompt takes of the model's window.

    Raises:
        ValueError: If the case names a format that is not there.
        ContextOverflowError: If it does not fit, with the numbers.
        EngineError: If no model opens: only it knows the window, and counts.
    """
    choice = _choose(settings, case, await _inspect(settings))
    async with open_performer(settings) as performer:
        info = await performer.engine.wait_ready()
        reply_tokens = get_token_limit(case.script.length_word)
        specials = performer.get_manner(info).special_strings
        prompt = await PromptBuilder(choice.prompt_format, specials).build(
            case.script,
            budget=TokenBudget(context_length=info.context_length, reply_tokens=reply_tokens),
            count_tokens=performer.engine.count_tokens,
            measures_head=True,
        )
    return write_budget(prompt, info.context_length, format_name=choice.prompt_format.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """What is known of the model that a case is rendered for."""

    name: str = ""
    chat_template: str = ""
    end_tokens: EndTokens = NO_END_TOKENS
    special_strings: tuple[str, ...] = ()
    takes_messages: bool = False


def _choose(settings: "Settings", case: "Case", model: _Model) -> FormatChoice:
    """The case's own format, or as the model would have it; a guess is said as a warning."""
    if case.preset is not None:
        return FormatChoice(prompt_format=case.preset, reason="the case brings its presets")
    offered = list_formats(settings)
    name = case.format_name
    if name not in {"auto", NATIVE, *offered}:
        message = f"format is {name!r}; known are auto, {NATIVE}, {', '.join(offered)}"
        raise ValueError(message)
    choice = choose_format(
        setting=settings.prompt_format if name == "auto" else name,
        chat_template=model.chat_template,
        end_tokens=model.end_tokens,
        model_name=model.name,
        takes_messages=model.takes_messages and name == "auto",
        offered=offered,
    )
    if not choice.certain:
        _log.warning("%s: %s", choice.prompt_format.name, choice.reason, extra={"action": "guess"})
    return choice


async def _inspect(settings: "Settings") -> _Model:
    """What the model's file or its server says, as far as either is there."""
    config = settings.engine
    if isinstance(config, ModelFileConfig):
        try:
            header = inspect_model(config)
        except EngineUnavailableError as error:
            _log.warning("%s", error.fix, extra={"action": "no-model"})
            return _Model(name=config.model.name)
        return _Model(
            name=f"{config.model.name} {header.name}",
            chat_template=header.chat_template,
            end_tokens=header.end_tokens,
            special_strings=header.special_strings,
        )
    try:
        async with asyncio.timeout(_REMOTE_PATIENCE_SECONDS), open_performer(settings) as performer:
            info = await performer.engine.wait_ready()
    except (StartupError, EngineError, TimeoutError) as error:
        _log.warning("the server was not asked: %s", error, extra={"action": "no-model"})
        return _Model()
    return _Model(
        name=info.name,
        chat_template=info.chat_template,
        end_tokens=info.end_tokens,
        takes_messages=info.takes_messages,
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
