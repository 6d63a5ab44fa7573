"""What each layer of a GGUF model weighs, and what it keeps of a scene.

The rules are llama.cpp's (`llama-hparams.cpp`, `llama-kv-cache*.cpp` and each model's loader).
Where they are not known for an architecture, a layer counts as one that keeps everything.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.generation.sizing.anatomy import Attention, Layer

if TYPE_CHECKING:
    from bot.generation.workers.gguf_tensors import GgufModel, GgufTensor

_LAYER = re.compile(r"blk\.(\d{1,4})\.(.+)")
_KEYS = ("attn_k.", "attn_kv")
"""How tensors of attention begin that keeps keys and values."""
_STATE = ("ssm_", "time_mix_", "shortconv.")
"""How tensors of layers begin that keep a state of one size."""
_SHIFTS = 2
"""RWKV keeps so many tokens' worth of width besides its state."""

_PERIODS = {"gemma2": 2, "gemma3": 6, "gpt-oss": 2, "cohere2": 4}
"""Of so many layers, all but the last have the sliding window."""
_WINDOW_UNUSED = {"llama", "mistral3", "qwen2", "qwen3", "starcoder2"}
"""llama.cpp does not heed the window that files of these name."""
_PLAIN = {
    *("llama", "mistral3", "deci", "qwen", "qwen2", "qwen2moe", "qwen3", "qwen3moe"),
    *("gemma", "gemma2", "gemma3", "phi2", "phi3", "phimoe", "stablelm", "falcon", "gpt2"),
    *("gptneox", "gpt-oss", "mpt", "baichuan", "internlm2", "command-r", "cohere2", "olmo"),
    *("olmo2", "olmoe", "starcoder", "starcoder2", "granite", "granitemoe", "orion", "minicpm"),
    *("chatglm", "glm4", "exaone", "nemotron", "smollm3", "ernie4_5", "seed_oss", "dbrx", "xverse"),
}
"""Architectures whose layers keep keys and values for each token, and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPlan:
    """All layers, with what is estimated about them."""

    layers: tuple[Layer, ...]
    attention: Attention
    caveats: tuple[str, ...]


def plan_layers(model: "GgufModel", architecture: str, count: int) -> LayerPlan:
    """Work out each layer from the file's values and tensors.

    Args:
        model: The file.
        architecture: Its own word; the names of its values begin with it.
        count: How many layers it says it has.
    """
    attention, kv_heads = _read_attention(model, architecture, count)
    windowed = _list_windowed(model, architecture, count)
    keys, values = attention.key_size, attention.value_size
    window_keys = model.find_number(f"{architecture}.attention.key_length_swa") or keys
    window_values = model.find_number(f"{architecture}.attention.value_length_swa") or values
    state = _count_state(model, architecture)
    layers: list[Layer] = []
    for number, tensors in enumerate(_group_tensors(model.tensors, count)):
        names = [name for name, _ in tensors]
        heads = kv_heads[number] if _keeps_tokens(names) else 0
        sizes = [tensor.size_bytes for _, tensor in tensors]
        layers.append(
            Layer(
                weight_bytes=sum(sizes),
                largest_tensor_bytes=max(sizes, default=0),
                key_width=heads * (window_keys if windowed[number] else keys),
                value_width=heads * (window_values if windowed[number] else values),
                window=attention.window if windowed[number] else None,
                state_values=state if _has_state(names) else 0,
            )
        )
    return LayerPlan(
        layers=tuple(layers),
        attention=attention,
        caveats=tuple(_list_caveats(model, architecture, layers)),
    )


def is_layer_tensor(name: str, count: int) -> bool:
    """Whether a tensor belongs to one of so many layers."""
    found = _LAYER.match(name)
    return found is not None and int(found[1]) < count


def _group_tensors(
    tensors: Iterable["GgufTensor"], count: int
) -> list[list[tuple[str, "GgufTensor"]]]:
    """Each layer's tensors, by their names within it."""
    groups: list[list[tuple[str, GgufTensor]]] = [[] for _ in range(count)]
    for tensor in tensors:
        found = _LAYER.match(tensor.name)
        if found and int(found[1]) < count:
            groups[int(found[1])].append((found[2], tensor))
    return groups


def _read_attention(
    model: "GgufModel", architecture: str, count: int
) -> tuple[Attention, tuple[int, ...]]:
    """The heads, and how many of keys and values each layer has."""
    start = f"{architecture}.attention"
    heads = model.list_numbers(f"{start}.head_count", count) or (0,) * count
    kv_heads = model.list_numbers(f"{start}.head_count_kv", count) or heads
    width = model.find_number(f"{architecture}.embedding_length") or 0
    usual = width // max(heads) if max(heads, default=0) else 0
    key_size = model.find_number(f"{start}.key_length")
    value_size = model.find_number(f"{start}.value_length")
    attention = Attention(
        heads=max(heads, default=0),
        kv_heads=max(kv_heads, default=0),
        key_size=usual if key_size is None else key_size,
        value_size=usual if value_size is None else value_size,
        window=_find_window(model, architecture),
    )
    return attention, kv_heads


def _find_window(model: "GgufModel", architecture: str) -> int | None:
    if architecture in _WINDOW_UNUSED:
        return None
    return model.find_number(f"{architecture}.attention.sliding_window") or None


def _list_windowed(model: "GgufModel", architecture: str, count: int) -> tuple[bool, ...]:
    """Which layers have the sliding window, as far as it is known."""
    if _find_window(model, architecture) is None:
        return (False,) * count
    key = f"{architecture}.attention.sliding_window_pattern"
    period = model.find_number(key) or _PERIODS.get(architecture)
    if architecture in _PERIODS and period:
        return tuple(number % period < period - 1 for number in range(count))
    listed = None if period else model.list_numbers(key, count)
    return tuple(bool(item) for item in listed) if listed else (False,) * count


def _keeps_tokens(names: Sequence[str]) -> bool:
    """Whether a layer keeps keys and values of every token; one that is not understood does."""
    if any(name.startswith(_KEYS) for name in names):
        return True
    return not _has_state(names)


def _has_state(names: Sequence[str]) -> bool:
    return any(name.startswith(_STATE) for name in names)


def _count_state(model: "GgufModel", architecture: str) -> int:
    """Numbers that one recurrent layer keeps of a scene."""

    def get(key: str) -> int:
        return model.find_number(f"{architecture}.{key}") or 0

    width = get("embedding_length")
    if head := get("wkv.head_size"):
        return width * (_SHIFTS + head)
    if cached := get("shortconv.l_cache"):
        return width * max(0, cached - 1)
    inner, state = get("ssm.inner_size"), get("ssm.state_size")
    past = max(0, get("ssm.conv_kernel") - 1)
    return past * (inner + 2 * get("ssm.group_count") * state) + state * inner


def _list_caveats(model: "GgufModel", architecture: str, layers: Sequence[Layer]) -> list[str]:
    start = f"{architecture}.attention"
    found: list[str] = []
    if any(layer.state_values for layer in layers):
        found.append("recurrent layers' buffers")
    if model.find_number(f"{start}.kv_lora_rank"):
        found.append("latent attention, counted as whole keys and values")
    if model.find_number(f"{start}.shared_kv_layers"):
        found.append("layers that share a cache, each counted")
    if _find_window(model, architecture) and not any(layer.window for layer in layers):
        found.append("sliding windows, counted as the whole context")
    if not found and architecture not in _PLAIN:
        found.append(f"architecture {architecture}, counted as a Llama of these sizes")
    return found
