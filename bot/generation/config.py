"""How the operator describes an engine: one model per kind, joined by `kind`."""

import json
from pathlib import Path
from typing import Annotated, Literal, cast

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from bot.generation.config_fields import AnyCase, Config, expand_home, read_text
from bot.generation.remote_config import LlamaServerConfig, OpenaiConfig
from bot.generation.workers.model_files import (
    ModelFileError,
    ModelFileKind,
    detect_model_file,
)

DEMO_MODEL = Path(__file__).parent / "demo_model" / "troupe-demo-limarp.Q8_0.gguf"
"""The small model that ships, so that the first command needs no download."""


CacheType = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]
"""What one number of the KV cache is kept as, by llama.cpp's names."""
_UNQUANTIZED = {"f32", "f16", "bf16"}
_MOST_DEVICES = 128
"""llama.cpp's own limit."""
_SMALLEST_BATCH = 64
"""llama.cpp aborts where a batch has less room than there are slots, and 64 slots can be set."""


class LoraAdapter(Config):
    """A LoRA adapter that is put on the model when it loads."""

    path: Annotated[Path, AfterValidator(expand_home)]
    """A GGUF file made for this very model."""
    scale: float = 1.0
    """Factor on what it changes: 0 is nothing, 1 as it was trained."""


class LlamaCppTuning(Config):
    """How llama.cpp runs a model, in its own words; the worker is told all of this.

    None leaves a value to llama.cpp or to the model's file.
    """

    flash_attention: AnyCase[Literal["auto", "on", "off"]] = "auto"
    """Attention in one kernel: faster, with less memory."""
    cache_type_k: AnyCase[CacheType] = "f16"
    """Type of the keys in the KV cache; q8_0 takes half the memory of f16."""
    cache_type_v: AnyCase[CacheType] = "f16"
    """Type of the values in the KV cache; quantized ones need flash attention."""
    kv_unified: bool = False
    """One KV cache for all slots instead of one each."""
    # Off, because attention then also runs over the other slots' tokens. Measured on 2 CPU cores,
    # demo model, 2 slots of 512 tokens, medians of 4: two full windows at once took 0.31 s for 100
    # tokens each apart and 0.47 s unified. Nothing is gained for that: both slots filled their
    # windows side by side (495 and 497 tokens) either way, and six scenes taking turns had all but
    # 12 of their 310 prompt tokens from the cache either way.
    cache_reuse: Annotated[int, Field(ge=0)] = 32
    """Smallest run of tokens that is moved in the KV cache instead of evaluated again after a
    block of turns was dropped; 0 never moves any."""
    cache_ram_mib: Annotated[int, Field(ge=-1)] = 1024
    """Host memory in MiB for scenes that have no slot at the moment; 0 is none, -1 no limit."""
    batch_size: Annotated[int, Field(ge=_SMALLEST_BATCH)] | None = None
    """Tokens of prompts evaluated in one step; None is 256 on a CPU and 2,048 elsewhere."""
    ubatch_size: Annotated[int, Field(ge=_SMALLEST_BATCH)] | None = None
    """Tokens computed at once within such a step; None is 512, at most a whole step."""
    load_mode: AnyCase[Literal["auto", "none", "mmap", "mlock", "mmap+mlock", "dio"]] = "auto"
    """How the file gets into memory: mapped, locked there, both, neither, or read past the cache
    of the system."""
    rope_scaling: AnyCase[Literal["none", "linear", "yarn"]] | None = None
    """How positions beyond the trained window are fitted into it; None is linear with a
    `rope_freq_scale` and the file's own way without."""
    rope_freq_base: Annotated[float, Field(gt=0)] | None = None
    """RoPE's base frequency."""
    rope_freq_scale: Annotated[float, Field(gt=0, le=1)] | None = None
    """Factor on positions: 0.5 fits twice the trained window."""
    yarn_orig_ctx: Annotated[int, Field(ge=1)] | None = None
    """Tokens of the window that YaRN starts from."""
    yarn_ext_factor: Annotated[float, Field(ge=0)] | None = None
    """YaRN's share of extrapolation: 0 interpolates only."""
    yarn_attn_factor: Annotated[float, Field(gt=0)] | None = None
    """YaRN's factor on attention."""
    yarn_beta_fast: Annotated[float, Field(gt=0)] | None = None
    """YaRN's low correction dimension."""
    yarn_beta_slow: Annotated[float, Field(gt=0)] | None = None
    """YaRN's high correction dimension."""
    split_mode: AnyCase[Literal["none", "layer", "row", "tensor"]] = "layer"
    """How a model is divided among several GPUs."""
    tensor_split: Annotated[
        tuple[Annotated[float, Field(ge=0)], ...],
        Field(max_length=_MOST_DEVICES),
        read_text(lambda text: text.split(","), "it is each GPU's share, for example 3,1"),
    ] = ()
    """Each GPU's share of the model; nothing is by their free memory."""
    main_gpu: Annotated[int, Field(ge=0)] = 0
    """The GPU that takes what is not divided, counted from 0."""
    loras: Annotated[
        tuple[LoraAdapter, ...],
        read_text(json.loads, 'it is a JSON list such as [{"path": "limarp.gguf", "scale": 1.0}]'),
    ] = ()
    """LoRA adapters put on the model, in this order."""

    @field_validator("cache_type_v", "split_mode")
    @classmethod
    def _check_attention(cls, value: str, info: ValidationInfo) -> str:
        """Refuse what llama.cpp would refuse only after it has read the whole model."""
        needs_it = value == "tensor" or (
            info.field_name == "cache_type_v" and value not in _UNQUANTIZED
        )
        if needs_it and info.data.get("flash_attention") == "off":
            message = f"{value} needs flash attention: set TROUPE_ENGINE__FLASH_ATTENTION=auto"
            raise ValueError(message)
        return value

    @field_validator("rope_freq_scale")
    @classmethod
    def _check_scale(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is not None and info.data.get("rope_scaling") == "none":
            message = (
                "it does nothing with TROUPE_ENGINE__ROPE_SCALING=none; linear or yarn would do"
            )
            raise ValueError(message)
        return value

    @field_validator(
        "yarn_orig_ctx", "yarn_ext_factor", "yarn_attn_factor", "yarn_beta_fast", "yarn_beta_slow"
    )
    @classmethod
    def _check_yarn(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is not None and info.data.get("rope_scaling") != "yarn":
            message = "it needs TROUPE_ENGINE__ROPE_SCALING=yarn"
            raise ValueError(message)
        return value

    @field_validator("ubatch_size")
    @classmethod
    def _check_ubatch(cls, value: int | None, info: ValidationInfo) -> int | None:
        batch = info.data.get("batch_size")
        if value is not None and batch is not None and value > batch:
            message = f"it is at most TROUPE_ENGINE__BATCH_SIZE, that is {batch}"
            raise ValueError(message)
        return value


class ModelFileConfig(Config):
    """A model file of one's own, run by a worker on this machine."""

    model: Annotated[Path, AfterValidator(expand_home)] = DEMO_MODEL
    """The file."""
    gpu_layers: Literal["auto", "all"] | Annotated[int, Field(ge=0)] = "auto"
    """Layers put on the GPU."""
    context_length: Annotated[int, Field(ge=256)] | None = None
    """Tokens of one scene's window; None is the model's own, at most 8,192."""
    threads: Annotated[int, Field(ge=1)] | None = None
    """CPU threads; None leaves a core free, and takes half of eight or more."""
    memory_limit_mib: Annotated[int, Field(ge=64)] | None = None
    """A worker that holds more is replaced; a mapped model file does not count."""


class LlamaCppConfig(LlamaCppTuning, ModelFileConfig):
    """A GGUF file, run by llama.cpp."""

    kind: Literal["auto", "llamacpp"] = "auto"
    slots: Annotated[int, Field(ge=1, le=64)] = 2
    """Replies written at once; each has a window of its own."""

    @property
    def tuning(self) -> LlamaCppTuning:
        """The part that the worker is told as it is."""
        shared = set(LlamaCppTuning.model_fields)
        return LlamaCppTuning.model_validate(self.model_dump(include=shared, exclude_unset=True))


_LARGEST_GGML_BATCH = 512
"""ctransformers' buffers are measured for so many tokens; with 700 it aborts."""


class CtransformersConfig(ModelFileConfig):
    """A GGML file of 2023, run by ctransformers: one reply at a time."""

    kind: Literal["auto", "ctransformers"] = "auto"
    slots: Literal[1] = 1
    """Replies written at once: ctransformers has one state."""
    batch_size: Annotated[int, Field(ge=1, le=_LARGEST_GGML_BATCH)] = 8
    """Tokens of prompts evaluated in one call; a stopped reply frees its slot only between."""


def _get_kind(value: object) -> str:
    """A missing kind is `auto`, and that is what the file is made for."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        kind, model = str(fields.get("kind") or "auto"), fields.get("model")
    else:
        kind, model = str(getattr(value, "kind", "auto")), getattr(value, "model", None)
    if kind != "auto":
        return kind
    return "ctransformers" if isinstance(model, str | Path) and is_ggml(Path(model)) else "llamacpp"


def is_ggml(path: Path) -> bool:
    """Whether there is a GGML file, told by its first bytes."""
    try:
        return detect_model_file(expand_home(path)) is ModelFileKind.GGML
    except (ModelFileError, ValueError):  # said later, by whoever opens it
        return False


EngineConfig = Annotated[
    Annotated[LlamaCppConfig, Tag("llamacpp")]
    | Annotated[CtransformersConfig, Tag("ctransformers")]
    | Annotated[LlamaServerConfig, Tag("llama_server")]
    | Annotated[OpenaiConfig, Tag("openai")],
    Discriminator(_get_kind),
]
_ENGINE: TypeAdapter[EngineConfig] = TypeAdapter(EngineConfig)


def change_file(config: ModelFileConfig, file: Path) -> EngineConfig:
    """The same settings for another file, which may need another engine where that is `auto`.

    Raises:
        ValueError: If a setting does not go with what the file is made for.
    """
    try:
        return _ENGINE.validate_python(config.model_dump(exclude_unset=True) | {"model": file})
    except ValidationError as error:
        names = ", ".join(str(problem["loc"][-1]).upper() for problem in error.errors())
        message = f"{file.name} needs another engine, with which TROUPE_ENGINE__{names} does not go"
        raise ValueError(message) from error
