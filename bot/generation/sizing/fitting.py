"""Where a model's parts go, in bytes, and how many of its layers fit into GPUs: arithmetic only.

The rules are llama.cpp's (`llama-model.cpp`): a GPU gets the output first, then layers from the
last one on; the embedding always stays with the processor.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from bot.generation.sizing.demand import estimate_buffers, measure_cache, measure_inputs

if TYPE_CHECKING:
    from bot.generation.config import LlamaCppTuning
    from bot.generation.sizing.anatomy import Layer, ModelAnatomy
    from bot.generation.sizing.demand import Demand

MARGIN_BYTES = 1024**3
"""Left free on every GPU, as llama.cpp leaves it too: for its libraries' own buffers, which no
header tells of, and for the desktop."""
_PIPELINE_COPIES = 4
"""With several GPUs llama.cpp keeps so many copies of a batch's input under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A GPU that llama.cpp could use."""

    name: str
    free_bytes: int
    """0 where its driver does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """Which GPUs a model is put on, and how much of it on each."""

    gpus: tuple[Gpu, ...]
    shares: tuple[float, ...] = ()
    """One for each, in any unit; none is by the room that each has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is taken in one place, in bytes."""

    weights: int = 0
    cache: int = 0
    buffers: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.cache + self.buffers


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a model's parts are."""

    gpu_layers: int
    """As llama.cpp counts: the output is one layer more, and the first to be taken."""
    all_layers: int
    machine: Memory
    gpus: tuple[Memory, ...]
    shares: tuple[float, ...]
    """Each GPU's part, in any unit."""

    @property
    def is_whole(self) -> bool:
        """Whether everything that can be on GPUs is there."""
        return self.gpu_layers == self.all_layers


def divide(gpus: Sequence[Gpu], tuning: "LlamaCppTuning | None" = None) -> Division:
    """Choose the GPUs and their shares as the operator set them.

    A model divided by rows or tensors instead of layers takes about the same of each GPU.
    """
    used = tuple(gpus)
    if tuning and tuning.split_mode == "none":
        return Division(gpus=used[tuning.main_gpu : tuning.main_gpu + 1])
    if tuning and any(tuning.tensor_split):
        given = (*tuning.tensor_split, *[0.0] * len(used))[: len(used)]
        return Division(gpus=used, shares=given if any(given) else ())
    return Division(gpus=used)


def place(
    anatomy: "ModelAnatomy", demand: "Demand", gpu_layers: int, shares: Sequence[float] = (1.0,)
) -> Placement:
    """Work out what is where with so many layers on GPUs.

    Args:
        anatomy: The model.
        demand: How it is run.
        gpu_layers: As many layers, the output among them; more than there are is all.
        shares: Each GPU's part, in any unit; they get consecutive layers by it.
    """
    layers = [layer.weight_bytes for layer in anatomy.layers]
    items = list(zip(layers, measure_cache(anatomy, demand), strict=True))
    items.append((anatomy.gpu_output_bytes, 0))
    taken = min(gpu_layers, len(items))
    first = len(items) - taken
    bounds = list(accumulate(shares))
    weights, caches = [0] * len(bounds), [0] * len(bounds)
    for number, (weight, cache) in enumerate(items[first:]):
        gpu = bisect_right(bounds, number / taken * bounds[-1], hi=len(bounds) - 1)
        weights[gpu] += weight
        caches[gpu] += cache
    extra = _estimate_extra(anatomy, demand, anatomy.layers[:first], len(bounds))
    buffers = estimate_buffers(anatomy, demand)
    return Placement(
        gpu_layers=taken,
        all_layers=len(items),
        machine=_measure_machine(anatomy, demand, items[:first], taken),
        gpus=tuple(
            Memory(weights=weight + demand.adapter_bytes, cache=cache, buffers=buffers + extra)
            if weight
            else Memory()
            for weight, cache in zip(weights, caches, strict=True)
        ),
        shares=tuple(shares),
    )


def fit_layers(anatomy: "ModelAnatomy", demand: "Demand", division: Division) -> Placement:
    """Find the most layers that fit, with the margin left free on every GPU."""
    shares = division.shares or _choose_shares(anatomy, demand, division.gpus)
    if any(shares):
        for count in range(len(anatomy.layers) + 1, 0, -1):
            placement = place(anatomy, demand, count, shares)
            if all(
                not used.total or used.total + MARGIN_BYTES <= gpu.free_bytes
                for used, gpu in zip(placement.gpus, division.gpus, strict=True)
            ):
                return placement
    return place(anatomy, demand, 0, (1.0,) * max(1, len(division.gpus)))


def _choose_shares(
    anatomy: "ModelAnatomy", demand: "Demand", gpus: Sequence[Gpu]
) -> tuple[float, ...]:
    """Each GPU's room for layers; one without room for a single layer gets none."""
    least = max(
        layer.weight_bytes + cache + layer.largest_tensor_bytes
        for layer, cache in zip(anatomy.layers, measure_cache(anatomy, demand), strict=True)
    )
    taken = estimate_buffers(anatomy, demand) + MARGIN_BYTES
    rooms = (float(gpu.free_bytes - taken) for gpu in gpus)
    return tuple(room if room >= least else 0.0 for room in rooms)


def _measure_machine(
    anatomy: "ModelAnatomy", demand: "Demand", items: Sequence[tuple[int, int]], taken: int
) -> Memory:
    """What stays in the machine's own memory."""
    weights = anatomy.embedding_bytes + sum(weight for weight, _ in items)
    if not taken:  # only a GPU needs a copy of the embedding for the output
        weights += demand.adapter_bytes - anatomy.shared_output_bytes
    is_whole = taken > len(anatomy.layers)
    return Memory(
        weights=weights,
        cache=sum(cache for _, cache in items),
        buffers=(measure_inputs if is_whole else estimate_buffers)(anatomy, demand),
    )


def _estimate_extra(
    anatomy: "ModelAnatomy", demand: "Demand", left: Sequence["Layer"], gpu_count: int
) -> int:
    """What a GPU needs beyond the buffers for a batch.

    Long prompts are evaluated on a GPU even for layers that are not there: their tensors are
    copied one by one. Several GPUs that hold everything work on several batches at once.
    """
    if left:
        return max(layer.largest_tensor_bytes for layer in left)
    return (_PIPELINE_COPIES - 1) * measure_inputs(anatomy, demand) if gpu_count > 1 else 0
