"""Our own extension in a card: how its persona is sampled."""

from typing import Any

import pytest

from personas.cards.specs.tavern import persona_from_object


def read(extensions: object):
    data: dict[str, Any] = {"name": "Orrin", "extensions": extensions}
    card = {"spec": "chara_card_v2", "spec_version": "2.0", "data": data}
    return persona_from_object(card, source="orrin.json", key="orrin")


def test_it_is_taken_as_it_is_written():
    sampler = {"temperature": "hot", "top_k": 3}
    persona = read({"troupe": {"sampler": sampler}, "other": 1})
    assert persona.sampler == sampler
    assert persona.warnings == ()


@pytest.mark.parametrize("extensions", [None, [], {}, {"troupe": 1}, {"troupe": {"sampler": None}}])
def test_most_cards_have_none(extensions: object):
    persona = read(extensions)
    assert persona.sampler == {}
    assert persona.warnings == ()


@pytest.mark.parametrize(
    ("value", "what"), [([1], "a list"), ("hot", "a text"), (True, "true or false")]
)
def test_what_is_no_object_is_left_out_with_a_warning(value: object, what: str):
    persona = read({"troupe": {"sampler": value}})
    assert persona.sampler == {}
    (warning,) = persona.warnings
    assert warning.startswith(f"`extensions.troupe.sampler` is {what}; it is left out")
    assert '{"temperature": 0.9}' in warning


def test_a_flood_of_fields_is_left_out():
    persona = read({"troupe": {"sampler": {str(number): 1 for number in range(101)}}})
    assert persona.sampler == {}
    assert len(persona.warnings) == 1
