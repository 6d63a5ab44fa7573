"""What is particular to each format; whole prompts are in test_vectors.py."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from bot.generation.special_strings import KNOWN_SPECIAL_STRINGS
from bot.prompting.formats.lengths import get_token_limit, write_length_sentence
from bot.prompting.formats.registry import FORMATS
from bot.prompting.prompt import LENGTH_WORDS, HeadParts, OpenTurn, Person, SegmentKind
from bot.prompting.untrusted import Neutraliser
from tests.prompting.making import FORMAT_NAMES, narrate, person_says, persona_says

LENGTHS = [None, *LENGTH_WORDS, "extreme"]
HEAD = HeadParts(
    persona_name="Mira",
    description="d",
    personality="p",
    scenario="s",
    system_prompt="",
    person=Person(name="Tomas", description="Tomas sails."),
)
MARKER = re.compile(r"### ?\w+|<\|[^|]+\|>|<</?SYS>>|</?\w+>|\[/?[A-Z_]+\]|\b[A-Z]{4,}:")


def write_open_turn(format_name, length_word, previous=None):
    return join(FORMATS[format_name].write_open_turn(mira(length_word), previous))


def mira(length_word=None, **given):
    return OpenTurn(name="Mira", length_word=length_word, **given)


def join(segments):
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


@pytest.mark.parametrize("word", LENGTHS)
def test_among_exchanges_a_sentence_is_the_end_of_what_people_say(word):
    sentence = f"\n\n({write_length_sentence(word)})" if word else ""
    open_turn = write_open_turn("mistral_v3", word, person_says("hi"))
    assert open_turn == f"{sentence}[/INST] Mira:"


NAMELESS = {"chatml_nameless", "alpaca_single", "alpaca_axolotl", "alpaca_stanford"}


@pytest.mark.parametrize("previous", [None, person_says("a"), persona_says("a"), narrate("a")])
@pytest.mark.parametrize("format_name", sorted({*FORMAT_NAMES} - NAMELESS))
def test_a_prompt_ends_in_a_name_and_a_colon_without_a_blank(format_name, previous):
    for word in ("medium", None):
        assert re.search(r"[\n \]>]Mira:$", write_open_turn(format_name, word, previous))


@pytest.mark.parametrize("format_name", sorted(NAMELESS))
def test_a_prompt_without_names_ends_in_its_header(format_name):
    text = write_open_turn(format_name, "medium", person_says("a"))
    assert re.search(r"(### Response:\n?|<\|im_start\|>assistant\n)$", text)


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
        ("llama2", ("</s>", "[INST]", "[/INST]", "\nAnn:", "\nBo:")),
        ("mistral_v7", ("</s>", "[INST]", "[/INST]", "\nAnn:", "\nBo:")),
        (
            "llama3",
            ("<|eot_id|>", "<|start_header_id|>", "<|end_of_text|>", "\nAnn:", "\nBo:"),
        ),
        ("gemma", ("<end_of_turn>", "<start_of_turn>", "\nAnn:", "\nBo:")),
        ("vicuna", ("</s>", "\nUSER:", "\nASSISTANT:", "\nAnn:", "\nBo:")),
        ("metharme", ("</s>", "<|user|>", "<|model|>", "\nAnn:", "\nBo:")),
        ("phi3", ("<|end|>", "<|user|>", "<|assistant|>", "\nAnn:", "\nBo:")),
        ("phi4", ("<|im_end|>", "<|im_start|>", "\nAnn:", "\nBo:")),
        ("command_r", ("<|END_OF_TURN_TOKEN|>", "<|START_OF_TURN_TOKEN|>", "\nAnn:", "\nBo:")),
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


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
def test_the_bare_marker_that_ends_a_turn_stops_a_reply(format_name):
    written = join(FORMATS[format_name].write_turn(persona_says("a"), person_says("b")))
    end = written.rpartition("a")[2].strip()
    assert not end or end in FORMATS[format_name].list_stop_sequences([])


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
def test_every_marker_is_one_that_people_cannot_write(format_name):
    prompt_format, turns = FORMATS[format_name], [person_says("a"), persona_says("b")] * 2
    safe = Neutraliser(
        special_strings=(*KNOWN_SPECIAL_STRINGS, *prompt_format.text_markers),
        line_headers=prompt_format.line_headers,
        persona_name="Mira",
    )
    segments = [*prompt_format.write_head(HEAD), *prompt_format.write_open_turn(mira("tiny"))]
    for previous, turn in pairwise([narrate("c"), *turns, narrate("c")]):
        segments += prompt_format.write_turn(turn, previous)
    markers = "".join(part.text for part in segments if part.kind is SegmentKind.CONTROL)
    for marker in MARKER.findall(markers):
        assert safe.utterance(f"x\n{marker}") != f"x\n{marker}"
        if not marker.startswith("###"):
            assert safe.utterance(f"x {marker}") != f"x {marker}"


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
def test_the_start_token_is_the_servers_to_add(format_name):
    text = join(FORMATS[format_name].write_head(HEAD))
    assert not any(start in text for start in ("<s>", "<bos>", "<|begin_of_text|>", "BOS_TOKEN"))


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        pytest.param([], "(The scene begins.)[/INST] Mira:", id="nothing-said"),
        pytest.param([person_says("a", "Ann")], "Ann: a[/INST] Mira:", id="a-person-first"),
        pytest.param([narrate("a")], "Narrator: a[/INST] Mira:", id="the-narrator-first"),
        pytest.param(
            [persona_says("a"), person_says("b", "Ann")],
            "(The scene begins.)[/INST] Mira: a</s>[INST] Ann: b[/INST] Mira:",
            id="a-greeting-first",
        ),
        pytest.param(
            [person_says("a", "Ann"), narrate("b"), person_says("c", "Bo")],
            "Ann: a\n\nNarrator: b\n\nBo: c[/INST] Mira:",
            id="neighbours",
        ),
        pytest.param(
            [person_says("a", "Ann"), persona_says("b"), persona_says("c")],
            "Ann: a[/INST] Mira: b\n\nMira: c</s>[INST] (Go on.)[/INST] Mira:",
            id="the-persona-twice-and-again",
        ),
        pytest.param(
            [
                replace(person_says("a", "Ann"), is_example=True),
                replace(persona_says("b"), is_example=True),
                persona_says("c"),
            ],
            "Ann: a[/INST] Mira: b</s>[INST] (The scene begins.)[/INST] Mira: c</s>"
            "[INST] (Go on.)[/INST] Mira:",
            id="a-greeting-after-examples",
        ),
    ],
)
def test_an_exchange_is_always_a_person_and_then_the_persona(turns, expected):
    prompt_format, text, previous = FORMATS["mistral_v3"], "", None
    for turn in turns:
        text += join(prompt_format.write_turn(turn, previous))
        previous = turn
    assert text + join(prompt_format.write_open_turn(mira(), previous)) == expected


def test_a_block_of_its_own_is_closed_before_the_first_exchange():
    first = join(FORMATS["mistral_v7"].write_turn(person_says("a", "Ann")))
    assert join(FORMATS["mistral_v7"].write_head(HEAD)).endswith(".[/SYSTEM_PROMPT]")
    assert first == "[INST] Ann: a"


@pytest.mark.parametrize("format_name", ["llama3", "gemma"])
def test_blanks_around_a_text_go_where_the_template_takes_them_off(format_name):
    previous = person_says("b")
    text = join(FORMATS[format_name].write_turn(persona_says("  a \n"), previous))
    assert text.removesuffix("<|eot_id|>").endswith("\nMira: a")


@pytest.mark.parametrize("format_name", ["limarp", "alpaca", "vicuna", "metharme"])
def test_every_header_that_a_format_writes_is_one_that_people_cannot(format_name):
    prompt_format = FORMATS[format_name]
    for turn in (person_says("a"), persona_says("a"), narrate("a")):
        header = prompt_format.write_turn(turn)[0].text
        assert header.startswith(prompt_format.line_headers)
