"""Which programs take part in scenes, from the settings."""

import pytest

from bot.admission import Guests
from bot.settings import Settings, SettingsError, read_settings

PLURALKIT, TUPPERBOX = 466378653216014359, 431544605209788416


def test_proxies_are_known_and_other_bots_are_not():
    assert Settings().guests == Guests(
        proxies=frozenset({PLURALKIT, TUPPERBOX}), bots=frozenset(), bot_turns=4
    )


def test_bots_are_named_with_commas_and_proxies_can_be_others_or_none(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TROUPE_ALLOWED_BOTS", "71, 72,73")
    monkeypatch.setenv("TROUPE_BOT_TURNS", "2")
    monkeypatch.setenv("TROUPE_PLURALKIT_ID", "74")
    monkeypatch.setenv("TROUPE_TUPPERBOX_ID", "0")
    assert read_settings().guests == Guests(
        proxies=frozenset({74}), bots=frozenset({71, 72, 73}), bot_turns=2
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALLOWED_BOTS", "71, Beeper"), ("ALLOWED_BOTS", "71,,72"), ("BOT_TURNS", "0")],
)
def test_what_is_no_number_is_refused_by_name(monkeypatch, tmp_path, name, value):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"TROUPE_{name}", value)
    with pytest.raises(SettingsError, match=f"TROUPE_{name}: ") as caught:
        read_settings()
    assert "\n" not in str(caught.value)
