import pytest

from personas.cards.file_types import describe_file


@pytest.mark.parametrize(
    ("data", "name"),
    [
        pytest.param(b"", "an empty file", id="empty"),
        pytest.param(b"GIF89a", "a GIF picture", id="gif"),
        pytest.param(b"\x1f\x8b\x08", "a gzip archive", id="gzip"),
        pytest.param(b"%PDF-1.7", "a PDF document", id="pdf"),
        pytest.param(b"GGUF\3\0\0\0", "a GGUF model", id="gguf"),
        pytest.param(b"You are Orrin.", "text that is neither JSON nor YAML", id="text"),
        pytest.param(
            b"\x7fELF\0\1\2\3\4\5",
            "a file of unknown type that begins with the bytes 7f 45 4c 46 00 01 02 03",
            id="unknown",
        ),
    ],
)
def test_a_file_is_named_by_its_first_bytes(data: bytes, name: str):
    assert describe_file(data) == name
