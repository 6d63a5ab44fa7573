"""Anatomies of models that are known, without their files."""

from collections.abc import Sequence
from typing import Any

from bot.generation.sizing.anatomy import (
    Attention,
    Layer,
    ModelAnatomy,
    Positions,
    TypeShare,
    VocabularySummary,
)
from bot.generation.workers.model_files import ModelFileKind

MIB = 1024**2


def make_anatomy(
    *, layers: int = 32, heads: tuple[int, int] = (32, 8), **fields: Any
) -> ModelAnatomy:
    """Mistral 7B, unless something else is said; heads are all, and those of keys and values."""
    attention = Attention(heads=heads[0], kv_heads=heads[1], key_size=128, value_size=128)
    layer = Layer(
        weight_bytes=100 * MIB,
        largest_tensor_bytes=25 * MIB,
        key_width=heads[1] * 128,
        value_width=heads[1] * 128,
    )
    return build_anatomy([layer] * layers, attention=attention, **fields)


def build_anatomy(layers: Sequence[Layer], **fields: Any) -> ModelAnatomy:
    """An anatomy with these layers, and nothing said of the rest."""
    usual: dict[str, Any] = {
        "kind": ModelFileKind.GGUF,
        "architecture": "llama",
        "name": "",
        "quantization": "Q4_0",
        "types": (TypeShare(kind="Q4_0", size_bytes=1, share=1.0),),
        "parameter_count": 7_000_000_000,
        "file_bytes": 4_000_000_000,
        "file_count": 1,
        "width": 4096,
        "feed_forward": 14336,
        "attention": Attention(heads=32, kv_heads=8, key_size=128, value_size=128),
        "experts": None,
        "positions": Positions(trained_context=32768),
        "vocabulary": VocabularySummary(kind="SentencePiece", size=32000, control_count=2),
        "embedding_bytes": 70 * MIB,
        "output_bytes": 80 * MIB,
        "shared_output_bytes": 0,
        "chat_template": "",
    }
    return ModelAnatomy(layers=tuple(layers), **(usual | fields))
