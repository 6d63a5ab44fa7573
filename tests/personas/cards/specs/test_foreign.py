"""Cards of other programs, brought to the fields of V2."""

from typing import Any

import pytest

from personas.cards.specs.tavern import persona_from_object
from personas.persona import Persona


def read(card: object) -> Persona:
    return persona_from_object(card, source="card.json", key="orrin")


def said(persona: Persona) -> dict[str, str]:
    """What the persona's main texts are, without the empty ones."""
    fields = ("name", "description", "personality", "scenario", "greeting", "example_dialogue")
    return {field: text for field in fields if (text := getattr(persona, field))}


@pytest.mark.parametrize(
    ("card", "kind", "texts"),
    [
        pytest.param(
            {
                "char_name": "Orrin",
                "char_persona": "p",
                "char_greeting": "g",
                "world_scenario": "s",
                "example_dialogue": "e",
            },
            "pygmalion",
            {"description": "p", "scenario": "s", "greeting": "g", "example_dialogue": "e"},
            id="pygmalion",
        ),
        pytest.param(
            {
                "char_name": "Orrin",
                "char_persona": "p",
                "name": "Orrin",
                "description": "p",
                "personality": "brave",
                "first_mes": "g",
            },
            "pygmalion",
            {"description": "p", "personality": "brave", "greeting": "g"},
            id="pygmalion-with-v1-beside-it",
        ),
        pytest.param(
            {"char_name": "Orrin", "char_persona": "p, brave", "personality": "brave"},
            "pygmalion",
            {"description": "p, brave"},
            id="pygmalion-personality-said-already",
        ),
        pytest.param(
            {"char_name": "Orrin", "context": "c"},
            "pygmalion",
            {"description": "c"},
            id="oobabot-context",
        ),
        pytest.param(
            {"char_name": "", "name": "Orrin", "description": "d"},
            "pygmalion",
            {"description": "d"},
            id="oobabot-name",
        ),
        pytest.param(
            {"name": "Orrin", "context": "c", "greeting": "g", "example_dialogue": "e"},
            "ooba",
            {"description": "c", "greeting": "g", "example_dialogue": "e"},
            id="ooba",
        ),
        pytest.param(
            {"<|bot|>": "Orrin", "context": "c", "<|user|>": "You"},
            "ooba",
            {"description": "c"},
            id="ooba-bot",
        ),
        pytest.param(
            {
                "name": "Orrin",
                "description": "d",
                "personality": "p",
                "world_scenario": "s",
                "first_mes": "g",
                "mes_example": "e",
            },
            "v1",
            {
                "description": "d",
                "personality": "p",
                "scenario": "s",
                "greeting": "g",
                "example_dialogue": "e",
            },
            id="alpaca-roleplay-discordbot",
        ),
        pytest.param(
            {
                "name": "Orrin",
                "description": "d",
                "personality": "p",
                "scenario": "s",
                "first_message": "g",
                "example_dialogs": "e",
            },
            "janitorai",
            {
                "description": "d",
                "personality": "p",
                "scenario": "s",
                "greeting": "g",
                "example_dialogue": "e",
            },
            id="janitorai",
        ),
        pytest.param(
            {"name": "Orrin", "first_mes": "", "first_message": "other"},
            "janitorai",
            {},
            id="a-field-that-is-there-is-not-replaced",
        ),
    ],
)
def test_a_card_of_another_program_is_read(card: Any, kind: str, texts: dict[str, str]):
    persona = read(card)
    assert persona.kind == kind
    assert said(persona) == {"name": "Orrin", **texts}
    assert persona.card == card


def agnai(**fields: object) -> dict[str, Any]:
    return {"kind": "character", "name": "Orrin", "description": "notes", **fields}


def test_an_agnai_character_is_read():
    persona = read(
        agnai(
            persona={"kind": "text", "attributes": {"text": ["An automaton."]}},
            scenario="s",
            greeting="g",
            sampleChat="e",
            systemPrompt="sys",
            postHistoryInstructions="post",
            alternateGreetings=["h"],
            tags=["brass"],
        )
    )
    assert persona.kind == "agnai"
    assert (persona.description, persona.creator_notes) == ("An automaton.", "notes")
    assert (persona.scenario, persona.greeting, persona.example_dialogue) == ("s", "g", "e")
    assert (persona.system_prompt, persona.post_history_instructions) == ("sys", "post")
    assert (persona.alternate_greetings, persona.tags) == (("h",), ("brass",))


@pytest.mark.parametrize(
    ("kind", "description"),
    [
        pytest.param("wpp", '[character("Orrin") {\nspecies("automaton" + "brass")\n}]', id="wpp"),
        pytest.param("sbf", '[ character: "Orrin"; species: "automaton", "brass" ]', id="sbf"),
        pytest.param("boostyle", "Orrin + automaton + brass", id="boostyle"),
        pytest.param("attributes", "species: automaton, brass", id="attributes"),
    ],
)
def test_an_agnai_persona_is_written_as_agnai_does(kind: str, description: str):
    persona = {"kind": kind, "attributes": {"species": ["automaton", "brass"]}}
    assert read(agnai(persona=persona)).description == description


def test_an_agnai_character_is_told_without_its_kind():
    persona = read({"name": "Orrin", "persona": "plain", "sampleChat": "", "scenario": ""})
    assert (persona.kind, persona.description) == ("agnai", "plain")


def test_agnai_memory_becomes_lore():
    book = {
        "kind": "memory",
        "name": "Stores",
        "entries": [
            {"keywords": ["candle"], "entry": "41.", "priority": 3, "weight": 7, "enabled": False}
        ],
    }
    lorebook = read(agnai(persona={}, characterBook=book)).lorebook
    assert lorebook is not None
    (entry,) = lorebook.entries
    assert (lorebook.name, entry.keys, entry.content) == ("Stores", ("candle",), "41.")
    assert (entry.priority, entry.insertion_order, entry.is_enabled) == (3, 7, False)
