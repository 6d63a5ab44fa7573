"""What is particular to each format; whole prompts are in test_vectors.py."""

import pytest

from bot.prompting.formats.detect import FORMATS
from bot.prompting.formats.lengths import get_token_limit, write_length_sentence
from bot.prompting.prompt import LENGTH_WORDS, SegmentKind
from tests.prompting.making import FORMAT_NAMES, narrate, person_says, persona_says

LENGTHS = [None, *LENGTH_WORDS, "extreme"]


def write_open_turn(format_name, length_word):
    segments = FORMATS[format_name].write_open_turn("Mira", length_word)
    return "".join(segment.text for segment in segments)


@pytest.mark.parametrize("word", LENGTHS)
def test_limarp_has_the_length_word_on_the_header_of_the_open_turn(word):
    length = f" (length = {word})" if word else ""
    assert write_open_turn("limarp", word) == f"### Response:{length}\nMira:"


@pytest.mark.parametrize("word", LENGTHS)
def test_alpaca_has_a_sentence_before_the_open_turn(word):
    sentence = f"### Input:\n{write_length_sentence(word)}\n\n" if word else ""
    assert write_open_turn("alpaca", word) == f"{sentence}### Response:\nMira:"


@pytest.mark.parametrize("word", LENGTHS)
def test_chatml_has_a_sentence_before_the_open_turn(word):
    system = f"<|im_start|>system\n{write_length_sentence(word)}<|im_end|>\n" if word else ""
    assert write_open_turn("chatml", word) == f"{system}<|im_start|>assistant\nMira:"


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
def test_a_prompt_ends_in_a_name_and_a_colon_without_a_blank(format_name):
    assert write_open_turn(format_name, "medium").endswith("\nMira:")


def test_longer_words_have_higher_token_limits():
    limits = [get_token_limit(word) for word in LENGTH_WORDS]
    assert limits == sorted(set(limits))
    assert get_token_limit("humongous") < get_token_limit("extreme") < get_token_limit("unlimited")
    assert get_token_limit("medium") < get_token_limit(None) < get_token_limit("massive")


def test_every_length_word_has_a_sentence_of_its_own():
    sentences = [write_length_sentence(word) for word in (*LENGTH_WORDS, "extreme")]
    assert len(set(sentences)) == len(sentences) == 11
    assert all(text.startswith("Write the next reply") and text[-1] == "." for text in sentences)


@pytest.mark.parametrize(
    ("format_name", "expected"),
    [
        ("limarp", ("\n### Input", "\n### Response", "\n### Instruction", "\nAnn:", "\nBo:")),
        ("alpaca", ("\n### Instruction", "\n### Input", "\n### Response", "\nAnn:", "\nBo:")),
        ("chatml", ("<|im_end|>", "<|im_start|>", "\nAnn:", "\nBo:")),
    ],
)
def test_a_reply_stops_at_headers_and_people(format_name, expected):
    assert FORMATS[format_name].list_stop_sequences(["Ann", "Bo", "Ann"]) == expected


@pytest.mark.parametrize(
    ("format_name", "turn", "expected"),
    [
        ("limarp", person_says("a", name="Ann"), "### Input:\nAnn: a\n\n"),
        ("limarp", persona_says("a"), "### Response:\nMira: a\n\n"),
        ("limarp", narrate("a"), "### Input:\na\n\n"),
        ("alpaca", person_says("a", name="Ann"), "### Instruction:\nAnn: a\n\n"),
        ("alpaca", persona_says("a"), "### Response:\nMira: a\n\n"),
        ("alpaca", narrate("a"), "### Input:\na\n\n"),
        ("chatml", person_says("a", name="Ann"), "<|im_start|>user\nAnn: a<|im_end|>\n"),
        ("chatml", persona_says("a"), "<|im_start|>assistant\nMira: a<|im_end|>\n"),
        ("chatml", narrate("a"), "<|im_start|>system\na<|im_end|>\n"),
    ],
)
def test_a_turn_stands_between_its_markers_and_its_words_are_untrusted(format_name, turn, expected):
    segments = FORMATS[format_name].write_turn(turn)
    assert "".join(segment.text for segment in segments) == expected
    untrusted = [part.text for part in segments if part.kind is SegmentKind.UNTRUSTED]
    assert untrusted == [text for text in (turn.name, turn.text) if text]


@pytest.mark.parametrize("format_name", ["limarp", "alpaca"])
def test_every_header_that_a_format_writes_is_one_that_people_cannot(format_name):
    prompt_format = FORMATS[format_name]
    for turn in (person_says("a"), persona_says("a"), narrate("a")):
        header = prompt_format.write_turn(turn)[0].text
        assert header.startswith(prompt_format.line_headers)
