"""How the operator describes an engine: one model per kind, joined by `kind`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
)

DEMO_MODEL = Path(__file__).parent / "demo_model" / "troupe-demo-limarp.Q8_0.gguf"
"""The small model that ships, so that the first command needs no download."""


def expand_home(path: Path) -> Path:
    """Replace `~`: a shell does that in the environment, nobody does in `.env`."""
    try:
        return path.expanduser()
    except RuntimeError as error:  # not one that pydantic takes for a wrong value
        raise ValueError(str(error)) from error


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LlamaCppConfig(_Config):
    """A model file of one's own, run by a llama.cpp worker on this machine."""

    kind: Literal["auto", "llamacpp"] = "auto"
    model: Annotated[Path, AfterValidator(expand_home)] = DEMO_MODEL
    """A GGUF file."""
    gpu_layers: Literal["auto", "all"] | Annotated[int, Field(ge=0)] = "auto"
    """Layers put on the GPU."""
    context_length: Annotated[int, Field(ge=256)] | None = None
    """Tokens of one scene's window; None is the model's own, at most 8,192."""
    slots: Annotated[int, Field(ge=1, le=64)] = 2
    """Replies written at once; each has a window of its own."""
    threads: Annotated[int, Field(ge=1)] | None = None
    """CPU threads; None leaves a core free, and takes half of eight or more."""


class LlamaServerConfig(_Config):
    """A llama.cpp server that runs elsewhere."""

    kind: Literal["llama_server"]
    url: AnyHttpUrl
    """Its address, for example http://192.168.1.20:8080."""
    api_key: SecretStr = SecretStr("")


def _get_kind(value: object) -> str:
    """A missing kind is `auto`."""
    if isinstance(value, dict):
        kind = value.get("kind") or "auto"  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    else:
        kind = getattr(value, "kind", "auto")
    return "llamacpp" if kind == "auto" else str(kind)  # pyright: ignore[reportUnknownArgumentType]


EngineConfig = Annotated[
    Annotated[LlamaCppConfig, Tag("llamacpp")] | Annotated[LlamaServerConfig, Tag("llama_server")],
    Discriminator(_get_kind),
]
