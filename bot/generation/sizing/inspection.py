"""Reads what a model is made of from the header of its file; the weights are never read."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from bot.generation.sizing.anatomy import (
    Attention,
    Experts,
    Layer,
    ModelAnatomy,
    Positions,
    SpecialToken,
    TypeShare,
    VocabularySummary,
)
from bot.generation.sizing.layer_plan import is_layer_tensor, plan_layers
from bot.generation.workers.ggml_header import read_ggml_header
from bot.generation.workers.gguf_tensors import GgufModel, read_gguf_model
from bot.generation.workers.model_files import (
    ModelFileError,
    ModelFileKind,
    detect_model_file,
)
from bot.generation.workers.tensor_types import FILE_TYPES
from bot.generation.workers.vocabulary import read_vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    from bot.generation.config import LlamaCppTuning
    from bot.generation.workers.ggml_header import GgmlTensor
    from bot.generation.workers.gguf_tensors import GgufTensor

_MOST_LAYERS = 1024
"""llama.cpp itself takes 512."""
_GUESSED = 1024
"""A bit of a file's type: whoever made it was not sure."""
_UNKNOWN = "<unk>"
_LLAMA_END = 2
"""Where every Llama vocabulary has `</s>`; a GGML file does not say."""
_CONTROL = 3
"""GGUF's token type."""
_VOCABULARIES = {
    "llama": "SentencePiece",
    "gpt2": "BPE",
    "bert": "WordPiece",
    "t5": "Unigram",
    "rwkv": "RWKV",
}
"""`tokenizer.ggml.model`, in the words that people use."""
_TURN_ENDS = ("<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|end_of_turn|>")
"""Texts of tokens that end a turn; many files have them without saying which it is."""
_EMBEDDINGS = ("token_embd", "position_embd", "token_types", "per_layer_token_embd")
_EMBEDDING, _OUTPUT = "token_embd.weight", "output.weight"
_OTHER_FILES = {
    "adapter": "name it in TROUPE_ENGINE__LORAS, and its model in TROUPE_ENGINE__MODEL",
    "mmproj": "it goes beside a model that looks at pictures; name the model's own file",
    "imatrix": "it served to quantize a model; name the model's own file",
}
"""Files in GGUF that are no model, by what they call themselves, with what would do."""


def read_anatomy(path: "Path") -> ModelAnatomy:
    """Read a model file's header.

    Raises:
        ModelFileError: If there is no model in it, or the file is missing, damaged or cut off.
    """
    kind = detect_model_file(path)
    if kind is ModelFileKind.GGUF:
        return _read_gguf(path)
    if kind is ModelFileKind.GGML:
        return _read_ggml(path)
    found = "it is a folder of weights (EXL2 or safetensors)"
    remedy = "name a GGUF file of the same model, or serve the folder with TabbyAPI or vLLM"
    raise ModelFileError(path, found, remedy)


def measure_adapters(tuning: "LlamaCppTuning") -> int:
    """Bytes of the LoRA adapters that are there."""
    return sum(lora.path.stat().st_size for lora in tuning.loras if lora.path.is_file())


# GGUF


def _read_gguf(path: "Path") -> ModelAnatomy:
    model = read_gguf_model(path)
    architecture = model.get_text("general.architecture")
    _refuse_others(path, model, architecture)
    count = model.find_number(f"{architecture}.block_count")
    if not count or count > _MOST_LAYERS:
        raise ModelFileError(path, f"it is damaged ({count} layers)", "download it again")
    plan = plan_layers(model, architecture, count)
    others = [tensor for tensor in model.tensors if not is_layer_tensor(tensor.name, count)]
    embedding = sum(tensor.size_bytes for tensor in others if tensor.name.startswith(_EMBEDDINGS))
    types = _share_out(model.tensors)
    return ModelAnatomy(
        kind=ModelFileKind.GGUF,
        architecture=architecture,
        name=model.get_text("general.name"),
        quantization=_name_mixture(model.find_number("general.file_type")) or types[0].kind,
        types=types,
        parameter_count=sum(math.prod(tensor.shape) for tensor in model.tensors),
        file_bytes=model.size_bytes,
        file_count=model.file_count,
        width=model.find_number(f"{architecture}.embedding_length") or 0,
        feed_forward=max(model.list_numbers(f"{architecture}.feed_forward_length", count) or (0,)),
        attention=plan.attention,
        experts=_read_experts(model, architecture),
        positions=_read_positions(model, architecture),
        vocabulary=_read_vocabulary(model),
        layers=plan.layers,
        embedding_bytes=embedding,
        output_bytes=sum(tensor.size_bytes for tensor in others) - embedding,
        shared_output_bytes=_measure_shared_output(others),
        chat_template=model.get_text("tokenizer.chat_template"),
        caveats=plan.caveats,
    )


def _refuse_others(path: "Path", model: GgufModel, architecture: str) -> None:
    """Say what a GGUF file is that holds no model."""
    kind = model.get_text("general.type") or "model"
    if kind == "adapter":
        found = f"it is a LoRA adapter for a model of architecture {architecture or '(none)'}"
        raise ModelFileError(path, found, _OTHER_FILES[kind])
    if kind in _OTHER_FILES:
        raise ModelFileError(path, f"it is no model but {kind} data", _OTHER_FILES[kind])
    if not architecture:
        raise ModelFileError(path, "it does not say what it is", "name a model's GGUF file")
    if not model.tensors:
        remedy = "name the file with the model's weights"
        raise ModelFileError(path, "it holds a vocabulary without a model", remedy)


