"""From the operator's description to a running engine; imports only the engine asked for."""

import logging
import os
from typing import TYPE_CHECKING

from bot.generation.config import (
    CtransformersConfig,
    LlamaCppConfig,
    LlamaCppTuning,
    ModelFileConfig,
)
from bot.generation.engine import Endpoint
from bot.generation.errors import EngineUnavailableError
from bot.generation.remote_config import LlamaServerConfig, OpenaiConfig
from bot.generation.sizing.windows import choose_window
from bot.generation.types import EngineState
from bot.generation.workers.child import WorkerSettings
from bot.generation.workers.model_files import (
    ModelFileError,
    ModelFileKind,
    ModelHeader,
    detect_model_file,
    read_gguf_header,
)

if TYPE_CHECKING:
    from bot.generation.config import EngineConfig
    from bot.generation.engine import Engine

_log = logging.getLogger(__name__)

_ALL_LAYERS = 9999
_ADAPTER = "adapter"
_LLAMA = "llama"
_SHARED_HEADS = {1, 8}
"""How many heads may share one of keys and values with ctransformers: none, or Llama 2 70B's."""
_MANY_CORES = 8


class StaticEndpoint:
    """A server that somebody else keeps alive."""

    state = EngineState.READY
    progress: float | None = None

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def get_endpoint(self) -> Endpoint:
        """Always the same."""
        return self._endpoint

    def report_hang(self, endpoint: Endpoint, reason: str) -> bool:
        """Whoever keeps it alive has to see to it."""
        del endpoint, reason
        return False

    async def aclose(self) -> None:
        """Nothing here is ours."""


def open_engine(config: "EngineConfig") -> "Engine":
    """Start the engine that is described; the model loads while this has long returned.

    Raises:
        EngineUnavailableError: If the model file cannot be used, with what would do.
    """
    if isinstance(config, LlamaServerConfig | OpenaiConfig):
        return _open_remote(config)
    from bot.generation.engines.llama_server import LlamaServerEngine, Traits  # noqa: PLC0415
    from bot.generation.workers.supervisor import WorkerSupervisor  # noqa: PLC0415

    header = inspect_model(config)
    is_llamacpp = isinstance(config, LlamaCppConfig)
    if is_llamacpp:
        _inspect_loras(config, header)
        settings = _choose_settings(config, header)
    else:
        settings = _choose_ctransformers_settings(config)
    kind = "llamacpp" if is_llamacpp else "ctransformers"
    supervisor = WorkerSupervisor(
        f"bot.generation.workers.{kind}_worker",
        settings,
        memory_limit_mib=config.memory_limit_mib,
    )
    supervisor.start()
    return LlamaServerEngine(
        supervisor,
        name=f"{kind} {config.model.name}",
        traits=Traits(
            recalls=is_llamacpp and _keeps_scenes(config.tuning), has_tail_free=not is_llamacpp
        ),
    )


def _open_remote(config: LlamaServerConfig | OpenaiConfig) -> "Engine":
    key = config.api_key.get_secret_value()
    if isinstance(config, OpenaiConfig):
        from bot.generation.engines.openai_compatible import OpenaiEngine  # noqa: PLC0415

        source = StaticEndpoint(Endpoint(url=config.root, api_key=key))
        return OpenaiEngine(config, source)
    from bot.generation.engines.llama_server import LlamaServerEngine, Traits  # noqa: PLC0415

    source = StaticEndpoint(Endpoint(url=str(config.url).rstrip("/"), api_key=key))
    return LlamaServerEngine(source, name=config.kind, traits=Traits(tells_model=True))


def inspect_model(config: ModelFileConfig) -> ModelHeader:
    """Read the header of the configured file.

    Raises:
        EngineUnavailableError: If the file is missing, damaged or of a kind that its engine does
            not load.
    """
    try:
        kind = detect_model_file(config.model)
        if isinstance(config, CtransformersConfig):
            return _inspect_for_ctransformers(config, kind)
        header = read_gguf_header(config.model) if kind is ModelFileKind.GGUF else None
    except ModelFileError as error:
        fix = f"{error}. The setting is TROUPE_ENGINE__MODEL"
        raise EngineUnavailableError(config.model.name, fix) from error
    if header is not None and header.general_type != _ADAPTER:
        return header
    remedies = {
        ModelFileKind.GGUF: (
            "it is a LoRA adapter; name it in TROUPE_ENGINE__LORAS, and the model that it was "
            "made for in TROUPE_ENGINE__MODEL"
        ),
        ModelFileKind.GGML: (
            "it is a GGML file of 2023, which llama.cpp no longer loads; leave "
            "TROUPE_ENGINE__KIND=auto, and ctransformers does"
        ),
        ModelFileKind.WEIGHTS_FOLDER: (
            "it is a folder of weights (EXL2 or safetensors), which TabbyAPI or vLLM serve; "
            "take the GGUF file of the same model, or point TROUPE_ENGINE__KIND=llama_server and "
            "TROUPE_ENGINE__URL at a llama.cpp server"
        ),
    }
    raise EngineUnavailableError("llamacpp", f"{config.model}: {remedies[kind]}")


