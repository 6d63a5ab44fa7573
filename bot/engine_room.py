"""The model that is played on: opened at the start, exchanged while people play."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot.errors import StartupError
from bot.generation import llama_protocol
from bot.generation.catalogue import choose_sampler
from bot.generation.config import CtransformersConfig, ModelFileConfig
from bot.generation.engine_switch import EngineSwitch
from bot.generation.errors import EngineUnavailableError
from bot.generation.factory import inspect_model, open_engine
from bot.generation.openai_api import protocol as openai_protocol
from bot.generation.openai_api.dialects import DIALECTS
from bot.generation.sampler_layers import SamplerLayers, SamplerSource
from bot.generation.scheduler import Scheduler
from bot.prompting.formats.detect import FormatChoice, add_native, choose_format
from bot.prompting.formats.registry import FORMATS
from bot.prompting.presets.folder import PREFIX, PresetFolder
from bot.prompting.presets.preset import PresetError
from bot.scenes.performer import Manner, Performer

if TYPE_CHECKING:
    from bot.generation.config import EngineConfig
    from bot.generation.types import ModelInfo, SamplerSettings
    from bot.prompting.formats.markers import PromptFormat
    from bot.settings import Settings

_log = logging.getLogger(__name__)


class EngineRoom:
    """Owns the engine and what speaks to it."""

    def __init__(self, settings: "Settings") -> None:
        """Start the engine; its model loads while this has long returned.

        Raises:
            EngineUnavailableError: If the model file cannot be used, with what would do.
        """
        self._settings = settings
        _log_preset_notes(settings)
        manner = choose_manner(settings)
        self._switch = EngineSwitch(open_engine(settings.engine))
        scheduler = Scheduler(self._switch, timeout_seconds=settings.reply_timeout_seconds)
        self.performer = Performer(self._switch, scheduler, manner)

    @property
    def config(self) -> "EngineConfig":
        """What runs now."""
        return self._settings.engine

    async def change_model(self, config: "EngineConfig") -> "ModelInfo":
        """Play on another model from now on; nobody's turn is lost.

        Raises:
            EngineError: If it cannot be used, with what would do; the present one goes on.
        """
        old, new = self._settings, self._settings.model_copy(update={"engine": config})
        manner = choose_manner(new)  # reads the file's header: a wrong path changes nothing

        def switched() -> None:
            self._settings = new
            self.performer.change_model(manner)

        return await self._switch.swap(
            lambda: open_engine(new.engine), lambda: open_engine(old.engine), switched=switched
        )

    async def aclose(self) -> None:
        """End the engine."""
        await self._switch.aclose()


@asynccontextmanager
async def open_engine_room(settings: "Settings") -> AsyncGenerator[EngineRoom]:
    """The engine and what speaks to it, without any storage.

    Raises:
        StartupError: If the model cannot be used.
    """
    try:
        room = EngineRoom(settings)
    except EngineUnavailableError as error:
        raise StartupError(error.fix) from error
    try:
        yield room
    finally:
        await room.aclose()


@asynccontextmanager
async def open_performer(settings: "Settings") -> AsyncGenerator[Performer]:
    """What speaks to the model, for whoever plays without storage.

    Raises:
        StartupError: If the model cannot be used.
    """
    async with open_engine_room(settings) as room:
        yield room.performer


def list_formats(settings: "Settings") -> "dict[str, PromptFormat]":
    """The formats that can be named: Troupe's own, and those of the preset folder.

    Raises:
        StartupError: If the folder is not there, or does not have the preset that is set.
    """
    wanted = settings.prompt_format
    is_preset = wanted.startswith(PREFIX)
    if settings.preset_folder is None:
        if is_preset:
            message = f"TROUPE_PROMPT_FORMAT={wanted} needs TROUPE_PRESET_FOLDER"
            raise StartupError(message, exit_code=2)
        return dict(FORMATS)
    try:
        presets = PresetFolder.open(settings.preset_folder)
        found: dict[str, PromptFormat] = {**FORMATS, **presets.list_formats()}
        if is_preset:
            found[wanted] = presets.make(wanted.removeprefix(PREFIX))
    except PresetError as error:
        raise StartupError(str(error), exit_code=2) from error
    for problem in presets.problems:
        _log.warning("%s", problem, extra={"action": "preset-refused"})
    return found


def choose_manner(settings: "Settings") -> Callable[["ModelInfo"], Manner]:
    """How a model is spoken to: from its file, or else from what its server says."""
    config, offered = settings.engine, list_formats(settings)
    header = inspect_model(config) if isinstance(config, ModelFileConfig) else None
    file_name = config.model.name if isinstance(config, ModelFileConfig) else ""

    def choose(info: "ModelInfo") -> Manner:
        name = f"{file_name} {header.name}" if header else info.name
        told = header or info
        choice = choose_format(
            setting=settings.prompt_format,
            chat_template=told.chat_template,
            end_tokens=told.end_tokens,
            model_name=name,
            takes_messages=info.takes_messages,
            offered=offered,
        )
        layers = layer_sampler(settings, name)
        _log_choice(choice, info)
        for sentence in _list_stand_ins(config, layers.settings, info):
            _log.warning("%s", sentence, extra={"action": "sampler-stand-in"})
        return Manner(
            choice=choice,
            layers=layers,
            formats=add_native(offered, told.chat_template, told.end_tokens),
            special_strings=header.special_strings if header else choice.special_strings,
        )

    return choose


def layer_sampler(settings: "Settings", model_name: str) -> SamplerLayers:
    """How words are chosen for a model: the catalogue's settings, the preset's, the operator's."""
    preset = settings.sampler_preset
    return (
        SamplerLayers(base=choose_sampler(model_name))
        .put(SamplerSource.PRESET, preset.config if preset else None)
        .put(SamplerSource.SETTINGS, settings.sampler)
    )


def _list_stand_ins(
    config: "EngineConfig", sampler: "SamplerSettings", info: "ModelInfo"
) -> list[str]:
    """What this engine does not do as it is set."""
    if info.server:
        return openai_protocol.list_stand_ins(sampler, DIALECTS[info.server])
    if isinstance(config, CtransformersConfig):
        # Here, because NumPy takes a while to import and others have no use for it.
        from bot.generation.workers import sampling  # noqa: PLC0415

        return sampling.list_stand_ins(sampler)
    return llama_protocol.list_stand_ins(sampler)


def _log_preset_notes(settings: "Settings") -> None:
    """What of a preset is left out: once a start, whatever model is played on."""
    if settings.sampler_preset is not None:
        for note in settings.sampler_preset.notes:
            name = settings.sampler_preset.path.name
            _log.warning("%s: %s", name, note, extra={"action": "preset-note"})


def _log_choice(choice: FormatChoice, info: "ModelInfo") -> None:
    level = logging.INFO if choice.certain else logging.WARNING
    _log.log(
        level,
        "model %s, window %d, %d slots, prompt format %s: %s",
        info.name,
        info.context_length,
        info.slots,
        choice.prompt_format.name,
        choice.reason,
        extra={"action": "model-ready"},
    )
