"""What servers with OpenAI's API say of their models, each in a place of its own."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from bot.generation.llama_protocol import read_int, read_template

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """One model of a server."""

    name: str
    owned_by: str = ""
    """A word that many programs put there for themselves."""
    context_length: int = 0
    """Tokens of a window; 0 as long as nobody said it."""
    chat_template: str = field(default="", repr=False)


def read_models(answer: "Mapping[str, object]") -> tuple[ServedModel, ...]:
    """What `/v1/models` lists; vLLM and llama.cpp name the window there, too."""
    models: list[ServedModel] = []
    for entry in _list_objects(answer.get("data")):
        name = entry.get("id")
        if isinstance(name, str) and name:
            window = entry.get("max_model_len") or get_object(entry, "meta").get("n_ctx")
            models.append(
                ServedModel(
                    name=name,
                    owned_by=str(entry.get("owned_by") or ""),
                    context_length=read_int(window),
                )
            )
    return tuple(models)


def read_props(answer: "Mapping[str, object]", known: ServedModel) -> ServedModel:
    """llama.cpp's `/props`, which KoboldCpp has, too."""
    settings = get_object(answer, "default_generation_settings")
    return replace(
        known,
        context_length=read_int(settings.get("n_ctx")) or known.context_length,
        chat_template=read_template(answer),
    )


def read_true_length(answer: "Mapping[str, object]", known: ServedModel) -> ServedModel:
    """KoboldCpp's `/api/extra/true_max_context_length`."""
    return replace(known, context_length=read_int(answer.get("value")) or known.context_length)


def read_loaded_card(answer: "Mapping[str, object]", known: ServedModel) -> ServedModel:
    """TabbyAPI's `/v1/model`: what is loaded, where `/v1/models` lists every folder."""
    parameters = get_object(answer, "parameters")
    return replace(
        known,
        name=str(answer.get("id") or known.name),
        context_length=read_int(parameters.get("max_seq_len")) or known.context_length,
        chat_template=str(parameters.get("prompt_template_content") or ""),
    )


def read_loaded_name(answer: "Mapping[str, object]", known: ServedModel) -> ServedModel:
    """text-generation-webui's `/v1/internal/model/info`."""
    name = answer.get("model_name")
    return replace(known, name=name) if isinstance(name, str) and name != "None" else known


def read_loaded_entry(answer: "Mapping[str, object]", known: ServedModel) -> ServedModel:
    """LM Studio's `/api/v0/models`: the one that is asked for, or else the first that is loaded.

    `max_context_length` is what the model could do, and not what it was loaded with.
    """
    loaded = [e for e in _list_objects(answer.get("data")) if e.get("state") == "loaded"]
    texts = [e for e in loaded if e.get("type") != "embeddings"]
    entry = next((e for e in texts if e.get("id") == known.name), texts[0] if texts else {})
    return replace(
        known,
        name=str(entry.get("id") or known.name),
        context_length=read_int(entry.get("loaded_context_length")) or known.context_length,
    )


def get_object(facts: "Mapping[str, object]", key: str) -> dict[str, object]:
    """An object within another; empty if there is none."""
    value = facts.get(key)
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _list_objects(value: object) -> list[dict[str, object]]:
    entries = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, object]", entry) for entry in entries if isinstance(entry, dict)]
