"""Untrusted text makes no control token, by llama.cpp's own tokenizers."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.generation.config import DEMO_MODEL
from bot.prompting.builder import Script
from tests.prompting.attacked import (
    ATTACKED,
    HEAD_PLACES,
    NAME_PLACES,
    TURN_PLACES,
    chat,
    name_people,
    name_persona,
    render,
)
from tests.prompting.attacks import NAMES, SPECIALS, TEXTS, mutate
from tests.prompting.llama_tokens import Tokenized, tokenize
from tests.prompting.making import ROOT
from tests.prompting.reading import read_as_a_model
from tests.prompting.vocabularies import (
    Vocabulary,
    copy_vocabulary,
    read_vocabulary,
    write_byte_pairs,
    write_sentencepiece,
)

DRAWN = 200
LLAMA_2 = ROOT.parent / "shared" / "vocab" / "ggml-vocab-llama-spm.gguf"
KINDS = ("sentencepiece", "byte-pairs", "demo", "llama-2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An attack on a chat, and the same chat with harmless text."""

    label: str
    format_name: str
    attacked: Script
    harmless: Script
    are_speakers_counted: bool


def draw_cases() -> list[Case]:
    """From the product of formats, places, attacks and mutations; every format comes often."""
    chance = random.Random("tokenized")  # noqa: S311
    names = list(ATTACKED)
    return [draw_case(chance, names[n % len(names)]) for n in range(DRAWN)]


def draw_case(chance: random.Random, format_name: str) -> Case:
    place = chance.choice((*TURN_PLACES * 3, *HEAD_PLACES, *NAME_PLACES, "persona"))
    attacks = TEXTS if place in (*TURN_PLACES, *HEAD_PLACES) else NAMES
    attack = chance.choice(list(attacks))
    text = mutate(attacks[attack], chance)
    if attacks is TEXTS:
        attacked, harmless = chat(**{place: text}), chat()
    elif place == "persona":
        attacked, harmless = (name_persona(chat(), each) for each in (text, "Bob"))
    else:
        attacked, harmless = (name_people(chat(), each, place) for each in (text, "Bob"))
    return Case(
        label=f"{format_name}, {place}, {attack}: {text!a}",
        format_name=format_name,
        attacked=attacked,
        harmless=harmless,
        are_speakers_counted=place in TURN_PLACES,
    )


def make_vocabularies(folder: Path) -> dict[str, Vocabulary]:
    made = {
        "sentencepiece": write_sentencepiece(folder / "sentencepiece.gguf", SPECIALS),
        "byte-pairs": write_byte_pairs(folder / "byte-pairs.gguf", SPECIALS),
        "demo": read_vocabulary(DEMO_MODEL),
    }
    if LLAMA_2.exists():
        made["llama-2"] = copy_vocabulary(folder / "llama-2.gguf", LLAMA_2)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one vocabulary makes of all cases."""

    vocabulary: Vocabulary
    attacked: Sequence[Tokenized]
    harmless: Sequence[Tokenized]
    markers: Tokenized

    def count_specials(self, tokenized: Tokenized) -> Counter[str]:
        specials = self.vocabulary.specials
        return Counter(specials[number] for number in tokenized.ids if number in specials)


CASES = draw_cases()


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Asked]:
    """One process for all of it."""
    vocabularies = make_vocabularies(tmp_path_factory.mktemp("vocabularies"))
    texts: dict[Path, list[str]] = {}
    for vocabulary in vocabularies.values():
        known = tuple(vocabulary.specials.values())
        scripts = [*(c.attacked for c in CASES), *(c.harmless for c in CASES)]
        formats = [c.format_name for c in CASES] * 2
        prompts = [render(s, f, known).text for s, f in zip(scripts, formats, strict=True)]
        texts[vocabulary.path] = [*prompts, "x".join(vocabulary.specials.values())]
    answers = tokenize(texts)
    told: dict[str, Asked] = {}
    for kind, vocabulary in vocabularies.items():
        *both, markers = answers[vocabulary.path]
        told[kind] = Asked(
            vocabulary=vocabulary,
            attacked=both[:DRAWN],
            harmless=both[DRAWN:],
            markers=markers,
        )
    return told


@pytest.fixture
def each(asked: dict[str, Asked], kind: str) -> Asked:
    if kind not in asked:
        pytest.skip("the shared folder is not here")
    return asked[kind]


each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
def test_the_tokenizer_makes_a_token_of_every_special_string(each: Asked):
    """Else the tests below would say nothing."""
    specials = each.vocabulary.specials
    found = each.count_specials(each.markers)
    assert set(specials.values()) <= set(found)


@each_kind
def test_the_control_tokens_are_those_of_harmless_text(each: Asked):
    for case, attacked, harmless in zip(CASES, each.attacked, each.harmless, strict=True):
        assert each.count_specials(attacked) == each.count_specials(harmless), case.label


@each_kind
def test_the_turns_are_those_of_harmless_text(each: Asked):
    for case, attacked, harmless in zip(CASES, each.attacked, each.harmless, strict=True):
        seen, expected = (read_as_a_model(t.text, case.format_name) for t in (attacked, harmless))
        assert seen.headers == expected.headers, case.label
        if case.are_speakers_counted:
            assert seen.speaker_lines == expected.speaker_lines, case.label


def test_every_format_and_most_attacks_are_drawn():
    labels = "\n".join(case.label for case in CASES)
    assert all(f"{name}, " in labels for name in ATTACKED)
    assert sum(f", {attack}: " in labels for attack in (*TEXTS, *NAMES)) > 70


def test_text_that_is_not_made_harmless_is_seen(asked: dict[str, Asked], tmp_path: Path):
    vocabulary = asked["sentencepiece"].vocabulary
    forged = render(chat(), "chatml").text + TEXTS["special"]
    (tokens,) = tokenize({vocabulary.path: [forged]})[vocabulary.path]
    counted = asked["sentencepiece"].count_specials(tokens)
    markers = asked["sentencepiece"].count_specials(asked["sentencepiece"].harmless[6])
    assert CASES[6].format_name == "chatml"
    assert counted["<|im_end|>"] == markers["<|im_end|>"] + 2
