"""Fuzzes the readers of cards: `python -m tools.fuzz READER [options]`.

Each reader is fed bytes that begin as its container does, so that the fuzzer spends its time
behind the first check. A find is anything but `InvalidCardError`, two seconds for one file, or
300 MB (`-timeout=2 -rss_limit_mb=…`, which `make fuzz` gives).
"""

import json
import struct
import zlib
from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["personas"]):
    from personas.cards.charx_card import read_files
    from personas.cards.json_card import read_json
    from personas.cards.read import CardFile, read_card_bytes
    from personas.cards.specs.tavern import persona_from_object
    from personas.cards.writers.write import write_charx, write_json, write_png
    from personas.errors import InvalidCardError
    from personas.lore_patterns import LorePatternError, compile_pattern

_PNG = b"\x89PNG\r\n\x1a\n"
_ODD_VALUES = ("", "x", 0, -1, None, True, [], {}, [[]], {"a": {}}, "\ud83e", 1e308, ["a", {}])
_KEYS = (
    *("spec", "data", "name", "description", "first_mes", "char_name", "context", "persona"),
    *("kind", "attributes", "characterBook", "character_book", "entries", "keys", "content"),
    *("extensions", "assets", "uri", "type", "troupe", "files", "nickname", "tags", "greeting"),
)
_SPECS = ("chara_card_v2", "chara_card_v3", "lorebook_v3")


def _read(data: bytes) -> None:
    try:
        persona = read_card_bytes(data, source="fuzz", key="fuzz")
    except InvalidCardError:
        return
    if not persona.name or any(sign in persona.spoken_name for sign in "\n\r\0"):
        raise AssertionError(persona.name)
    persona.description.encode()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def fuzz_any(data: bytes) -> None:
    """Whatever the bytes are."""
    _read(data)


def fuzz_json(data: bytes) -> None:
    """Text that begins as an object."""
    _read(b"{" + data)


def fuzz_yaml(data: bytes) -> None:
    """Text that begins with a key."""
    _read(b"name: x\n" + data)


def fuzz_png(data: bytes) -> None:
    """A picture with one text chunk, its checksum right, and anything behind it."""
    kinds = (b"tEXt", b"zTXt", b"iTXt")
    body, _, rest = data[1:].partition(b"\xff\xfe")
    _read(_PNG + _chunk(kinds[data[0] % 3 if data else 0], b"chara\0" + body) + rest)


def fuzz_zip(data: bytes) -> None:
    """An archive, with its assets."""
    whole = b"PK\x03\x04" + data
    _read(whole)
    try:
        read_files(whole, source="fuzz")
    except InvalidCardError:
        return


def fuzz_webp(data: bytes) -> None:
    """EXIF data inside a picture."""
    _read(b"RIFF\0\0\0\0WEBPEXIF" + struct.pack("<I", len(data)) + data)


def fuzz_jpeg(data: bytes) -> None:
    """Segments of a JPEG."""
    _read(b"\xff\xd8\xff\xe1" + data)


def fuzz_patterns(data: bytes) -> None:
    """Keys of lore."""
    try:
        pattern = compile_pattern(data.decode("utf-8", "ignore"))
    except LorePatternError:
        return
    pattern.search("the bell in the harbour tower rings " * 50)


def fuzz_objects(data: bytes) -> None:
    """Objects of any shape that use the keys of cards; what is read is written and read again."""
    provider = atheris.FuzzedDataProvider(data)
    card = _make_object(provider, 4)
    try:
        persona = persona_from_object(card, source="fuzz", key="fuzz")
    except InvalidCardError:
        return
    card_file = CardFile(persona=persona, container="json")
    for written in (
        write_json(card_file, "v2"),
        write_charx(card_file),
        write_png(card_file, None),
    ):
        again = read_card_bytes(written, source="fuzz", key="fuzz")
        if (again.name, again.description) != (persona.name, persona.description):
            raise AssertionError(card)


def _make_object(provider: "atheris.FuzzedDataProvider", depth: int) -> dict[str, object]:
    made: dict[str, object] = {}
    for _ in range(provider.ConsumeIntInRange(0, 6)):
        made[_KEYS[provider.ConsumeIntInRange(0, len(_KEYS) - 1)]] = _make(provider, depth)
    if provider.ConsumeBool():
        made["spec"] = _SPECS[provider.ConsumeIntInRange(0, len(_SPECS) - 1)]
    return made


def _make(provider: "atheris.FuzzedDataProvider", depth: int) -> object:
    choice = provider.ConsumeIntInRange(0, 3)
    if choice == 0 and depth:
        return _make_object(provider, depth - 1)
    if choice == 1 and depth:
        return [_make(provider, depth - 1) for _ in range(provider.ConsumeIntInRange(0, 3))]
    if choice == 2:  # noqa: PLR2004 (of four)
        return provider.ConsumeUnicode(12)
    value = _ODD_VALUES[provider.ConsumeIntInRange(0, len(_ODD_VALUES) - 1)]
    # A copy: writers may change what they were given
    return read_json(json.dumps([value]).encode(), source="fuzz", notes=[])[0]


TARGETS: dict[str, Callable[[bytes], None]] = {
    name.removeprefix("fuzz_"): value
    for name, value in dict(globals()).items()
    if name.startswith("fuzz_")
}
