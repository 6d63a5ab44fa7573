"""Writes the smallest LoRA adapter that llama.cpp takes for the demo model, byte by byte."""

import math
import struct
from pathlib import Path

WIDTH = 256
"""The demo model's embedding length."""
_TEXT, _FLOAT = 8, 6
_ALIGNMENT = 32


def write_lora(
    path: Path, *, architecture: str = "llama", general_type: str = "adapter", strength: float = 3.0
) -> Path:
    """A LoRA of rank 1 on the first layer's attention values, about 2 KB."""
    entries = [
        _write_text("general.type", general_type),
        _write_text("general.architecture", architecture),
        _write_text("adapter.type", "lora"),
        _pack_name("adapter.lora.alpha") + struct.pack("<If", _FLOAT, 1.0),
    ]
    name = "blk.0.attn_v.weight"
    tensors = {
        f"{name}.lora_a": ((WIDTH, 1), [math.sin(i) for i in range(WIDTH)]),
        f"{name}.lora_b": ((1, WIDTH), [strength * math.cos(i) for i in range(WIDTH)]),
    }
    infos, data = b"", b""
    for tensor, (shape, numbers) in tensors.items():
        infos += _pack_name(tensor) + struct.pack("<IQQIQ", 2, *shape, 0, len(data))
        data += struct.pack(f"<{len(numbers)}f", *numbers)
    counts = struct.pack("<IQQ", 3, len(tensors), len(entries))
    head = b"GGUF" + counts + b"".join(entries) + infos
    path.write_bytes(head + b"\0" * (-len(head) % _ALIGNMENT) + data)
    return path


def _pack_name(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _write_text(key: str, text: str) -> bytes:
    return _pack_name(key) + struct.pack("<I", _TEXT) + _pack_name(text)
