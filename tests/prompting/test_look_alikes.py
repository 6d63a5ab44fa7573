"""Letters of other scripts that look like ours deceive nobody about who speaks."""

import pytest

from tests.prompting.attacked import (
    HEAD_PLACES,
    NAME_PLACES,
    TURN_PLACES,
    assert_name_is_harmless,
    assert_text_is_harmless,
)
from tests.prompting.attacks import LOOK_ALIKE_NAMES, LOOK_ALIKE_TEXTS
from tests.prompting.making import KINDS


@pytest.mark.parametrize("attack", LOOK_ALIKE_TEXTS.values(), ids=LOOK_ALIKE_TEXTS.keys())
def test_no_look_alike_in_a_text_changes_how_the_turns_are_seen(attack):
    for format_name in (*KINDS, "vicuna"):
        for place in (*TURN_PLACES, *HEAD_PLACES):
            assert_text_is_harmless(attack, format_name, place)


@pytest.mark.parametrize("attack", LOOK_ALIKE_NAMES.values(), ids=LOOK_ALIKE_NAMES.keys())
def test_no_look_alike_in_a_name_changes_how_the_turns_are_seen(attack):
    for format_name in (*KINDS, "vicuna"):
        for place in NAME_PLACES:
            assert_name_is_harmless(attack, format_name, place)