def _inspect_for_ctransformers(config: CtransformersConfig, kind: ModelFileKind) -> ModelHeader:
    from bot.generation.workers.ggml_header import read_ggml_header  # noqa: PLC0415
    from bot.generation.workers.vocabulary import read_vocabulary  # noqa: PLC0415

    if kind is ModelFileKind.WEIGHTS_FOLDER:
        raise ModelFileError(config.model, "it is a folder", "name the .bin file itself")
    if kind is ModelFileKind.GGUF:
        header = read_gguf_header(config.model)
        if header.architecture != _LLAMA:
            remedy = "TROUPE_ENGINE__KIND=llamacpp plays it"
            raise ModelFileError(config.model, f"its kind is {header.architecture}", remedy)
        return header
    ggml = read_ggml_header(config.model)
    if ggml.heads // ggml.kv_heads not in _SHARED_HEADS:
        found = f"{ggml.heads} heads share {ggml.kv_heads} of keys; ctransformers knows 8:1 only"
        raise ModelFileError(config.model, found, "take the GGUF file of the same model")
    specials = read_vocabulary(config.model, ggml).specials
    return ModelHeader(
        architecture=_LLAMA,
        name="",
        context_length=0,
        chat_template="",
        special_strings=tuple(specials),
    )


def _choose_ctransformers_settings(config: CtransformersConfig) -> WorkerSettings:
    # Nothing tells how much memory a GPU has free, and ctransformers' usual build has none.
    layers = {"auto": 0, "all": _ALL_LAYERS}
    return WorkerSettings(
        model=str(config.model),
        api_key="",
        parent_pid=0,
        context_length=_choose_window(config, 0),
        slots=1,
        gpu_layers=(
            layers[config.gpu_layers] if isinstance(config.gpu_layers, str) else config.gpu_layers
        ),
        threads=config.threads or _count_threads(),
        batch_size=config.batch_size,
    )


def _inspect_loras(config: LlamaCppConfig, header: ModelHeader) -> None:
    """Refuse what llama.cpp would refuse only after it has read the whole model."""
    for lora in config.loras:
        try:
            kind = detect_model_file(lora.path)
            adapter = read_gguf_header(lora.path) if kind is ModelFileKind.GGUF else None
        except ModelFileError as error:
            fix = f"{error}. The setting is TROUPE_ENGINE__LORAS"
            raise EngineUnavailableError("llamacpp", fix) from error
        if adapter is None or adapter.general_type != _ADAPTER:
            found = "it is no LoRA adapter in GGUF; llama.cpp's convert_lora_to_gguf.py makes one"
        elif adapter.architecture != header.architecture:
            found = (
                f"it was made for a model of architecture {adapter.architecture}, and "
                f"{config.model.name} is {header.architecture}; take the one for this model"
            )
        else:
            continue
        fix = f"{lora.path}: {found}. The setting is TROUPE_ENGINE__LORAS"
        raise EngineUnavailableError("llamacpp", fix)


def _keeps_scenes(tuning: LlamaCppTuning) -> bool:
    """Whether what left a slot is kept, and chunks of it can be moved."""
    return tuning.cache_ram_mib != 0 and tuning.cache_reuse > 0


def _choose_settings(config: LlamaCppConfig, header: ModelHeader) -> WorkerSettings:
    layers = {"auto": -1, "all": _ALL_LAYERS}
    return WorkerSettings(
        model=str(config.model),
        api_key="",
        parent_pid=0,
        context_length=_choose_window(config, header.context_length),
        slots=config.slots,
        gpu_layers=(
            layers[config.gpu_layers] if isinstance(config.gpu_layers, str) else config.gpu_layers
        ),
        threads=config.threads or _count_threads(),
        tuning=config.tuning,
    )


def _choose_window(config: ModelFileConfig, trained_context: int) -> int:
    window = choose_window(config, trained_context)
    if window.is_capped:
        _log.warning(
            "the window is %d tokens, not TROUPE_ENGINE__CONTEXT_LENGTH=%d: %s",
            window.tokens,
            config.context_length,
            window.reason,
            extra={"action": "window-capped"},
        )
    return window.tokens


def _count_threads() -> int:
    """Threads for the CPU's part of the work: one core is left to the bot and to the system.

    llama.cpp's threads spin while they wait for each other: where they are as many as the cores
    and anything else runs, 200 tokens of the demo model took 35 to 66 s instead of 1.2. Of many
    cores half are taken, because they are mostly two hardware threads of one core each.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = cores or 1
    return cores // 2 if cores >= _MANY_CORES else max(1, cores - 1)
