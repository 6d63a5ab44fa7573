"""Finds the card object inside a CHARX archive, also one that is appended to a JPEG picture.

CHARX is a zip with `card.json` at its root. Nothing is ever unpacked to the disk; the names inside
are only names, and those that would lead out of the archive are left out.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from typing import Final

from personas.cards.json_card import MAX_JSON_BYTES, read_json
from personas.errors import InvalidCardError

CARD_NAME: Final = "card.json"
MAX_ENTRIES: Final = 4_096
MAX_FILES_BYTES: Final = 64 * 1024 * 1024
"""Of everything in the archive together, unpacked."""

_END_RECORD = b"PK\x05\x06"
_END_BYTES: Final = 22
_MAX_COMMENT_BYTES: Final = 65_535
_MAX_DIRECTORY_BYTES: Final = 1024 * 1024
_ZIP64_LOCATOR = b"PK\x06\x07"
_ZIP64_BYTES: Final = 20
_ENCRYPTED: Final = 0x1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\:]|^/|^\.{1,2}$|(^|/)\.\.(/|$)")

_EXPORT_AGAIN = "Export the character again, or use its JSON or PNG file."


def is_zip(data: bytes) -> bool:
    """Whether a zip archive is here, at the beginning or behind a picture."""
    return data.startswith(b"PK\x03\x04") or _find_end(data) is not None


def read_charx(data: bytes, *, source: str, notes: list[str]) -> object:
    """Find the card in the archive and parse it.

    Raises:
        InvalidCardError: If there is none, or the archive is damaged, locked or too large.
    """
    with _open(data, source=source) as archive:
        unsafe = sum(not is_safe_name(entry.filename) for entry in archive.infolist())
        if unsafe:
            notes.append(f"left out: {unsafe} of the archive's files, whose names lead out of it")
        try:
            entry = archive.getinfo(CARD_NAME)
        except KeyError as error:
            found = f"a zip archive without {CARD_NAME} in it"
            remedy = "Use a CHARX file as it was exported, or the card inside the archive."
            raise InvalidCardError(source=source, found=found, remedy=remedy) from error
        text = _read_entry(archive, entry, MAX_JSON_BYTES, source=source)
    return read_json(text, source=source, notes=notes)


def read_files(data: bytes, *, source: str) -> Mapping[str, bytes]:
    """Read everything else in the archive: assets, and what other programs put there.

    Raises:
        InvalidCardError: If the archive is damaged or locked, or there is too much in it.
    """
    files: dict[str, bytes] = {}
    left = MAX_FILES_BYTES
    with _open(data, source=source) as archive:
        for entry in archive.infolist():
            name = entry.filename
            is_folder = name.endswith("/")
            if is_folder or name == CARD_NAME or name in files or not is_safe_name(name):
                continue
            files[name] = _read_entry(archive, entry, left, source=source)
            left -= len(files[name])
    return files


def is_safe_name(name: str) -> bool:
    """Whether a name inside an archive stays inside it, on every system."""
    return bool(name) and _UNSAFE.search(name) is None


def _find_end(data: bytes) -> int | None:
    """Find the record that ends a zip archive; only a comment may follow it."""
    start = max(0, len(data) - _END_BYTES - _MAX_COMMENT_BYTES)
    at = data.rfind(_END_RECORD, start)
    return at if at >= 0 and at + _END_BYTES <= len(data) else None


def _open(data: bytes, *, source: str) -> zipfile.ZipFile:
    """Open an archive whose directory is of a bearable size.

    Raises:
        InvalidCardError: If it is damaged or has more in it than any card.
    """
    end = _find_end(data)
    if end is None:
        raise _damaged(source)
    count = int.from_bytes(data[end + 10 : end + 12], "little")
    directory_bytes = int.from_bytes(data[end + 12 : end + 16], "little")
    is_zip64 = data[max(0, end - _ZIP64_BYTES) : end].startswith(_ZIP64_LOCATOR)
    if is_zip64 or count > MAX_ENTRIES or directory_bytes > _MAX_DIRECTORY_BYTES:
        found = f"a zip archive of more than {MAX_ENTRIES:,} files"
        raise InvalidCardError(source=source, found=found, remedy=_EXPORT_AGAIN)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise _damaged(source) from error
    if len(archive.infolist()) > MAX_ENTRIES:
        found = f"a zip archive of more than {MAX_ENTRIES:,} files"
        raise InvalidCardError(source=source, found=found, remedy=_EXPORT_AGAIN)
    return archive


def _read_entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int, *, source: str
) -> bytes:
    """Unpack one file, never holding more of it than is allowed.

    Raises:
        InvalidCardError: If it is locked, damaged, too large, or packed in an unusual way.
    """
    found = None
    if entry.flag_bits & _ENCRYPTED:
        found = "a zip archive that is locked with a password"
    elif entry.compress_type not in _METHODS:
        found = "a zip archive that is packed in an unusual way"
    elif entry.file_size > limit:
        found = f"a zip archive with more than {limit // 1024 // 1024} MiB in it"
    if found is not None:
        raise InvalidCardError(source=source, found=found, remedy=_EXPORT_AGAIN)
    try:
        with archive.open(entry) as file:
            return file.read(entry.file_size)  # more is never unpacked, whatever is there
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise _damaged(source) from error
    except (NotImplementedError, RuntimeError) as error:  # an unusual version, or locked after all
        found = "a zip archive that cannot be unpacked"
        raise InvalidCardError(source=source, found=found, remedy=_EXPORT_AGAIN) from error


def _damaged(source: str) -> InvalidCardError:
    found = "a zip archive that is damaged or cut off"
    return InvalidCardError(source=source, found=found, remedy="Download it again.")
