"""`troupe prompt`: the exact prompt of a case from a file, and what in it takes how much room."""

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from bot.cli.budget_bar import write_budget
from bot.engine_room import list_formats, open_performer
from bot.errors import StartupError
from bot.generation.config import ModelFileConfig
from bot.generation.errors import EngineError, EngineUnavailableError, GenerationError
from bot.generation.factory import inspect_model
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
    from bot.generation.workers.model_files import ModelHeader
    from bot.scenes.performer import Performer
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
    header = _inspect(settings)
    choice = _choose(settings, case, header)
    specials = header.special_strings if header else ()
    prompt = PromptBuilder(choice.prompt_format, specials).render(case.script)
    if not as_json:
        return prompt.text
    stops = case.preset_stops
    answer = {
        "prompt": prompt.text,
        "stop_sequences": list(prompt.stop_sequences if stops is None else stops),
        "token_count": await _count(settings, prompt.text),
        "format": choice.prompt_format.name,
        "format_reason": choice.reason if case.format_name == "auto" else "the case says so",
    }
    return json.dumps(answer, ensure_ascii=False) + "\n"


async def render_budget(settings: "Settings", case: "Case") -> str:
    """Draw what each part of a case's prompt takes of the model's window.

    Raises:
        ValueError: If the case names a format that is not there.
        ContextOverflowError: If it does not fit, with the numbers.
        EngineError: If no model opens: only it knows the window, and counts.
    """
    choice = _choose(settings, case, _inspect(settings))
    async with open_performer(settings) as performer:
        await performer.engine.wait_ready()
        return await _measure(performer, choice, case)


async def _measure(performer: "Performer", choice: FormatChoice, case: "Case") -> str:
    info = await performer.engine.wait_ready()
    budget = TokenBudget(
        context_length=info.context_length, reply_tokens=get_token_limit(case.script.length_word)
    )
    builder = PromptBuilder(choice.prompt_format, performer.get_manner(info).special_strings)
    prompt = await builder.build(
        case.script,
        budget=budget,
        count_tokens=performer.engine.count_tokens,
        measures_head=True,
    )
    return write_budget(prompt, info.context_length, format_name=choice.prompt_format.name)


def _choose(settings: "Settings", case: "Case", header: "ModelHeader | None") -> FormatChoice:
    """The case's own format, or as the model would have it."""
    if case.preset is not None:
        return FormatChoice(prompt_format=case.preset, reason="the case brings its presets")
    offered = list_formats(settings)
    name = case.format_name
    if name not in {"auto", NATIVE, *offered}:
        message = f"format is {name!r}; known are auto, {NATIVE}, {', '.join(offered)}"
        raise ValueError(message)
    model = settings.engine.model.name if isinstance(settings.engine, ModelFileConfig) else ""
    return choose_format(
        setting=settings.prompt_format if name == "auto" else name,
        chat_template=header.chat_template if header else "",
        end_tokens=header.end_tokens if header else NO_END_TOKENS,
        model_name=f"{model} {header.name}" if header else model,
        offered=offered,
    )


def _inspect(settings: "Settings") -> "ModelHeader | None":
    """What the model file says of itself, as far as there is one."""
    if not isinstance(settings.engine, ModelFileConfig):
        return None
    try:
        return inspect_model(settings.engine)
    except EngineUnavailableError as error:
        _log.warning("%s", error.fix, extra={"action": "no-model"})
        return None


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
