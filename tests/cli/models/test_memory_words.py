import pytest

from bot.cli.models.memory_words import read_memory, say_memory

KIB, MIB, GIB = 1024, 1024**2, 1024**3


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (KIB, "1.0 KiB"),
        (812 * KIB, "812 KiB"),
        (5 * MIB, "5.0 MiB"),
        (12 * MIB + 1, "12 MiB"),
        (GIB, "1.00 GiB"),
        (5 * GIB // 4, "1.25 GiB"),
        (24 * GIB, "24.0 GiB"),
        (3000 * GIB, "2.93 TiB"),
        (9_000_000 * GIB, "8789.1 TiB"),
    ],
)
def test_an_amount_is_said(size: int, said: str):
    assert say_memory(size) == said


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("24GiB", 24 * GIB),
        ("24 GB", 24 * GIB),
        ("24g", 24 * GIB),
        ("23.5GiB", 47 * GIB // 2),
        ("8192MiB", 8 * GIB),
        (" 1T ", 1024 * GIB),
        ("512KiB", MIB // 2),
    ],
)
def test_an_amount_is_read(text: str, size: int):
    assert read_memory(text) == size


@pytest.mark.parametrize("text", ["", "24", "GiB", "-1GiB", "1e9GiB", "24GiBs", "24 Gi", "nan GiB"])
def test_what_is_no_amount_is_told_with_one_that_is(text: str):
    with pytest.raises(ValueError, match="24GiB or 8192MiB would be"):
        read_memory(text)
