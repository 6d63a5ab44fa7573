"""What the demo model is trained on: the same text for a seed, in the right layout."""

# ruff: noqa: S311 (seeded text, nothing secret)

import itertools
import re
from collections import defaultdict
from random import Random

import pytest

from tools.demo_model.conversations import conversations, families
from tools.demo_model.grammar import ask, choose, fill, load, load_voices, sentences
from tools.demo_model.layout import Head, Line, render, render_lines
from tools.demo_model.replies import LENGTHS, Situation, compose
from tools.demo_model.worlds import BUNDLED_ITEMS, bundled_cast, random_cast

SAMPLES = list(itertools.islice(conversations(5), 300))
ANSWERS = [line.text for sample in SAMPLES for line in sample.lines if line.learn]

EXPECTED = """### Instruction:
Mira's Persona: Mira runs a tea house. calm

Tomas's Persona: Tomas sails.

Scenario: Tomas shelters from a storm.

Play the role of Mira. You must engage in a roleplaying chat with Tomas below this line. \
Do not write dialogues and narration for Tomas.

### Response:
Mira: "Wet out there?"

### Input:
Tomas: Soaked.

### Input:
Far away, a bell rings.

### Input:
Ana: Me too.

### Response: (length = short)
Mira: "Sit, both of you.\""""


def test_the_layout_is_limarp_v3() -> None:
    head = Head("Mira", "Tomas", "{{char}} runs a tea house.", "calm",
                "{{user}} shelters from a storm.", "{{user}} sails.")  # fmt: skip
    lines = [
        Line("persona", "Mira", '"Wet out there?"'),
        Line("person", "Tomas", "Soaked."),
        Line("narrator", "", "Far away, a bell rings."),
        Line("person", "Ana", "Me too."),
        Line("persona", "Mira", '"Sit, both of you."', learn=True),
    ]
    pieces = render(head, lines, "short")
    assert "".join(piece.text for piece in pieces) == EXPECTED
    assert pieces[0].text.endswith("(length = short)\nMira:")
    assert [piece.text for piece in pieces if piece.learn] == [' "Sit, both of you."']


def test_empty_parts_are_left_out_whole() -> None:
    text = "".join(piece.text for piece in render(Head("A", "B", "A is a cat."), [], None))
    assert text.startswith("### Instruction:\nA's Persona: A is a cat.\n\nPlay the role of A. ")


def test_only_the_open_turn_carries_the_length() -> None:
    lines = [Line("persona", "A", "x", learn=True), Line("persona", "A", "y", learn=True)]
    text = "".join(piece.text for piece in render_lines(lines, "tiny"))
    assert text == "\n\n### Response:\nA: x\n\n### Response: (length = tiny)\nA: y"


def test_the_same_seed_gives_the_same_text() -> None:
    again = itertools.islice(conversations(5), 300)
    assert [sample.text() for sample in again] == [sample.text() for sample in SAMPLES]
    assert next(conversations(6)).text() != SAMPLES[0].text()


def test_no_answer_says_a_sentence_twice() -> None:
    for answer in ANSWERS:
        said = [sentence.strip('"*').lower() for sentence in sentences(answer)]
        assert len(set(said)) == len(said), answer


def test_answers_are_clean() -> None:
    for answer in ANSWERS:
        assert answer
        assert not re.search(r"[{}\[\]|]|###| \.|\b[Aa] [aeiou]", answer), answer
        assert answer.count('"') % 2 == 0, answer
        assert answer.count("*") % 2 == 0, answer


def test_words_rise_with_the_length_word() -> None:
    rng = Random(3)
    counts: dict[str, list[int]] = defaultdict(list)
    for cast in [*map(bundled_cast, BUNDLED_ITEMS), *(random_cast(rng) for _ in range(6))]:
        for length, topic in itertools.product(LENGTHS, ("greet", "weather", "story")):
            answer = compose(cast, Situation(topic, "Ana"), length, rng)
            counts[length].append(len(answer.split()))
    means = [sum(counts[length]) / len(counts[length]) for length in LENGTHS]
    assert means == sorted(means)
    assert len(set(means)) == len(LENGTHS)


@pytest.mark.parametrize("stem", BUNDLED_ITEMS)
def test_a_bundled_persona_says_its_name_when_asked(stem: str) -> None:
    cast = bundled_cast(stem)
    answer = compose(cast, Situation("who", "Ana"), "short", Random(1))
    assert cast.name in answer


@pytest.mark.parametrize("stem", BUNDLED_ITEMS)
def test_a_bundled_voice_has_every_topic(stem: str) -> None:
    voice = load(stem)
    missing = [topic for topic in load("people") if not voice.get(topic, {}).get(">")]
    assert missing == []


def test_every_line_of_the_grammar_expands() -> None:
    voices = [sections for _, sections in load_voices().values()]
    for sections in [*map(load, [*BUNDLED_ITEMS, "common", "people", "openings"]), *voices]:
        for section in sections.values():
            for line in itertools.chain.from_iterable(section.values()):
                assert choose(line, Random(1))


def test_a_family_shares_its_beginning() -> None:
    family = next(families(2))
    assert len(family.branches) > 2
    assert family.one().text().startswith("".join(piece.text for piece in family.trunk()))


def test_alternatives_nest_and_an_open_bracket_is_an_error() -> None:
    assert {choose("[a|[b|c]]", Random(seed)) for seed in range(30)} == {"a", "b", "c"}
    with pytest.raises(ValueError, match="bracket"):
        choose("a]", Random(1))


def test_slots_get_capitals_and_articles() -> None:
    assert fill(
        "{Thing}? A {bare}, a {food}", {"thing": "an oar", "bare": "owl", "food": "bun"}
    ) == ("An oar? An owl, a bun")


def test_a_question_ends_in_a_question_mark() -> None:
    assert ask("Sit down. Would you like tea. It is hot.") == (
        "Sit down. Would you like tea? It is hot."
    )
