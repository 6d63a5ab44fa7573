import pytest

from bot.text import draw_bar


@pytest.mark.parametrize(
    ("parts", "bar"),
    [
        pytest.param((0, 0, 0, 0), "····················", id="empty"),
        pytest.param((500, 250, 250, 0), "██████████▓▓▓▓▓▒▒▒▒▒", id="full"),
        pytest.param((100, 0, 100, 250), "██▒▒░░░░░···········", id="with-a-reply"),
        pytest.param((20, 20, 20, 0), "▓···················", id="small-parts"),
        pytest.param((900, 300, 10, 50), "██████████████████▓▓", id="too-full"),
    ],
)
def test_the_bar_has_always_as_many_cells(parts, bar):
    drawn = draw_bar(dict(zip("█▓▒░", parts, strict=True)), 1000, cells=20)
    assert len(drawn) == 20
    assert drawn == bar
