"""Assets on their way from one container to another: how a card names them, where they lie.

Each container has its own way to point at a file: `embeded://path` (the V3 spec spells it so) in
CHARX, `__asset:path` in PNG, a data URL in JSON. Files that the card does not name, such as the
module of another program, come along as well.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from personas.cards.charx_card import is_safe_name
from personas.cards.specs.fields import as_list, as_object
from personas.cards.writers.convert import OWN_EXTENSION

_FILES_KEY = "files"
_URI = re.compile(r"(?:embeded://|__asset:)(?P<path>.+)", re.DOTALL)
_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?;base64,", re.IGNORECASE)
_SLUG = re.compile(r"[^A-Za-z0-9_-]+")
_MEDIA_FOLDERS = {
    "images": frozenset({"png", "apng", "jpg", "jpeg", "webp", "gif", "avif", "svg", "bmp"}),
    "audio": frozenset({"mp3", "wav", "ogg", "flac", "m4a"}),
    "video": frozenset({"mp4", "webm", "mov", "mkv"}),
    "fonts": frozenset({"ttf", "otf", "woff", "woff2"}),
}
_MEDIA_TYPES = {"jpg": "image/jpeg", "svg": "image/svg+xml", "mp3": "audio/mpeg"}
_MAIN_ICON: Final = ("icon", "main")


@dataclass(slots=True, kw_only=True)
class Parcel:
    """A card object of V2 or V3 and the files that go with it, while they are rearranged."""

    card: dict[str, object]
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])

    @property
    def data(self) -> dict[str, object]:
        """The object that holds the fields."""
        return as_object(self.card.get("data")) or {}

    @property
    def assets(self) -> list[dict[str, object]]:
        """The card's assets; what is none is passed over and stays where it is."""
        listed = as_list(self.data.get("assets")) or []
        return [asset for asset in map(as_object, listed) if asset is not None]


def unpack_own_files(parcel: Parcel) -> None:
    """Take back the files that a JSON card carries for us."""
    extensions = as_object(parcel.data.get("extensions")) or {}
    own = as_object(extensions.get(OWN_EXTENSION)) or {}
    carried = as_object(own.pop(_FILES_KEY, None))
    if carried is None:
        return
    if not own:
        extensions.pop(OWN_EXTENSION)
    for path, text in carried.items():
        content = _decode(text) if isinstance(text, str) else None
        if content is not None and is_safe_name(path):
            parcel.files.setdefault(path, content)


def carry_own_files(parcel: Parcel, files: Mapping[str, str]) -> None:
    """Put files, as base64, into the card itself, where a container has no other place."""
    extensions = as_object(parcel.data.get("extensions")) or {}
    own = as_object(extensions.get(OWN_EXTENSION)) or {}
    parcel.data["extensions"] = {**extensions, OWN_EXTENSION: {**own, _FILES_KEY: dict(files)}}


def find_content(parcel: Parcel, uri: object) -> tuple[str, bytes] | None:
    """Give the path and the content behind a URI; None if it is not within the card."""
    if not isinstance(uri, str):
        return None
    match = _URI.fullmatch(uri)
    if match is not None:
        content = parcel.files.get(match["path"])
        return None if content is None else (match["path"], content)
    match = _DATA_URL.match(uri)
    content = _decode(uri[match.end() :]) if match is not None else None
    return None if content is None else ("", content)


def point_assets(
    parcel: Parcel, point: Callable[[Mapping[str, object], str, bytes], str]
) -> frozenset[str]:
    """Give each asset within the card the URI that `point` says; return the paths they had."""
    paths: set[str] = set()
    for asset in parcel.assets:
        found = find_content(parcel, asset.get("uri"))
        if found is not None:
            paths.add(found[0])
            asset["uri"] = point(asset, *found)
    return frozenset(paths - {""})


def find_icon(parcel: Parcel) -> dict[str, object] | None:
    """Find the asset that is the persona's face."""
    icons = [asset for asset in parcel.assets if asset.get("type") == "icon"]
    mains = [asset for asset in icons if (asset.get("type"), asset.get("name")) == _MAIN_ICON]
    return next(iter(mains or icons), None)


def choose_path(asset: Mapping[str, object], path: str, taken: Mapping[str, bytes]) -> str:
    """Give an asset a place in an archive, in ASCII as the spec wants; its own if it has one."""
    if path.isascii() and is_safe_name(path) and path.startswith("assets/"):
        return path
    extension = _slug(asset.get("ext"), "bin").lower()
    folder = next((name for name, exts in _MEDIA_FOLDERS.items() if extension in exts), "other")
    stem = f"assets/{_slug(asset.get('type'), 'other')}/{folder}/{_slug(asset.get('name'), 'x')}"
    candidate, number = f"{stem}.{extension}", 2
    while candidate in taken:
        candidate, number = f"{stem}-{number}.{extension}", number + 1
    return candidate


def data_url(asset: Mapping[str, object], content: bytes) -> str:
    """Write a file as a URL that holds it."""
    extension = _slug(asset.get("ext"), "bin").lower()
    kind = "image" if extension in _MEDIA_FOLDERS["images"] else "application"
    media_type = _MEDIA_TYPES.get(extension, f"{kind}/{extension}")
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _slug(value: object, otherwise: str) -> str:
    text = _SLUG.sub("_", value)[:60].strip("_") if isinstance(value, str) else ""
    return text or otherwise


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
