from datetime import UTC, datetime, timedelta, timezone

import pytest

from storage.clock import format_time, utc_now


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        pytest.param(
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            "2026-01-02T03:04:05.000000+00:00",
            id="whole second",
        ),
        pytest.param(
            datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=2))),
            "2026-01-02T01:04:05.000678+00:00",
            id="another zone",
        ),
    ],
)
def test_time_is_utc_with_microseconds(moment, text):
    assert format_time(moment) == text


def test_now_knows_its_zone():
    assert utc_now().utcoffset() == timedelta(0)
