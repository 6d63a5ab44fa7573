"""Writes a card again as JSON, PNG or CHARX, with everything that it came with.

`troupe persona export` and whatever else gives cards away calls these. What comes out is read
again by `read_card`, field by field the same.
"""

import base64
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from typing import Final

from personas.cards.charx_card import CARD_NAME, MAX_FILES_BYTES, is_safe_name
from personas.cards.json_card import MAX_JSON_BYTES
from personas.cards.png_card import MAX_TEXT_BYTES, is_png
from personas.cards.read import MAX_FILE_BYTES, CardFile
from personas.cards.writers.assets import (
    Parcel,
    carry_own_files,
    choose_path,
    data_url,
    find_content,
    find_icon,
    point_assets,
    unpack_own_files,
)
from personas.cards.writers.convert import Spec, backfill, convert
from personas.cards.writers.picture import add_texts, draw_plain, strip_card
from personas.errors import InvalidCardError

_DEFAULT_ICON: Final = "ccdefault:"
_ASSET_KEYWORD: Final = "chara-ext-asset_:"
_MAX_KEYWORD: Final = 79
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can say: the same card gives the same bytes."""


def write_json(card_file: CardFile, spec: Spec) -> bytes:
    """Write a card as JSON, its assets as URLs that hold them.

    Raises:
        InvalidCardError: If it would be too large to be read again.
    """
    parcel = _pack_parcel(card_file, spec)
    named = point_assets(parcel, lambda asset, _, content: data_url(asset, content))
    left = {path: content for path, content in parcel.files.items() if path not in named}
    if left:
        packed = {path: _base64(content).decode() for path, content in left.items()}
        carry_own_files(parcel, packed)
    return _check_size(_dump(parcel.card, indent=2) + b"\n", MAX_JSON_BYTES, card_file, "JSON")


def write_png(card_file: CardFile, spec: Spec | None, picture: bytes | None = None) -> bytes:
    """Write a card into a picture: the one given, the card's own, or a plain one.

    Without a spec it has both forms, V3 for those who read it and V2 for all others.

    Raises:
        InvalidCardError: If the picture is no PNG, or the card would be too large.
    """
    source = card_file.persona.key
    parcel = _pack_parcel(card_file, spec or "v3")
    if picture is not None:
        canvas = strip_card(picture, source=source)
    else:
        canvas = _choose_canvas(card_file, parcel)
    keys = _choose_keys(parcel.files)
    point_assets(
        parcel, lambda asset, path, _: f"__asset:{keys[path]}" if path else str(asset["uri"])
    )
    cards = [("chara" if spec == "v2" else "ccv3", parcel.card)]
    if spec is None:
        # A card that was V2 goes out as it came in, beside its V3 form
        is_v2 = card_file.persona.kind == "v2"
        older = convert(card_file.persona, "v2") if is_v2 else backfill(parcel.card)
        cards.insert(0, ("chara", older))
    texts = [(keyword, _base64(_dump(card))) for keyword, card in cards]
    for _, text in texts:
        _check_size(text, MAX_TEXT_BYTES, card_file, "PNG")
    texts += [(_ASSET_KEYWORD + keys[path], _base64(data)) for path, data in parcel.files.items()]
    return _check_size(add_texts(canvas, texts), MAX_FILE_BYTES, card_file, "PNG")


def write_charx(card_file: CardFile) -> bytes:
    """Write a card as CHARX, which is V3 with its assets beside it.

    Raises:
        InvalidCardError: If it would be too large to be read again.
    """
    parcel = _pack_parcel(card_file, "v3")
    _add_picture(card_file, parcel)
    packed: dict[str, bytes] = {}

    def put(asset: Mapping[str, object], path: str, content: bytes) -> str:
        chosen = choose_path(asset, path, packed)
        packed[chosen] = content
        return f"embeded://{chosen}"

    named = point_assets(parcel, put)
    for path, content in parcel.files.items():
        if path not in named and is_safe_name(path) and path != CARD_NAME:
            packed.setdefault(path, content)
    if sum(map(len, packed.values())) > MAX_FILES_BYTES:
        raise _too_large(MAX_FILES_BYTES, card_file, "CHARX")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        card = _dump(parcel.card, indent=2)
        _check_size(card, MAX_JSON_BYTES, card_file, "CHARX")
        for path, content in {CARD_NAME: card, **packed}.items():
            entry = zipfile.ZipInfo(path, _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return _check_size(buffer.getvalue(), MAX_FILE_BYTES, card_file, "CHARX")


def _pack_parcel(card_file: CardFile, spec: Spec) -> Parcel:
    parcel = Parcel(card=convert(card_file.persona, spec), files=dict(card_file.files))
    unpack_own_files(parcel)
    return parcel


def _choose_canvas(card_file: CardFile, parcel: Parcel) -> bytes:
    """Choose the picture; an icon that becomes it need not come along a second time."""
    source = card_file.persona.key
    if card_file.picture is not None:
        return strip_card(card_file.picture, source=source)
    icon = find_icon(parcel)
    found = find_content(parcel, icon.get("uri")) if icon is not None else None
    if icon is None or found is None or not is_png(found[1]):
        return draw_plain(card_file.persona.name)
    path, content = found
    try:
        canvas = strip_card(content, source=source)
    except InvalidCardError:  # a PNG by its first bytes only: it stays an asset
        return draw_plain(card_file.persona.name)
    uses = [asset for asset in parcel.assets if asset.get("uri") == icon.get("uri")]
    if canvas == content and len(uses) == 1:
        icon["uri"] = _DEFAULT_ICON
        parcel.files.pop(path, None)
    return canvas


def _add_picture(card_file: CardFile, parcel: Parcel) -> None:
    """Make the picture that a card was in the icon that it stands for."""
    icon = find_icon(parcel)
    if card_file.picture is None or (icon is not None and icon.get("uri") != _DEFAULT_ICON):
        return
    if icon is None:
        icon = {"type": "icon", "uri": _DEFAULT_ICON, "name": "main", "ext": "png"}
        listed = parcel.data.get("assets")
        parcel.data["assets"] = [*listed, icon] if isinstance(listed, list) else [icon]
    path = choose_path(icon, "", parcel.files)
    parcel.files[path] = strip_card(card_file.picture, source=card_file.persona.key)
    icon["uri"] = f"embeded://{path}"


def _choose_keys(paths: Iterable[str]) -> dict[str, str]:
    """Give files names that fit a PNG's keyword: their paths, or else numbers."""
    keys: dict[str, str] = {}
    for number, path in enumerate(paths):
        is_short = len(_ASSET_KEYWORD) + len(path) <= _MAX_KEYWORD
        fits = path.isascii() and path.isprintable() and is_short
        keys[path] = path if fits else f"file/{number}"
    return keys


def _dump(card: Mapping[str, object], indent: int | None = None) -> bytes:
    """Write JSON that every program can read."""
    try:
        return json.dumps(card, ensure_ascii=False, indent=indent, allow_nan=False).encode()
    except UnicodeEncodeError:  # half an emoji: only an escape can hold it
        return json.dumps(card, indent=indent, allow_nan=False).encode()


def _base64(data: bytes) -> bytes:
    return base64.b64encode(data)


def _check_size(data: bytes, limit: int, card_file: CardFile, kind: str) -> bytes:
    """Refuse to write what could not be read again.

    Raises:
        InvalidCardError: If there is too much of it.
    """
    if len(data) > limit:
        raise _too_large(limit, card_file, kind)
    return data


def _too_large(limit: int, card_file: CardFile, kind: str) -> InvalidCardError:
    return InvalidCardError(
        source=card_file.persona.key,
        found=f"a card that is too large for {kind} (more than {limit // 1024 // 1024} MiB)",
        remedy="Export it as CHARX, which holds most, or leave out some of its assets.",
    )
