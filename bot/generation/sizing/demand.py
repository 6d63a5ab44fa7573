"""What running a model takes besides its weights: the KV cache, and buffers for a batch of tokens.

The KV cache is exact: what llama.cpp says when it loads ("KV buffer size") is the same, but for
what an anatomy's caveats name. Buffers are a bound: on llama.cpp's CPU backend (autumn 2026, 25
small files of nine architectures) "compute buffer size" was 77 to 97 % of it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.generation.workers.tensor_types import get_tensor_type

if TYPE_CHECKING:
    from bot.generation.config import CacheType, LlamaCppTuning
    from bot.generation.sizing.anatomy import Layer, ModelAnatomy

CPU_BATCH_TOKENS = 256
"""Tokens evaluated in one step on a CPU: a cancelled request frees its slot only between."""
GPU_BATCH_TOKENS = 512
"""Tokens computed at once on a GPU; llama.cpp's own number."""
_GPU_STEP_TOKENS = 2048
"""Tokens evaluated in one step on a GPU; llama.cpp's own number."""

_CELLS_ALIGNMENT = 256
"""llama.cpp rounds a window up to this many tokens."""
_FLOAT, _HALF = 4, 2
_RECURRENT_WIDTHS = 24
"""A recurrent layer's numbers for a token, in widths; 15 were seen with Mamba."""
_SLACK = 1.02
_SLACK_BYTES = 1024**2
"""Small inputs and the allocator's alignment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """How a model is to be run, as far as its memory depends on it."""

    context_length: int
    """Tokens of one slot's window."""
    slots: int = 1
    cache_type_k: "CacheType" = "f16"
    cache_type_v: "CacheType" = "f16"
    kv_unified: bool = False
    has_flash_attention: bool = True
    batch_tokens: int = GPU_BATCH_TOKENS
    """Tokens computed at once."""
    adapter_bytes: int = 0
    """LoRA adapters; they are counted on every GPU that is used."""

    @property
    def cells(self) -> int:
        """Tokens that one cache holds; there is one for each slot, or one for all."""
        whole = _round_up(self.context_length * self.slots)
        return whole if self.kv_unified else _round_up(whole // self.slots)

    @property
    def caches(self) -> int:
        """How many there are."""
        return 1 if self.kv_unified else self.slots

    def count_cells(self, window: int | None) -> int:
        """Tokens that one cache holds of layers that look back so far; None is all the way."""
        if window is None:
            return self.cells
        windows = self.slots if self.kv_unified else 1
        return min(self.cells, _round_up(window * windows + self.batch_tokens))


def choose_demand(
    tuning: "LlamaCppTuning",
    *,
    context_length: int,
    slots: int,
    has_gpu: bool,
    adapter_bytes: int = 0,
) -> Demand:
    """What the worker asks of llama.cpp with these settings."""
    step = tuning.batch_size or (_GPU_STEP_TOKENS if has_gpu else CPU_BATCH_TOKENS)
    return Demand(
        context_length=context_length,
        slots=slots,
        cache_type_k=tuning.cache_type_k,
        cache_type_v=tuning.cache_type_v,
        kv_unified=tuning.kv_unified,
        has_flash_attention=tuning.flash_attention != "off",
        batch_tokens=min(tuning.ubatch_size or GPU_BATCH_TOKENS, step),
        adapter_bytes=adapter_bytes,
    )


def measure_cache(anatomy: "ModelAnatomy", demand: Demand) -> tuple[int, ...]:
    """Bytes that each layer keeps of all slots' scenes."""
    return tuple(
        demand.count_cells(layer.window) * demand.caches * _measure_cell(layer, demand)
        + layer.state_values * _FLOAT * demand.slots
        for layer in anatomy.layers
    )


def measure_token(anatomy: "ModelAnatomy", demand: Demand) -> int:
    """Bytes that one token of a scene takes in the KV cache, in all layers together."""
    return sum(_measure_cell(layer, demand) for layer in anatomy.layers)


def estimate_buffers(anatomy: "ModelAnatomy", demand: Demand) -> int:
    """A bound on the buffers for one batch, in bytes.

    At any moment there is either a layer's attention or its feed-forward, with what came in. The
    numbers of copies are those that llama.cpp's allocator was seen to keep. Without flash
    attention every head has a number for each token it looks at.
    """
    width, attention = anatomy.width, anatomy.attention
    queries = attention.heads * attention.key_size
    keys = attention.kv_heads * (attention.key_size + attention.value_size)
    attending = 3 * width + max(3 * queries, 2 * queries + keys)
    if not demand.has_flash_attention:
        attending = 4 * width + 3 * queries + attention.heads * demand.cells
    feeding = 5 * width + 3 * anatomy.feed_forward
    if experts := anatomy.experts:
        feeding = 5 * width + experts.used * (width + 3 * experts.width) + 3 * experts.shared_width
    if any(layer.state_values for layer in anatomy.layers):
        feeding = max(feeding, _RECURRENT_WIDTHS * width)
    numbers = max(attending, feeding) * demand.batch_tokens
    return int(numbers * _FLOAT * _SLACK) + _measure_masks(anatomy, demand) + _SLACK_BYTES


def measure_inputs(anatomy: "ModelAnatomy", demand: Demand) -> int:
    """What goes into a batch and out of it: each token's numbers, and which others it sees."""
    tokens = 2 * anatomy.width * demand.batch_tokens * _FLOAT
    return tokens + _measure_masks(anatomy, demand) + _SLACK_BYTES


def _measure_masks(anatomy: "ModelAnatomy", demand: Demand) -> int:
    cells = demand.cells
    if anatomy.attention.window is not None:
        cells += demand.count_cells(anatomy.attention.window)
    return cells * demand.batch_tokens * (_HALF if demand.has_flash_attention else _FLOAT)


def _measure_cell(layer: "Layer", demand: Demand) -> int:
    """Bytes of one token in one layer."""
    keys, values = get_tensor_type(demand.cache_type_k), get_tensor_type(demand.cache_type_v)
    return keys.measure_row(layer.key_width) + values.measure_row(layer.value_width)


def _round_up(tokens: int) -> int:
    return -(-tokens // _CELLS_ALIGNMENT) * _CELLS_ALIGNMENT
