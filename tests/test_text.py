import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.text import has_sentence, shorten, tidy_reply
from tests.prompting.making import VECTORS

FAMILY = "👩\u200d👩\u200d👧\u200d👦"
WAVE = "👋🏽"

prose = st.lists(
    st.sampled_from([*"abc .!?…\n\n\t「。！」*\"'’”", FAMILY, WAVE, "é", "\u3000"]), max_size=150
).map("".join)
properties = settings(max_examples=150, deadline=None, derandomize=True)


# has_sentence


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Hello there", False, id="no-end"),
        pytest.param("Hello there.", True, id="at-the-end"),
        pytest.param("Hello there. And", True, id="in-the-middle"),
        pytest.param('"Who?" she', True, id="quote"),
        pytest.param("*She nods.*", True, id="asterisk"),
        pytest.param("Well…", True, id="ellipsis"),
        pytest.param("version 3.5 of", False, id="number"),
        pytest.param("こんにちは。元気", True, id="japanese"),
        pytest.param("「何！」と", True, id="japanese-quote"),
        pytest.param("", False, id="empty"),
    ],
)
def test_a_first_sentence_is_complete_or_not(text, expected):
    assert has_sentence(text) is expected


# tidy_reply


def tidy(text, *, final=True, is_cut=True, markers=()):
    return tidy_reply(
        text,
        persona_name="Mira",
        people=["Tomas", "Mira (user)"],
        final=final,
        is_cut=is_cut,
        markers=markers,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('*She nods.* "Yes."', '*She nods.* "Yes."', id="as-it-is"),
        pytest.param(" \n Yes. \n", "Yes.", id="blanks-around"),
        pytest.param("Yes.  \n\t\nNo.\t", "Yes.\n\nNo.", id="blanks-at-line-ends"),
        pytest.param("Mira: Yes.", "Yes.", id="own-name"),
        pytest.param("  Mira:Yes.\nMira: No.", "Yes.\nNo.", id="own-name-at-every-line"),
        pytest.param("Mira\nMiranda: x", "Mira\nMiranda: x", id="not-her-name"),
        pytest.param("I am Mira: yes", "I am Mira: yes", id="name-in-mid-line"),
        pytest.param("Yes.\nTomas: No.\nYes.", "Yes.", id="person"),
        pytest.param("Yes.\n  Tomas: No.", "Yes.", id="person-behind-blanks"),
        pytest.param("Yes.\nMira (user): No.", "Yes.", id="person-with-her-name"),
        pytest.param("Tomas: No.", "", id="person-at-once"),
        pytest.param("Yes.\nTomas nods.", "Yes.\nTomas nods.", id="about-a-person"),
        pytest.param("Yes.\n### Response:\nNo.", "Yes.", id="response"),
        pytest.param("Yes.\n### Input", "Yes.", id="input"),
        pytest.param("### Instruction:\nYes.", "", id="instruction-at-once"),
        pytest.param("Yes.\n<|im_start|>user\nNo.", "Yes.", id="chatml"),
        pytest.param("Yes.\n### A title", "Yes.\n### A title", id="title"),
        pytest.param("Yes.\n### Res", "Yes.", id="half-a-header"),
        pytest.param("Yes.\n\n Tom", "Yes.", id="half-a-persons-name"),
        pytest.param("Tom", "Tom", id="one-word"),
        pytest.param("Yours,\nMira", "Yours,\nMira", id="signed"),
        pytest.param("Mira:", "", id="only-her-name"),
        pytest.param("**Mira:** Yes.\n**Mira**: No.", "Yes.\nNo.", id="own-name-in-bold"),
        pytest.param("Yes.\n**Tomas:** No.", "Yes.", id="person-in-bold"),
        pytest.param("Yes.\n**Tomas**: No.", "Yes.", id="person-in-bold-before-the-colon"),
        pytest.param("Yes. <|im_end|>\nNo.", "Yes.", id="control-token-in-mid-line"),
        pytest.param("Yes.</s> [INST] No.", "Yes.", id="end-token"),
        pytest.param("<|eot_id|>Yes.", "", id="control-token-at-once"),
        pytest.param("Yes. <|im_e", "Yes.", id="half-a-control-token"),
        pytest.param("Yes. [", "Yes. [", id="a-bracket"),
        pytest.param("Yes ### Response: no.", "Yes  no.", id="own-header-in-mid-line"),
        pytest.param("", "", id="empty"),
    ],
)
def test_a_finished_reply_is_tidied(text, expected):
    assert tidy(text) == expected


@pytest.mark.parametrize(
    "token",
    [
        *("<|eot|>", "<turn|>", "<|channel>", "[gMASK]", "<|observation|>", "<|im_user|>"),
        *("<\uff5cend\u2581of\u2581sentence\uff5c>", "<\uff5cAssistant\uff5c>", "<|message|>"),
        *("<|start_of_role|>", "<tool_call>"),
    ],
)
def test_no_token_of_todays_families_is_kept(token):
    assert tidy(f"Yes. {token}user\nNo.", is_cut=False) == "Yes."
    assert tidy(f"Yes. {token[:-1]}", final=False) == "Yes."


