"""Settings, read once from the environment and `.env`."""

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, cast

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.admission import Guests
from bot.generation.config import CtransformersConfig, EngineConfig, LlamaCppConfig
from bot.generation.config_fields import expand_home
from bot.generation.remote_config import LlamaServerConfig, OpenaiConfig
from bot.generation.sampler_config import SamplerConfig
from bot.generation.sampler_presets import SamplerPreset, open_sampler_preset
from bot.prompting.formats.detect import NATIVE
from bot.prompting.formats.registry import FORMATS
from bot.prompting.presets.folder import PREFIX as PRESET_PREFIX

PREFIX = "TROUPE_"
_ENV_FILE = ".env"

LengthSetting = Literal[
    "auto",
    "micro",
    "tiny",
    "short",
    "medium",
    "long",
    "massive",
    "huge",
    "enormous",
    "humongous",
    "unlimited",
]


class SettingsError(Exception):
    """Settings that cannot be used, with how to mend them."""


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _check_format(name: str) -> str:
    """Presets are looked for when their folder is read; their names may have capitals."""
    if name.lower().startswith(PRESET_PREFIX):
        return PRESET_PREFIX + name[len(PRESET_PREFIX) :].strip()
    if name.lower() not in {"auto", NATIVE, *FORMATS}:
        message = f"it is one of auto, {NATIVE}, {PRESET_PREFIX}NAME, {', '.join(FORMATS)}"
        raise ValueError(message)
    return name.lower()


def _check_address(address: str) -> str:
    if address and not address.lower().startswith(("https://", "http://")):
        message = "it begins with https://, as Discord has to find it from outside"
        raise ValueError(message)
    return address


def _open_preset(value: object) -> object:
    return open_sampler_preset(Path(value)) if isinstance(value, str | Path) else value


def _split_ids(value: object) -> object:
    """Several numbers in one value, with commas between them."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


_Folder = Annotated[Path, AfterValidator(expand_home)]


class Settings(BaseSettings):
    """Everything an operator can choose; `.env.example` has each with a comment."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=_ENV_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        enable_decoding=False,  # the fields read lists themselves, and say what would do
        extra="forbid",
        frozen=True,
        dotenv_filtering="match_prefix",
        hide_input_in_errors=True,
    )

    discord_token: SecretStr = SecretStr("")
    """The bot's token."""
    discord_api_base: str = "https://discord.com/api/v10"
    """REST address; a rate-limiting proxy or a compatible server has its own."""
    discord_gateway: str = "wss://gateway.discord.gg/"
    """Gateway address."""
    discord_shards: Annotated[int, Field(ge=1)] | None = None
    """Gateway connections; None is one, without asking Discord how many."""
    avatar_base_url: Annotated[str, AfterValidator(_check_address)] = ""
    """Where Discord finds the personas' pictures; empty takes those of PNG cards."""
    data_folder: _Folder = Path("data")
    """The database, its lock, and the terminal's scenes."""
    operator_server: int | None = None
    """The Discord server that gets the operator's commands; None is none."""
    allowed_bots: Annotated[tuple[int, ...], BeforeValidator(_split_ids)] = ()
    """Other bots and applications that are heard as people are."""
    bot_turns: Annotated[int, Field(ge=1)] = 4
    """How many turns of theirs in a scene until a person speaks again."""
    pluralkit_id: int = 466378653216014359
    """PluralKit's application, through whose webhooks people speak; 0 is none."""
    tupperbox_id: int = 431544605209788416
    """Tupperbox's, likewise."""
    persona_folder: _Folder | None = None
    """Character cards of one's own, beside the bundled ones."""
    default_persona: str = "maren"
    """Answers where no scene was started."""
    length: Annotated[LengthSetting, BeforeValidator(_lower)] = "medium"
    """Length word of new scenes."""
    prompt_format: Annotated[str, AfterValidator(_check_format)] = "auto"
    """How prompts are written; auto looks at the model file."""
    preset_folder: _Folder | None = None
    """SillyTavern's instruct and context presets, which are prompt formats as well."""
    pace: Annotated[float, Field(gt=0, le=10)] = 1.0
    """Factor on all intervals: edits, gathering, typing."""
    reply_timeout_seconds: Annotated[float, Field(gt=0)] = 900.0
    """How long a reply may be written before it is given up; waiting for a slot does not count."""
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = (
        "INFO"
    )
    """What is logged, from this level on."""
    engine: EngineConfig = LlamaCppConfig()
    """What generates text."""
    sampler: SamplerConfig = SamplerConfig()
    """How it chooses words, where that is not as the catalogue has it."""
    sampler_preset: Annotated[SamplerPreset | None, BeforeValidator(_open_preset)] = None
    """The same from a text-completion preset of SillyTavern's; `sampler` goes over it."""

    @property
    def guests(self) -> Guests:
        """Which programs take part in scenes."""
        return Guests(
            proxies=frozenset({self.pluralkit_id, self.tupperbox_id}) - {0},
            bots=frozenset(self.allowed_bots),
            bot_turns=self.bot_turns,
        )


