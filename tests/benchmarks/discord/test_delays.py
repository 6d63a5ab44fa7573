"""What is counted as late."""

import pytest

from benchmarks.discord.delays import Write, find_delays, list_delay_rows

FIRST = Write(started=0.0, ended=0.1, words=1)


@pytest.mark.parametrize(
    ("edit", "delays"),
    [
        pytest.param(Write(started=1.4, ended=1.5, words=5), [0.1], id="behind-the-spacing"),
        pytest.param(Write(started=1.3, ended=1.5, words=5), [0.0], id="in-time"),
        pytest.param(Write(started=3.0, ended=3.1, words=1), [], id="no-new-word"),
    ],
)
def test_an_edit_is_late_beyond_what_it_had_to_wait_for(edit, delays):
    sent_at = {0: 0.0, 1: 0.5, 2: 0.6, 3: 0.7, 4: 0.8}
    assert find_delays([FIRST, edit], sent_at, 1.2) == pytest.approx(delays)


def test_a_word_that_comes_late_is_not_the_edits_delay():
    edit = Write(started=5.25, ended=5.3, words=2)
    assert find_delays([FIRST, edit], {0: 0.0, 1: 5.0}, 1.2) == pytest.approx([0.25])


def test_the_row_has_the_median_as_a_share_of_the_spacing():
    [row] = list_delay_rows(2, [0.1, 0.12, 0.5], 1.2)
    assert row.ratio == pytest.approx(0.1)
    assert "2 at once (median of 3 edits: 120 ms" in row.what
