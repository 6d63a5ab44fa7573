"""What a model is made of, as its file's header tells: values only.

`inspection.py` reads them, `fitting.py` computes from them how much memory the model needs.
"""

from dataclasses import dataclass, field

from bot.generation.workers.model_files import ModelFileKind


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeShare:
    """How much of the weights is stored in one way."""

    kind: str
    """`Q4_K`, `F32` and so on."""
    size_bytes: int
    share: float
    """Of all bytes, from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer: its weights, and what it remembers of a scene."""

    weight_bytes: int
    largest_tensor_bytes: int
    key_width: int
    """Numbers that a token's keys take in the KV cache; 0 if the layer keeps none."""
    value_width: int
    window: int | None = None
    """Tokens that it looks back; None is all. Older ones leave its part of the cache."""
    state_values: int = 0
    """Numbers that a recurrent layer keeps for a scene, however long it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """The heads; where layers differ, what the largest has."""

    heads: int
    kv_heads: int
    """Fewer than `heads` where several share their keys and values."""
    key_size: int
    """Numbers in one head's key."""
    value_size: int
    window: int | None = None
    """Tokens that layers with a sliding window look back; None if there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experts:
    """A mixture of experts."""

    count: int
    used: int
    """How many work on a token."""
    width: int
    """Of an expert's feed-forward."""
    shared_width: int = 0
    """Of those that always work, together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """How the model was made for its window."""

    trained_context: int
    """Tokens; 0 if the file does not say."""
    rope_base: float | None = None
    """RoPE's base frequency; None if the file does not say."""
    rope_scaling: str = ""
    """`linear`, `yarn` or another of the file's own words; empty if it does not say."""
    rope_factor: float | None = None
    """How far scaling stretches the window."""
    original_context: int | None = None
    """The window before it was stretched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialToken:
    """A token that means something to the engine."""

    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabularySummary:
    """The tokens, as far as a host wants to know."""

    kind: str
    """`SentencePiece`, `BPE` or another."""
    size: int
    control_count: int
    """Tokens that only stand for control, never for text."""
    begin: SpecialToken | None = None
    end: SpecialToken | None = None
    end_of_turn: SpecialToken | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnatomy:
    """One model."""

    kind: ModelFileKind
    architecture: str
    name: str
    """What the file calls itself, mostly empty or another than the file's name."""
    quantization: str
    """As file names bear it: `Q4_K_M`."""
    types: tuple[TypeShare, ...]
    """The largest share first."""
    parameter_count: int
    file_bytes: int
    file_count: int
    width: int
    """Numbers that stand for a token between layers."""
    feed_forward: int
    attention: Attention
    experts: Experts | None
    positions: Positions
    vocabulary: VocabularySummary
    layers: tuple[Layer, ...] = field(repr=False)
    embedding_bytes: int
    """The table that turns tokens into numbers; it stays in the machine's memory."""
    output_bytes: int
    """What turns numbers into the next token's likelihood, and whatever else is in no layer."""
    shared_output_bytes: int
    """The part of the embedding that the output uses too; a GPU gets a copy of it."""
    chat_template: str = field(repr=False)
    caveats: tuple[str, ...] = ()
    """What is estimated, on the large side, wherever memory is computed from this."""

    @property
    def weight_bytes(self) -> int:
        """All weights, as they are in the file."""
        return (
            self.embedding_bytes
            + self.output_bytes
            + sum(layer.weight_bytes for layer in self.layers)
        )

    @property
    def gpu_output_bytes(self) -> int:
        """What the output takes on a GPU."""
        return self.output_bytes + self.shared_output_bytes
