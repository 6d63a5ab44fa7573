"""A card's picture as a small square PNG, for a face beside a message.

Only what cards are made of is read: PNG with 8 bits a channel, not interlaced. NumPy does it, so
that no imaging library has to be installed for one picture a persona; whoever has other pictures
serves them by a web server of their own.

Source of the format, and of the filters' names: PNG specification (W3C, third edition).
"""

import struct
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from personas.cards.png_card import is_png, walk_chunks
from personas.errors import InvalidCardError

SIDE = 128
"""Pixels; Discord shows faces at 40 to 80."""
MAX_PIXELS = 4_000_000
"""A larger picture takes seconds to decode."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By colour type: grey, colour, palette, grey with alpha, colour with alpha."""
_SUB, _UP, _AVERAGE, _PAETH = 1, 2, 3, 4

Pixels = NDArray[np.int32]


class _Header(NamedTuple):
    """The picture's measures, as IHDR has them."""

    width: int
    height: int
    depth: int
    colour_type: int
    compression: int
    filtering: int
    interlacing: int


def shrink_picture(data: bytes) -> bytes | None:
    """Cut a square out of a PNG and make it small; None if it is no picture that we can read.

    The square is the width of a tall picture, from its top, because there the face is. Nothing of
    the file but its pixels is in the result: the card in it stays with the operator.
    """
    pixels = _decode(data) if is_png(data) else None
    if pixels is None:
        return None
    height, width, _ = pixels.shape
    side = min(height, width)
    left = (width - side) // 2
    return _encode(_scale(pixels[:side, left : left + side], min(SIDE, side)))


def _decode(data: bytes) -> Pixels | None:
    """Give the upper square's pixels, or all of a wide picture, as red, green, blue and alpha."""
    bodies: dict[bytes, bytes] = {}
    try:
        for chunk in walk_chunks(data, source="picture"):
            if chunk.is_whole and chunk.type in {b"IHDR", b"PLTE", b"tRNS", b"IDAT"}:
                bodies[chunk.type] = bodies.get(chunk.type, b"") + chunk.body
        header = _Header(*struct.unpack(">IIBBBBB", bodies[b"IHDR"]))
        channels = _CHANNELS[header.colour_type]
        if header.depth != 8 or header.interlacing or not 0 < _area(header) <= MAX_PIXELS:  # noqa: PLR2004
            return None
        size = header.height * (1 + header.width * channels)
        raw = zlib.decompressobj().decompress(bodies[b"IDAT"], size)
    except (InvalidCardError, KeyError, struct.error, zlib.error):
        return None
    if len(raw) != size:
        return None
    # A pixel needs those above it, never those below: the rows that are cut off stay as they are.
    rows = np.frombuffer(raw, np.uint8).reshape(header.height, -1)[: header.width]
    filtered = rows[:, 1:].reshape(len(rows), header.width, channels)
    plain = _undo_filters(filtered.astype(np.int32), rows[:, 0])
    return _colour(plain, header.colour_type, bodies.get(b"PLTE", b""), bodies.get(b"tRNS", b""))


def _area(header: _Header) -> int:
    return header.width * header.height


def _undo_filters(filtered: Pixels, filters: NDArray[np.uint8]) -> Pixels:
    """Add to each pixel what its row's filter foretells from the pixels left and above.

    Along a diagonal no pixel needs another one, so each diagonal is one step.
    """
    height, width, channels = filtered.shape
    done = np.zeros((height + 1, width + 1, channels), np.int32)  # with a border of nothing
    for diagonal in range(height + width - 1):
        row: NDArray[np.intp] = np.arange(
            max(0, diagonal - width + 1), min(height, diagonal + 1), dtype=np.intp
        )
        column: NDArray[np.intp] = diagonal - row
        left, up, corner = done[row + 1, column], done[row, column + 1], done[row, column]
        kind = filters[row][:, None]
        foretold = np.select(
            [kind == _SUB, kind == _UP, kind == _AVERAGE, kind == _PAETH],
            [left, up, (left + up) // 2, _foretell(left, up, corner)],
            0,
        )
        done[row + 1, column + 1] = (filtered[row, column] + foretold) & 0xFF
    return done[1:, 1:]


def _foretell(left: Pixels, up: Pixels, corner: Pixels) -> Pixels:
    """Paeth's choice: of the three, the one nearest to left + up - corner."""
    by_left, by_up = np.abs(up - corner), np.abs(left - corner)
    by_corner = np.abs(left + up - 2 * corner)
    nearest = np.where(by_up <= by_corner, up, corner)
    return np.where((by_left <= by_up) & (by_left <= by_corner), left, nearest)


def _colour(plain: Pixels, colour_type: int, palette: bytes, alphas: bytes) -> Pixels | None:
    """Bring every colour type to red, green, blue and alpha."""
    height, width, channels = plain.shape
    pixels = np.full((height, width, 4), 255, np.int32)
    if colour_type == 3:  # noqa: PLR2004 - palette
        colours = np.frombuffer(palette[: len(palette) // 3 * 3], np.uint8).reshape(-1, 3)
        if not len(colours) or int(plain.max()) >= len(colours):
            return None
        pixels[..., :3] = colours[plain[..., 0]]
        table = np.frombuffer(alphas.ljust(256, b"\xff")[:256], np.uint8)
        pixels[..., 3] = table[plain[..., 0]]
        return pixels
    has_alpha = channels in {2, 4}
    pixels[..., :3] = plain[..., : channels - has_alpha]
    if has_alpha:
        pixels[..., 3] = plain[..., -1]
    return pixels


def _scale(pixels: Pixels, side: int) -> Pixels:
    """Make a square smaller; each new pixel is the mean of those that it covers."""
    edges = np.arange(side) * len(pixels) // side
    alpha = pixels[..., 3:].astype(np.float64)
    weighted = np.concatenate([pixels[..., :3] * alpha, alpha], axis=2)
    sums = np.add.reduceat(np.add.reduceat(weighted, edges, axis=0), edges, axis=1)
    lengths = np.diff(edges, append=len(pixels))
    covered = np.multiply.outer(lengths, lengths)[..., None]
    opacity = sums[..., 3:]
    colours = sums[..., :3] / np.where(opacity == 0, 1, opacity)
    return np.rint(np.concatenate([colours, opacity / covered], axis=2)).astype(np.int32)


def _encode(pixels: Pixels) -> bytes:
    """Write a PNG of red, green, blue and alpha, without filters."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + width * 4), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
