from dataclasses import asdict

import pytest

from bot.messages import Pacing, write_scene_key


def test_all_intervals_are_scaled_alike():
    default, half = asdict(Pacing()), asdict(Pacing.scaled(0.5))
    assert half == {name: seconds / 2 for name, seconds in default.items()}
    assert len(half) >= 7
    assert Pacing.scaled(1) == Pacing()


def test_edits_are_as_far_apart_as_the_product_asks():
    assert Pacing().edit_seconds >= 1.2
    assert 0.8 <= Pacing().gather_seconds <= 2
    assert Pacing().typing_seconds < 10


@pytest.mark.parametrize(("channel", "key"), [(1, "discord/1"), (10**18, f"discord/{10**18}")])
def test_each_place_has_a_scene_key_of_its_own(channel, key):
    assert write_scene_key(channel) == key