def _measure_shared_output(others: "Sequence[GgufTensor]") -> int:
    """Models without an output table of their own use the embedding's."""
    sizes = {tensor.name: tensor.size_bytes for tensor in others}
    return 0 if _OUTPUT in sizes else sizes.get(_EMBEDDING, 0)


def _name_mixture(file_type: int | None) -> str:
    return FILE_TYPES.get(file_type & ~_GUESSED, "") if file_type is not None else ""


def _read_experts(model: GgufModel, architecture: str) -> Experts | None:
    def get(key: str) -> int:
        return model.find_number(f"{architecture}.{key}") or 0

    if not get("expert_count"):
        return None
    return Experts(
        count=get("expert_count"),
        used=get("expert_used_count"),
        width=get("expert_feed_forward_length") or get("feed_forward_length"),
        shared_width=get("expert_shared_feed_forward_length") * max(1, get("expert_shared_count")),
    )


def _read_positions(model: GgufModel, architecture: str) -> Positions:
    start = f"{architecture}.rope"
    return Positions(
        trained_context=model.find_number(f"{architecture}.context_length") or 0,
        rope_base=model.find_fraction(f"{start}.freq_base"),
        rope_scaling=model.get_text(f"{start}.scaling.type"),
        rope_factor=(
            model.find_fraction(f"{start}.scaling.factor")
            or model.find_fraction(f"{start}.scale_linear")  # files of 2023
        ),
        original_context=model.find_number(f"{start}.scaling.original_context_length"),
    )


def _read_vocabulary(model: GgufModel) -> VocabularySummary:
    tokens = _list_values(model, "tokenizer.ggml.tokens")
    types = _list_values(model, "tokenizer.ggml.token_type")
    kind = model.get_text("tokenizer.ggml.model")

    def find(name: str) -> SpecialToken | None:
        number = model.find_number(f"tokenizer.ggml.{name}_token_id")
        if number is None or number >= len(tokens):
            return None
        return SpecialToken(number=number, text=str(tokens[number]))

    return VocabularySummary(
        kind=_VOCABULARIES.get(kind, kind),
        size=len(tokens),
        control_count=sum(each == _CONTROL for each in types),
        begin=find("bos"),
        end=find("eos"),
        end_of_turn=find("eot")
        or _find_turn_end({str(text): number for number, text in enumerate(tokens)}),
    )


def _list_values(model: GgufModel, key: str) -> tuple[object, ...]:
    value = model.values.get(key)
    return cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()


def _find_turn_end(numbers: Mapping[str, int]) -> SpecialToken | None:
    """The first known text that ends a turn, as llama.cpp looks for it too."""
    for text in _TURN_ENDS:
        if text in numbers:
            return SpecialToken(number=numbers[text], text=text)
    return None


# GGML


def _read_ggml(path: "Path") -> ModelAnatomy:
    header = read_ggml_header(path)
    tensors = header.tensors
    size = header.width // header.heads
    embedding = tensors["tok_embeddings.weight"].size_bytes
    layers = _group_ggml_layers(tensors, header.layers, header.kv_heads * size)
    types = _share_out(tensors.values())
    in_layers = sum(layer.weight_bytes for layer in layers)
    vocabulary = read_vocabulary(path, header)
    return ModelAnatomy(
        kind=ModelFileKind.GGML,
        architecture="llama",
        name="",
        quantization=header.file_type or types[0].kind,
        types=types,
        parameter_count=sum(math.prod(tensor.shape) for tensor in tensors.values()),
        file_bytes=path.stat().st_size,
        file_count=1,
        width=header.width,
        feed_forward=tensors[f"layers.{header.layers - 1}.feed_forward.w2.weight"].shape[0],
        attention=Attention(
            heads=header.heads, kv_heads=header.kv_heads, key_size=size, value_size=size
        ),
        experts=None,
        positions=Positions(trained_context=0),
        vocabulary=VocabularySummary(
            kind="SentencePiece",
            size=len(header.entries),
            control_count=sum(text != _UNKNOWN for text in vocabulary.specials),
            begin=SpecialToken(number=vocabulary.start, text="<s>"),
            end=SpecialToken(number=_LLAMA_END, text="</s>"),
            end_of_turn=_find_turn_end(vocabulary.specials),
        ),
        layers=layers,
        embedding_bytes=embedding,
        output_bytes=sum(tensor.size_bytes for tensor in tensors.values()) - embedding - in_layers,
        shared_output_bytes=0,
        chat_template="",
        caveats=("ctransformers' buffers",),
    )


def _group_ggml_layers(
    tensors: Mapping[str, "GgmlTensor"], count: int, width: int
) -> tuple[Layer, ...]:
    sizes: list[list[int]] = [[] for _ in range(count)]
    for name, tensor in tensors.items():
        start, _, rest = name.partition(".")
        number = rest.partition(".")[0]
        if start == "layers" and number.isdecimal() and int(number) < count:
            sizes[int(number)].append(tensor.size_bytes)
    return tuple(
        Layer(
            weight_bytes=sum(layer),
            largest_tensor_bytes=max(layer, default=0),
            key_width=width,
            value_width=width,
        )
        for layer in sizes
    )


def _share_out(tensors: "Iterable[GgufTensor | GgmlTensor]") -> tuple[TypeShare, ...]:
    """How much is stored in each way, the most first."""
    sizes: Counter[str] = Counter()
    for tensor in tensors:
        sizes[tensor.kind] += tensor.size_bytes
    whole = max(1, sizes.total())
    return tuple(
        TypeShare(kind=kind, size_bytes=size, share=size / whole)
        for kind, size in sizes.most_common()
    )
