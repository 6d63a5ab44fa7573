"""Found by `make fuzz`: a name that begins with a zero byte is empty; zipfile stumbles on it."""

import io
import zipfile

from personas.cards.charx_card import read_charx, read_files


def test_a_file_without_a_name_is_left_out():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("card.json", '{"name": "Orrin", "first_mes": ""}')
        archive.writestr("asset.png", b"x")
    data = buffer.getvalue().replace(b"asset.png", b"\0sset.png")
    notes: list[str] = []
    read_charx(data, source="card.charx", notes=notes)
    assert len(notes) == 1
    assert read_files(data, source="card.charx") == {}
