"""The reference here is written from the PNG specification, filter by filter, without NumPy."""

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personas.picture import MAX_PIXELS, SIDE, shrink_picture


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def write_png(width, height, raw, *, form=(8, 6, 0, 0, 0), extra=()):
    """A PNG; its form is depth, colour type, compression, filtering and interlacing."""
    header = struct.pack(">IIBBBBB", width, height, *form)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def foretell(kind, left, up, corner):
    if kind == 4:
        distances = [abs(left + up - corner - each) for each in (left, up, corner)]
        return (left, up, corner)[distances.index(min(distances))]
    return (0, left, up, (left + up) // 2)[kind]


def put_filters(rows, filters, channels):
    """Filter rows of bytes, as an encoder does."""
    raw, above = b"", [0] * len(rows[0])
    for row, kind in zip(rows, filters, strict=True):
        raw += bytes([kind])
        for place, value in enumerate(row):
            left = row[place - channels] if place >= channels else 0
            corner = above[place - channels] if place >= channels else 0
            raw += bytes([(value - foretell(kind, left, above[place], corner)) % 256])
        above = row
    return raw


def read_pixels(png):
    """Width and pixels of a picture that we wrote: colour with alpha, no filters."""
    width, height = struct.unpack(">II", png[16:24])
    start = png.index(b"IDAT")
    length = int.from_bytes(png[start - 4 : start], "big")
    raw = zlib.decompress(png[start + 4 : start + 4 + length])
    rows = [raw[n * (1 + width * 4) + 1 :][: width * 4] for n in range(height)]
    pixels = [tuple(row[n : n + 4]) for row in rows for n in range(0, len(row), 4)]
    return width, height, pixels


@st.composite
def filtered_squares(draw):
    side, channels = draw(st.integers(1, 7)), draw(st.sampled_from([3, 4]))
    size = side * channels
    rows = draw(st.lists(st.binary(min_size=size, max_size=size), min_size=side, max_size=side))
    filters = draw(st.lists(st.integers(0, 4), min_size=side, max_size=side))
    return side, channels, rows, filters


@given(square=filtered_squares())
@settings(deadline=None)
def test_every_filter_is_undone(square):
    side, channels, rows, filters = square
    raw = put_filters(rows, filters, channels)
    small = shrink_picture(write_png(side, side, raw, form=(8, {3: 2, 4: 6}[channels], 0, 0, 0)))
    wanted = []
    for row in rows:
        for place in range(0, len(row), channels):
            pixel = (*row[place : place + channels], 255)[:4]
            # What cannot be seen has no colour.
            wanted.append(pixel if pixel[3] else (0, 0, 0, 0))
    assert small is not None
    assert read_pixels(small) == (side, side, wanted)


def test_a_tall_picture_is_cut_from_its_top_and_made_small():
    red, blue = b"\xff\x00\x00\xff", b"\x00\x00\xff\xff"
    raw = (b"\0" + red * 300) * 300 + (b"\0" + blue * 300) * 150
    small = shrink_picture(write_png(300, 450, raw))
    assert small is not None
    width, height, pixels = read_pixels(small)
    assert (width, height) == (SIDE, SIDE)
    assert set(pixels) == {(255, 0, 0, 255)}
    assert len(small) < 256 * 1024


def test_a_wide_picture_is_cut_from_its_middle():
    white, black = b"\xff" * 3, b"\0" * 3
    raw = (b"\0" + black * 100 + white * 200 + black * 100) * 200
    small = shrink_picture(write_png(400, 200, raw, form=(8, 2, 0, 0, 0)))
    assert small is not None
    assert set(read_pixels(small)[2]) == {(255, 255, 255, 255)}


def test_a_palette_with_alpha_is_read():
    extra = [(b"PLTE", b"\x0a\x14\x1e\x28\x32\x3c"), (b"tRNS", b"\x80")]
    small = shrink_picture(write_png(2, 2, b"\0\0\1\0\1\0", form=(8, 3, 0, 0, 0), extra=extra))
    assert small is not None
    first, second = (10, 20, 30, 128), (40, 50, 60, 255)
    assert read_pixels(small)[2] == [first, second, second, first]


def test_grey_is_read():
    small = shrink_picture(write_png(1, 1, b"\0\x40", form=(8, 0, 0, 0, 0)))
    assert small is not None
    assert read_pixels(small)[2] == [(64, 64, 64, 255)]


def test_nothing_of_the_card_is_left_in_it():
    extra = [(b"tEXt", b"chara\0c2VjcmV0")]
    small = shrink_picture(write_png(1, 1, b"\0\1\2\3\4", extra=extra))
    assert small is not None
    assert b"chara" not in small
    assert b"tEXt" not in small


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        write_png(2, 2, b"\0\0\0", form=(1, 0, 0, 0, 0)),
        write_png(2, 2, b"\0\0\0", form=(16, 0, 0, 0, 0)),
        write_png(1, 1, b"\0\0\0\0\0", form=(8, 6, 0, 0, 1)),
        write_png(1, 1, b"\0\0\0\0\0", form=(8, 7, 0, 0, 0)),
        write_png(0, 1, b"\0"),
        write_png(2, 2, b"\0\0\0"),
        write_png(MAX_PIXELS, 2, b"\0"),
        write_png(1, 1, b"\0\5", form=(8, 3, 0, 0, 0), extra=[(b"PLTE", b"\0\0\0")]),
        write_png(1, 1, b"\0\5", form=(8, 3, 0, 0, 0)),
        write_png(1, 1, b"\0\0\0\0\0").replace(b"IDAT", b"IDAX"),
    ],
)
def test_what_cannot_be_read_gives_no_picture(data):
    assert shrink_picture(data) is None


def test_a_decompression_bomb_is_not_unpacked():
    assert shrink_picture(write_png(1, 1, b"\0" * 50_000_000)) is not None


@given(noise=st.binary(max_size=200))
@settings(deadline=None)
def test_a_damaged_picture_never_raises(noise):
    whole = write_png(3, 3, put_filters([b"\1" * 12] * 3, [1, 2, 4], 4))
    shrink_picture(whole[: len(noise)] + noise + whole[len(noise) * 2 :])
