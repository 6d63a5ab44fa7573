"""How storage writes points in time."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current time; stores take another clock in tests."""
    return datetime.now(UTC)


def format_time(moment: datetime) -> str:
    """Render a point in time as ISO 8601 in UTC, always with microseconds.

    Every time has the same length and offset, so that text order is order in time.
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