def read_settings() -> Settings:
    """Read and check all settings.

    Raises:
        SettingsError: If a name is unknown or a value cannot be used; one line a problem.
    """
    try:
        _refuse_unknown_names()
        return Settings()
    except UnicodeDecodeError as error:
        message = f"{_ENV_FILE} is not UTF-8 text: byte {error.start} cannot be read"
        raise SettingsError(message) from None
    except ValidationError as error:
        raise SettingsError(_describe_all(error.errors())) from None


def list_setting_names() -> list[str]:
    """Every name that the environment may have, in the order of the model."""
    return list(_iterate_names())


def _iterate_names() -> Iterator[str]:
    for name in Settings.model_fields:
        if name not in _NESTED:
            yield f"{PREFIX}{name.upper()}"
    for part, models in _NESTED.items():
        for name in dict.fromkeys(name for model in models for name in model.model_fields):
            yield f"{PREFIX}{part}__{name}".upper()


def _refuse_unknown_names() -> None:
    """A typo in a name would otherwise never be noticed."""
    known = list_setting_names()
    lines: list[str] = []
    for name in {**_read_env_file(), **os.environ}:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            nearest = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.0)
            lines.append(f"{name} is no setting; the nearest is {nearest[0]}")
    if lines:
        raise SettingsError("\n".join(lines))


def _read_env_file() -> Mapping[str, str | None]:
    return dotenv_values(_ENV_FILE, encoding="utf-8") if Path(_ENV_FILE).is_file() else {}


def _describe_all(problems: Iterable[Mapping[str, object]]) -> str:
    """One line a setting: a value that fits none of several types is one problem, not several."""
    lines: dict[str, list[str]] = {}
    for problem in problems:
        if problem["type"] == "union_tag_invalid":
            lines[f"{PREFIX}ENGINE__KIND"] = [
                "it is one of auto, llamacpp, ctransformers, llama_server, openai"
            ]
            continue
        location = cast("tuple[object, ...]", problem["loc"])
        known = [str(part) for part in location if str(part) in _FIELD_NAMES]
        name = PREFIX + "__".join(known).upper()
        lines.setdefault(name, []).append(_describe(problem))
    return "\n".join(f"{name}: {'; or '.join(texts)}" for name, texts in lines.items())


def _describe(problem: Mapping[str, object]) -> str:
    text = _MESSAGES.get(str(problem["type"]), str(problem["msg"]))
    return text.removeprefix("Value error, ")  # pydantic's mark on what our validators say


_MESSAGES = {
    "extra_forbidden": f"it does not go with this {PREFIX}ENGINE__KIND",
    "missing": f"it is needed with this {PREFIX}ENGINE__KIND",
}
"""By pydantic's error type, where its own words say nothing to an operator."""
_NESTED: Mapping[str, tuple[type[BaseModel], ...]] = {
    "engine": (LlamaCppConfig, CtransformersConfig, LlamaServerConfig, OpenaiConfig),
    "sampler": (SamplerConfig,),
}
"""Fields whose own fields are set one by one."""
_FIELD_NAMES = {
    *Settings.model_fields,
    *(name for models in _NESTED.values() for model in models for name in model.model_fields),
}
