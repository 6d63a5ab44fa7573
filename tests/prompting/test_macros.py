import json

import pytest

from bot.prompting.macros import replace_macros
from tests.prompting.making import VECTORS

NAMES = {"char": "Mira", "user": "Tomas"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{{char}} and {{user}}", "Mira and Tomas", id="braces"),
        pytest.param("<BOT>, <char> and <User>", "Mira, Mira and Tomas", id="angles"),
        pytest.param("{{CHAR}}{{User}}", "MiraTomas", id="any-case"),
        pytest.param("{{ char }} {char} {{chars}}", "{{ char }} {char} {{chars}}", id="unlike"),
        pytest.param("{{random:a,b}} {{// x}}", "{{random:a,b}} {{// x}}", id="unknown"),
        pytest.param("{{persona}}{{description}}", "{{persona}}{{description}}", id="hidden-text"),
        pytest.param("{{{char}}}", "{Mira}", id="in-braces"),
        pytest.param("", "", id="empty"),
    ],
)
def test_names_take_the_place_of_their_macros(text, expected):
    assert replace_macros(text, **NAMES) == expected


def test_a_name_that_is_a_macro_is_not_replaced_again():
    assert replace_macros("{{char}}", char="{{user}}", user="{{char}}") == "{{user}}"
    assert replace_macros("<USER>", char="a", user="<BOT>\\1\\g<0>") == "<BOT>\\1\\g<0>"


def test_the_original_is_given_once():
    text = replace_macros("{{original}}|{{ORIGINAL}}|{{char}}", **NAMES, original="Be kind.")
    assert text == "Be kind.||Mira"


def test_without_an_original_its_macro_gives_nothing():
    assert replace_macros("a{{original}}b", **NAMES) == "ab"


@pytest.mark.skipif(not VECTORS.is_file(), reason=f"{VECTORS} is not here")
def test_the_published_results_hold_for_the_macros_that_we_know():
    # Dice, chance, reversal, trimming and comments are SillyTavern's own; `{{original}}` gives
    # nothing in SillyTavern's sense only inside a system prompt.
    ours = {"{{char}} and {{user}}", "{{unknown}}", "{{ char }}"}
    cases = {
        case["in"]: case["out"]
        for case in json.loads(VECTORS.read_text(encoding="utf-8"))["macros"]
    }
    assert {text: replace_macros(text, **NAMES) for text in ours} == {t: cases[t] for t in ours}
