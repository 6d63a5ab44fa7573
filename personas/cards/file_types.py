"""Names the type of a file that is not a card, so that a refusal can say what was seen."""

import re

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"PK\x03\x04", "a zip archive (perhaps a CharX card)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
    (b"GGUF", "a GGUF model"),
)
_WEBP_HEAD = re.compile(rb"RIFF.{4}WEBP", re.DOTALL)
_YAML_LINE = re.compile(rb"^[A-Za-z_][\w ]{0,40}:(\s|$)", re.MULTILINE)
_LOOK_AT_BYTES = 4096


def describe_file(data: bytes) -> str:
    """Say what kind of file this seems to be, as a phrase."""
    if not data:
        return "an empty file"
    if _WEBP_HEAD.match(data):
        return "a WEBP picture"
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    head = data[:_LOOK_AT_BYTES]
    if b"\0" in head:
        return f"a file of unknown type that begins with the bytes {head[:8].hex(' ')}"
    if _YAML_LINE.search(head):
        return "text that looks like YAML"
    return "text that is not JSON"
