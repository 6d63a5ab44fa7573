import json
import random
import re
import time
from typing import Any

import pytest

from bot.prompting.macros import replace_macros
from tests.prompting.making import VECTORS

NAMES: dict[str, Any] = {"char": "Mira", "user": "Tomas"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{{char}} and {{user}}", "Mira and Tomas", id="braces"),
        pytest.param("<BOT>, <char> and <User>", "Mira, Mira and Tomas", id="angles"),
        pytest.param("{{CHAR}}{{User}}", "MiraTomas", id="any-case"),
        pytest.param("{{ char }} {char} {{chars}}", "{{ char }} {char} {{chars}}", id="unlike"),
        pytest.param("{{time}} {{random}} {{roll}}", "{{time}} {{random}} {{roll}}", id="unknown"),
        pytest.param("a{{comment: x}}b{{hidden_key:y}}c", "abc", id="silent"),
        pytest.param("a\n{{trim}}\r\nb{{noop}}{{newline}}c", "ab\nc", id="line-breaks"),
        pytest.param("{{roll:x}}{{roll:0}}{{roll:d1}}{{roll: 2d1+3}}", "15", id="dice"),
        pytest.param("{{reverse:{{user}} }}", " samoT", id="nested"),
        pytest.param("{{// {{char}}", "{{// Mira", id="unclosed"),
        pytest.param("a}} {{char}}", "a}} Mira", id="unopened"),
        pytest.param("<GROUP>{{group}}", "MiraMira", id="group"),
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


def test_without_an_original_its_macro_stays_as_written():
    assert replace_macros("a{{original}}b", **NAMES) == "a{{original}}b"


def test_chance_is_the_same_for_the_same_text_and_another_one_where_it_may_be():
    text = "{{random:a,b,c,d}}{{random::e::f::g}}{{pick:h,i,j}}{{roll:1000}}"
    first = replace_macros(text, **NAMES)
    assert first == replace_macros(text, **NAMES)
    assert re.fullmatch(r"[a-d][e-g][h-j]\d+", first)
    drawn = {replace_macros(text, **NAMES, chance=random.Random(n)) for n in range(20)}  # noqa: S311
    assert len(drawn) > 5


def test_what_a_name_says_is_no_macro_and_no_separator():
    assert replace_macros("{{reverse:{{user}}}}", char="a", user="{{char}}") == "}}rahc{{"
    assert replace_macros("{{comment:{{user}}}}x", char="a", user="}}y{{") == "x"


def test_a_text_of_open_braces_takes_no_time():
    text = "{{" * 200_000 + "{{char}}" + "}}" * 10
    assert replace_macros(text, **NAMES).startswith("{{{{")


def test_fifty_macros_in_one_another_are_looked_at_and_deeper_ones_stay_as_written():
    fifty = "{{reverse:" * 50
    assert replace_macros(f"{fifty}ab{'}}' * 50}", **NAMES) == "ab"
    deeper = replace_macros(f"{fifty}{{{{char}}}}{'}}' * 50}|{{{{char}}}}", **NAMES)
    assert deeper == "{{char}}|Mira"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{{a" * 40_000 + "}}" * 40_000, id="unknown"),
        pytest.param("{{reverse:a" * 15_000 + "}}" * 15_000, id="reverse"),
        pytest.param("{{random:a,b" * 14_000 + "}}" * 14_000, id="random"),
        pytest.param("a\n{{trim}}" * 20_000, id="trim"),
        pytest.param("{{roll:999d999999}}" * 10_000, id="dice"),
        pytest.param("<char>}}{{" * 20_000, id="names-and-braces"),
    ],
)
def test_no_card_of_200_kilobytes_takes_long(text):
    started = time.monotonic()
    replace_macros(text, **NAMES)
    assert time.monotonic() - started < 2


@pytest.mark.skipif(not VECTORS.is_file(), reason=f"{VECTORS} is not here")
def test_every_published_result_holds():
    cases = json.loads(VECTORS.read_text(encoding="utf-8"))["macros"]
    assert len(cases) == 12
    assert {case["in"]: replace_macros(case["in"], **NAMES) for case in cases} == {
        case["in"]: case["out"] for case in cases
    }
