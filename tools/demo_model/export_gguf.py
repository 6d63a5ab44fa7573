"""Write a trained network and its vocabulary as a GGUF file of 8-bit blocks (Q8_0).

Usage: python -m tools.demo_model.export_gguf CHECKPOINT TOKENIZER OUTPUT
"""

import argparse
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt
import sentencepiece
import torch

from tools.demo_model.model import Network, Shape
from tools.demo_model.tokenizer import BOS, EOS, load_tokenizer

BLOCK_NAMES = {
    "attention_norm": "attn_norm",
    "query": "attn_q",
    "key": "attn_k",
    "value": "attn_v",
    "output": "attn_output",
    "feed_norm": "ffn_norm",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}
"""Our name of a layer's part: the name in a GGUF file."""


def to_llama_rotary(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Reorder the rows of a q or k matrix from half-split to llama.cpp's paired layout.

    Without it the file loads without an error and every word is wrong.
    """
    rows, columns = weight.shape
    halves = weight.view(heads, 2, rows // heads // 2, columns)
    return halves.transpose(1, 2).reshape(rows, columns)


def gguf_tensors(network: Network) -> dict[str, torch.Tensor]:
    """Return every tensor under its GGUF name, in float32."""
    heads = network.shape.heads
    tensors = {
        "token_embd.weight": network.embedding.weight,
        "output_norm.weight": network.norm.weight,
        "output.weight": network.head.weight,
    }
    for index, block in enumerate(network.blocks):
        for part, name in BLOCK_NAMES.items():
            weight = getattr(block, part).weight
            if part in {"query", "key"}:
                weight = to_llama_rotary(weight, heads)
            tensors[f"blk.{index}.{name}.weight"] = weight
    return {name: tensor.detach().float().contiguous() for name, tensor in tensors.items()}


def q8_roundtrip(weight: torch.Tensor) -> torch.Tensor:
    """Return the weight as the 8-bit file will hold it, for comparing text exactly."""
    packed = gguf.quants.quantize(weight.detach().numpy(), gguf.GGMLQuantizationType.Q8_0)
    return torch.from_numpy(gguf.quants.dequantize(packed, gguf.GGMLQuantizationType.Q8_0))


def write_settings(writer: gguf.GGUFWriter, shape: Shape) -> None:
    """Write what a llama.cpp loader must know about the network."""
    writer.add_name("Troupe demo")
    writer.add_description("A very small roleplay model in the LimaRP layout, for trying Troupe")
    writer.add_license("MIT")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(shape.rms_eps)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def piece_type(pieces: sentencepiece.SentencePieceProcessor, index: int) -> gguf.TokenType:
    """Return the GGUF type of one piece."""
    if pieces.is_unknown(index):
        return gguf.TokenType.UNKNOWN
    if pieces.is_control(index):
        return gguf.TokenType.CONTROL
    if pieces.is_byte(index):
        return gguf.TokenType.BYTE
    return gguf.TokenType.NORMAL


def write_vocabulary(writer: gguf.GGUFWriter, pieces: sentencepiece.SentencePieceProcessor) -> None:
    """Write pieces, scores and types, and how text becomes tokens."""
    indices = range(pieces.get_piece_size())
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([pieces.id_to_piece(i).encode() for i in indices])
    writer.add_token_scores([pieces.get_score(i) for i in indices])
    writer.add_token_types([piece_type(pieces, i) for i in indices])
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)


def packed(weight: torch.Tensor) -> tuple[npt.NDArray[np.generic], gguf.GGMLQuantizationType]:
    """Pack a matrix in 8-bit blocks; a norm stays as it is."""
    values = weight.numpy()
    if weight.dim() == 1:
        return values, gguf.GGMLQuantizationType.F32
    kind = gguf.GGMLQuantizationType.Q8_0
    return gguf.quants.quantize(values, kind), kind


def export(network: Network, tokenizer: Path, output: Path) -> None:
    """Write the file."""
    writer = gguf.GGUFWriter(str(output), "llama")
    write_settings(writer, network.shape)
    write_vocabulary(writer, load_tokenizer(tokenizer))
    for name, weight in gguf_tensors(network).items():
        values, kind = packed(weight)
        writer.add_tensor(name, values, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def load_network(checkpoint: Path) -> Network:
    """Open a checkpoint that training wrote."""
    state = torch.load(checkpoint, weights_only=True)
    network = Network(Shape(**state["shape"]))
    network.load_state_dict(state["network"])
    return network.eval()


def main() -> None:
    """Export one checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("output", type=Path)
    chosen = parser.parse_args()
    export(load_network(chosen.checkpoint), chosen.tokenizer, chosen.output)


if __name__ == "__main__":
    main()
