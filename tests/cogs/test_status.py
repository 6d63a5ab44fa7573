import pytest

from bot.cogs.status import write_bar


@pytest.mark.parametrize(
    ("parts", "window", "bar"),
    [
        ((0, 0, 0), 1000, "····················"),
        ((500, 250, 250), 1000, "██████████▓▓▓▓▓▒▒▒▒▒"),
        ((100, 0, 100), 1000, "██▒▒················"),
        ((20, 20, 20), 1000, "▓···················"),
        ((900, 300, 10), 1000, "██████████████████▓▓"),
    ],
)
def test_the_bar_has_always_as_many_cells(parts, window, bar):
    assert len(bar) == 20
    assert write_bar(parts, window) == bar
