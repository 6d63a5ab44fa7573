import pytest

from personas.cards.file_types import describe_file


@pytest.mark.parametrize(
    ("data", "name"),
    [
        pytest.param(b"", "an empty file", id="empty"),
        pytest.param(b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG picture", id="jpeg"),
        pytest.param(b"RIFF\n\0\0\0WEBPVP8 ", "a WEBP picture", id="webp"),
        pytest.param(b"GIF89a", "a GIF picture", id="gif"),
        pytest.param(b"PK\x03\x04\x14\0", "a zip archive (perhaps a CharX card)", id="zip"),
        pytest.param(b"PK\x05\x06" + b"\0" * 18, "an empty zip archive", id="empty-zip"),
        pytest.param(b"\x1f\x8b\x08", "a gzip archive", id="gzip"),
        pytest.param(b"%PDF-1.7", "a PDF document", id="pdf"),
        pytest.param(b"GGUF\3\0\0\0", "a GGUF model", id="gguf"),
        pytest.param(b"name: Orrin\ngreeting: Hello", "text that looks like YAML", id="yaml"),
        pytest.param(b"# a comment\r\ncontext:\r\n", "text that looks like YAML", id="yaml-block"),
        pytest.param(b"You are Orrin.", "text that is not JSON", id="text"),
        pytest.param(
            b"\x7fELF\0\1\2\3\4\5",
            "a file of unknown type that begins with the bytes 7f 45 4c 46 00 01 02 03",
            id="unknown",
        ),
    ],
)
def test_a_file_is_named_by_its_first_bytes(data: bytes, name: str):
    assert describe_file(data) == name
