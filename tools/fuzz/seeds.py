"""Writes what the fuzzer starts from: for each target, what stands behind its own beginning.

`python -m tools.fuzz.seeds FOLDER` makes a folder for each target. The cards are made here, by our
own writers and by hand, small enough that a changed byte often matters; the attacks are the tests'.
"""

import base64
import io
import json
import struct
import sys
import zipfile
import zlib
from pathlib import Path

from personas.cards.read import CardFile, read_card_bytes
from personas.cards.writers.picture import SIGNATURE
from personas.cards.writers.write import write_charx, write_json
from tests.prompting.attacks import NAMES, TEXTS

_V3 = {
    "spec": "chara_card_v3",
    "spec_version": "3.0",
    "data": {
        "name": "O",
        "nickname": "N",
        "description": "{{char}}",
        "tags": ["a"],
        "alternate_greetings": ["h"],
        "character_book": {
            "entries": [{"keys": ["/a|b/i"], "content": "@@depth 1\nc", "use_regex": True}]
        },
        "assets": [{"type": "icon", "name": "main", "ext": "png", "uri": "ccdefault:"}],
    },
}
_OBJECTS: tuple[object, ...] = (
    _V3,
    {"name": "O", "description": "d", "first_mes": "g"},
    {"char_name": "O", "char_persona": "p", "world_scenario": "s"},
    {"kind": "character", "name": "O", "persona": {"kind": "wpp", "attributes": {"a": ["b"]}}},
    {"name": "O", "context": "c", "greeting": "g"},
    {"entries": {"0": {"key": ["a"], "content": "c"}}},
)
_YAML = (b"context: |-\n  a\n\n  b\ngreeting: 'g'\n", b"context: [a, {b: c}]\ntags:\n- x\n")
_PATTERNS = ("/a|b/i", "(a+)+$", r"/\u4e00[^\w]{1,3}/ms", r"(?i)\bx\b", "/(?:a{3}){2}/")


def write_seeds(folder: Path) -> None:
    """Make a folder of beginnings for each target."""
    for target, inputs in {**_list_cards(), **_list_attacks()}.items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(inputs):
            (folder / target / f"seed-{number}").write_bytes(data)


def _list_cards() -> dict[str, list[bytes]]:
    texts = [json.dumps(value).encode() for value in _OBJECTS]
    persona = read_card_bytes(texts[0], source="seed", key="seed")
    card_file = CardFile(persona=persona, container="charx", files={"assets/a.png": b"x"})
    whole = [*texts, write_charx(card_file), write_json(card_file, "v2"), b"name: O\n" + _YAML[0]]
    chunks = [b"\0" + base64.b64encode(text) for text in texts]
    chunks += [b"\1\0" + zlib.compress(base64.b64encode(texts[1])), b"\2\0\0\0\0" + texts[1]]
    exif = [_exif(text) for text in texts[:2]]
    return {
        "any": [*whole, SIGNATURE],
        "json": [text[1:] for text in texts],
        "yaml": list(_YAML),
        "png": chunks,
        "zip": [write_charx(card_file)[4:], _store(texts[1])[4:]],
        "webp": exif,
        "jpeg": [struct.pack(">H", len(data) + 8) + b"Exif\0\0" + data for data in exif],
        "patterns": [pattern.encode() for pattern in _PATTERNS],
        "objects": [bytes(range(64)), bytes(range(255, 128, -1))],
    }


def _list_attacks() -> dict[str, list[bytes]]:
    texts, names = (
        [text.encode("utf-8", "surrogatepass")[:1000] for text in attacks.values()]
        for attacks in (TEXTS, NAMES)
    )
    # The first byte is a format's, the second a place's.
    placed = [bytes([number % 32, number]) + text for number, text in enumerate(texts)]
    named = [bytes([number % 32, number]) + name for number, name in enumerate(names)]
    return {
        "text": placed,
        "beginning": placed,
        "dialogue": [*placed, b"\0\0{{user}}: a\n{{char}}: b\n<START>\nc"],
        "name": named,
        "persona": named,
        "scene": [start + b"\xff" + b"\xff".join(texts[:4]) for start in named],
        "tidy": [*texts, *(b"Mira\xffTomas\xffAnn\xffMira: " + text for text in texts)],
        "split": [b"\x14" + text for text in texts],
    }


def _store(text: bytes) -> bytes:
    """Put a card into an archive without compressing it: what is changed there is JSON."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("card.json", text)
    return buffer.getvalue()


def _exif(comment: bytes) -> bytes:
    """Lay a comment out as EXIF data."""
    root = struct.pack("<HHHIII", 1, 0x8769, 4, 1, 26, 0)
    inner = struct.pack("<HHHIII", 1, 0x9286, 7, len(comment), 44, 0)
    return b"II*\0" + struct.pack("<I", 8) + root + inner + comment


if __name__ == "__main__":
    write_seeds(Path(sys.argv[1]))
