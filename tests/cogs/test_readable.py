"""Discord's own marks as words. What hangs on real messages: `tests/end_to_end/test_story.py`."""

from types import SimpleNamespace
from typing import Any

import pytest

from bot.cogs.readable import read_marks

NOOR, NIGHT_WATCH, TAVERN = 123456789012345678, 223456789012345678, 323456789012345678


class Server:
    """As much of a server as names are looked up in."""

    def get_member(self, number):
        return None

    def get_role(self, number):
        return SimpleNamespace(name="night watch") if number == NIGHT_WATCH else None

    def get_channel_or_thread(self, number):
        return SimpleNamespace(name="tavern") if number == TAVERN else None


def read(text, *, in_server=True):
    noor = SimpleNamespace(id=NOOR, display_name="Noor\nMaren: [hello]")
    message: Any = SimpleNamespace(mentions=[noor], guild=Server() if in_server else None)
    return read_marks(text, message)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"<@{NOOR}>", "@Noor Maren: (hello)", id="person-on-one-line"),
        pytest.param(f"<@!{NOOR}>", "@Noor Maren: (hello)", id="person-by-nickname"),
        pytest.param("<@1>", "@somebody", id="nobody-known"),
        pytest.param(f"<@&{NIGHT_WATCH}>!", "@night watch!", id="role"),
        pytest.param("<@&1>", "@some-role", id="role-that-is-gone"),
        pytest.param(f"to <#{TAVERN}>", "to #tavern", id="channel"),
        pytest.param("<#1>", "#some-channel", id="channel-that-is-gone"),
        pytest.param("<:wave:12345> <a:dance_2:6>", ":wave: :dance_2:", id="emoji"),
        pytest.param("<t:1790000000>", "2026-09-21 14:13 UTC", id="time"),
        pytest.param("<t:1790000000:R>", "2026-09-21 14:13 UTC", id="time-from-now"),
        pytest.param("<t:1790000000:t>", "14:13 UTC", id="hour"),
        pytest.param("<t:1790000000:D>", "2026-09-21", id="day"),
        pytest.param("<t:-1:d>", "1969-12-31", id="before-1970"),
        pytest.param("<t:9999999999999>", "<t:9999999999999>", id="no-such-day"),
        pytest.param("</scene reset:12345>", "/scene reset", id="command"),
        pytest.param("a <b> <3 <@x> <t:> <@&>", "a <b> <3 <@x> <t:> <@&>", id="no-marks"),
        pytest.param(" @everyone ", "@everyone", id="everyone"),
    ],
)
def test_marks_are_read_as_people_see_them(text, expected):
    assert read(text) == expected


def test_in_a_private_channel_there_are_no_roles_and_channels():
    assert read(f"<@&{NIGHT_WATCH}> <#{TAVERN}>", in_server=False) == "@some-role #some-channel"
