"""Names the type of a file that is not a card, so that a refusal can say what was seen."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "a GIF picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
    (b"GGUF", "a GGUF model"),
)
_LOOK_AT_BYTES = 4096


def describe_file(data: bytes) -> str:
    """Say what kind of file this seems to be, as a phrase."""
    if not data:
        return "an empty file"
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    head = data[:_LOOK_AT_BYTES]
    if b"\0" in head:
        return f"a file of unknown type that begins with the bytes {head[:8].hex(' ')}"
    return "text that is neither JSON nor YAML"