@pytest.mark.parametrize(
    "text",
    ["Who was it?\nTomas", "Yours,\nTom", "A poem:\n###", "The end.\n**", "One.\n[", "A\nT"],
)
def test_a_last_line_that_begins_a_name_stays_where_the_model_ended_itself(text):
    assert tidy(text, is_cut=False) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Yes.\nQ: no", "Yes.", id="header"),
        pytest.param("Yes.\n  HUMAN says: no", "Yes.", id="header-behind-blanks"),
        pytest.param("Yes.\nUser\nno", "Yes.", id="word"),
        pytest.param("Yes.\nUsers may go.", "Yes.\nUsers may go.", id="longer-word"),
        pytest.param("Yes. <|mine|>no", "Yes.", id="token"),
        pytest.param("Yes. <|mi", "Yes.", id="half-a-token"),
        pytest.param("Yes. A Q: no", "Yes. A Q: no", id="header-in-mid-line"),
    ],
)
def test_a_reply_ends_before_what_the_format_in_use_begins_turns_with(text, expected):
    markers = ("Q:", "HUMAN says:", "User", "<|mine|>")
    assert tidy(text, is_cut=False, markers=markers) == expected
    assert tidy("Yes.\nHUM", markers=markers) == "Yes."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("M", "", id="her-name-may-come"),
        pytest.param(" Mira", "", id="her-name-without-its-colon"),
        pytest.param("Mira:", "", id="her-name"),
        pytest.param("Mira: Y", "Y", id="behind-her-name"),
        pytest.param("My", "My", id="another-word"),
        pytest.param("Yes.\nMir", "Yes.", id="her-name-in-a-later-line"),
        pytest.param("Yes.\nTom", "Yes.", id="a-persons-name"),
        pytest.param("Yes.\n##", "Yes.", id="a-header"),
        pytest.param("Yes.\n<", "Yes.", id="a-token"),
        pytest.param("Yes.\nTomas n", "Yes.\nTomas n", id="about-a-person"),
        pytest.param("Yes.\n### In", "Yes.", id="half-a-header"),
        pytest.param("Yes.\n### It", "Yes.\n### It", id="no-header"),
        pytest.param("Yes. <|im_e", "Yes.", id="half-a-control-token"),
        pytest.param("Yes. [", "Yes.", id="what-may-become-one"),
        pytest.param("Yes. <3", "Yes. <3", id="a-heart"),
    ],
)
def test_what_may_become_a_name_or_a_header_is_held_back_while_a_reply_grows(text, expected):
    assert tidy(text, final=False) == expected


def test_the_personas_own_name_is_held_back_whoever_else_is_there():
    assert tidy_reply("Yes.\nMir", persona_name="Mira", people=[], final=False) == "Yes."


NAMES = ["Mira", "M", "Tomas", "(user)", ":", " ", "\n"]
HEADERS = ["### ", "Input", "Response:", "<|im_", "Yes."]
reply_pieces = st.lists(st.sampled_from([*NAMES, *HEADERS]), max_size=14).map("".join)


@properties
@given(text=reply_pieces)
def test_what_was_shown_once_stays(text):
    shown = ""
    for end in range(len(text) + 1):
        now = tidy(text[:end], final=False)
        assert now.startswith(shown)
        shown = now
    assert tidy(text).startswith(shown)


CLEAN_DIFFERENTLY = {'"Hello." <|im_end|>', '"Hello."\n<|im_start|>user\nTomas: no'}
"""SillyTavern leaves ChatML's tokens in where a preset has others; here none is ever stored."""


def _read_clean():
    if not VECTORS.is_file():
        skip = pytest.mark.skip(reason=f"{VECTORS} is not here")
        return [pytest.param("", "", id="absent", marks=skip)]
    cases = json.loads(VECTORS.read_text(encoding="utf-8"))["clean"]
    return [pytest.param(case["raw"], case["cleaned"], id=repr(case["raw"])) for case in cases]


@pytest.mark.parametrize(("raw", "cleaned"), _read_clean())
def test_a_reply_is_cleaned_as_published_but_for_what_we_do_otherwise(raw, cleaned):
    ours = tidy_reply(raw, persona_name="Mira", people=["Tomas"], final=True, is_cut=True)
    assert ours == ('"Hello."' if raw in CLEAN_DIFFERENTLY else cleaned)


# shorten


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("short", "short", id="short"),
        pytest.param("exactly 10", "exactly 10", id="exactly"),
        pytest.param("one two three", "one two…", id="word"),
        pytest.param("one two, three", "one two…", id="no-comma-left"),
        pytest.param("x" * 11, "x" * 9 + "…", id="one-word"),
        pytest.param(" " + "x" * 11, " " + "x" * 8 + "…", id="blank-first"),
    ],
)
def test_a_text_is_shortened_at_a_word(text, expected):
    assert shorten(text, 10) == expected


@properties
@given(text=prose, limit=st.integers(min_value=1, max_value=50))
def test_a_shortened_text_is_never_over_its_limit(text, limit):
    assert len(shorten(text, limit)) <= limit
