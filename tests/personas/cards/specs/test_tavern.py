import json
from collections.abc import Callable
from typing import Any

import pytest

from personas.cards.specs.tavern import persona_from_object
from personas.errors import InvalidCardError
from personas.persona import Persona


def read(card: object) -> Persona:
    return persona_from_object(card, source="card.json", key="orrin")


def refusal_of(call: Callable[[], object]) -> InvalidCardError:
    with pytest.raises(InvalidCardError) as caught:
        call()
    assert caught.value.source == "card.json"
    assert caught.value.remedy
    return caught.value


def v2(**fields: object) -> dict[str, Any]:
    return {"spec": "chara_card_v2", "spec_version": "2.0", "data": {"name": "Orrin", **fields}}


def test_every_field_comes_from_its_place_in_the_card():
    persona = read(
        v2(
            nickname="1",
            description="2",
            personality="3",
            scenario="4",
            first_mes="5",
            alternate_greetings=["6", "7"],
            mes_example="8",
            system_prompt="9",
            post_history_instructions="10",
            creator_notes="11",
            creator="12",
            tags=["13"],
        )
    )
    assert persona == Persona(
        key="orrin",
        name="Orrin",
        nickname="1",
        description="2",
        personality="3",
        scenario="4",
        greeting="5",
        alternate_greetings=("6", "7"),
        example_dialogue="8",
        system_prompt="9",
        post_history_instructions="10",
        creator_notes="11",
        creator="12",
        tags=("13",),
        kind="v2",
    )


@pytest.mark.parametrize(
    ("card", "kind"),
    [
        pytest.param({"name": "Orrin", "first_mes": ""}, "v1", id="v1"),
        pytest.param(v2(), "v2", id="v2"),
        pytest.param({**v2(), "spec": "chara_card_v3"}, "v3", id="v3"),
        pytest.param({**v2(), "spec": " Chara_Card_V2 "}, "v2", id="spec-in-other-case"),
        pytest.param({"data": {"name": "Orrin"}}, "v2", id="data-without-spec"),
        pytest.param({"spec": None, "data": {"name": "Orrin"}}, "v2", id="spec-null"),
        pytest.param({"spec": "chara_card_v2", "name": "Orrin"}, "v2", id="spec-without-data"),
        pytest.param(
            {"name": "Orrin", "scenario": "", "data": {}}, "v1", id="v1-with-unrelated-data"
        ),
        pytest.param(
            {"name": "Orrin", "first_mes": "", "entries": []}, "v1", id="v1-with-foreign-entries"
        ),
        pytest.param({"spec": "chara_card_v3", "data": {"name": "Orrin"}}, "v3", id="no-version"),
        pytest.param({**v2(), "spec_version": [1]}, "v2", id="version-is-a-list"),
        pytest.param({**v2(), "spec_version": "new"}, "v2", id="version-is-a-word"),
        pytest.param({**v2(), "spec_version": 10**400}, "v2", id="version-is-huge"),
    ],
)
def test_the_form_is_told_by_content(card: object, kind: str):
    persona = read(card)
    assert (persona.kind, persona.name) == (kind, "Orrin")


def test_v1_fields_at_the_root_are_ignored_beside_data():
    card = {**v2(description="inside"), "name": "Outside", "description": "o", "personality": "o"}
    persona = read(card)
    assert (persona.name, persona.description, persona.personality) == ("Orrin", "inside", "")


def test_the_card_is_carried_untouched():
    card = v2(extensions={"somebody/else": {"x": [1, None]}}, talkativeness="0.5", tags="a, b")
    before = json.dumps(card)
    assert json.dumps(dict(read(card).card)) == before


@pytest.mark.parametrize(
    ("spec_version", "warned"),
    [
        pytest.param("3.0", False, id="current"),
        pytest.param("3.1", True, id="newer"),
        pytest.param(4, True, id="newer-number"),
    ],
)
def test_a_newer_version_is_read_with_a_warning(spec_version: object, warned: bool):
    card = {"spec": "chara_card_v3", "spec_version": spec_version, "data": {"name": "Orrin"}}
    persona = read(card)
    assert persona.name == "Orrin"
    assert any("newer than we know" in warning for warning in persona.warnings) == warned


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(7, "7", id="integer"),
        pytest.param(0.5, "0.5", id="float"),
        pytest.param(None, "", id="null"),
        pytest.param(True, "", id="true"),
        pytest.param(False, "", id="false"),
        pytest.param(["a", 1, None], "a\n1\n", id="list-of-lines"),
        pytest.param("  a\r\nb \n", "  a\r\nb \n", id="nothing-trimmed"),
        pytest.param("\ud83e\udd8a", "🦊", id="surrogate-pair"),
        pytest.param("\ud83e!", "\ufffd!", id="half-a-surrogate-pair"),
    ],
)
def test_text_fields_take_loose_types(value: object, text: str):
    assert read(v2(description=value)).description == text


@pytest.mark.parametrize(
    ("value", "warning"),
    [
        pytest.param(7, "`description` is a number; it is read as text", id="number"),
        pytest.param(["a"], "`description` is a list; it is read as text", id="list"),
        pytest.param(True, "`description` is true or false; it is left out", id="true"),
    ],
)
def test_a_loose_type_is_told(value: object, warning: str):
    assert read(v2(description=value)).warnings == (f"the field {warning}",)


@pytest.mark.parametrize("value", [None, "", "text"])
def test_nothing_is_told_of_a_card_as_it_should_be(value: object):
    assert read(v2(description=value)).warnings == ()


@pytest.mark.parametrize(
    ("value", "greetings"),
    [
        pytest.param("One.", ("One.",), id="text"),
        pytest.param("", (), id="empty-text"),
        pytest.param(None, (), id="null"),
        pytest.param([], (), id="empty-list"),
        pytest.param(["One.", "", " \n", None, 2], ("One.", "2"), id="blank-ones-left-out"),
        pytest.param([" One.\r\n"], (" One.\r\n",), id="nothing-trimmed"),
    ],
)
def test_alternate_greetings_take_loose_types(value: object, greetings: tuple[str, ...]):
    assert read(v2(alternate_greetings=value)).alternate_greetings == greetings


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        pytest.param(["a", "b c"], ("a", "b c"), id="list"),
        pytest.param("a, b c ,,", ("a", "b c"), id="between-commas"),
        pytest.param(None, (), id="null"),
        pytest.param(5, ("5",), id="number"),
        pytest.param({"a": 1}, (), id="object"),
    ],
)
def test_tags_take_loose_types(value: object, tags: tuple[str, ...]):
    assert read(v2(tags=value)).tags == tags


def test_source_as_text_does_not_matter():
    assert read({**v2(source="https://example.org"), "spec": "chara_card_v3"}).name == "Orrin"


@pytest.mark.parametrize(
    ("card", "found"),
    [
        pytest.param(v2(name=""), "a card without a name", id="name-empty"),
        pytest.param(v2(name=" \n"), "a card without a name", id="name-of-spaces"),
        pytest.param(v2(name="\u200b\u2060"), "a card without a name", id="name-invisible"),
        pytest.param(v2(name=None), "a card without a name", id="name-null"),
        pytest.param({"spec": "chara_card_v2", "data": {}}, "without a name", id="name-missing"),
        pytest.param(
            {"spec": "chara_card_v2", "name": "Out", "data": {"description": ""}},
            "without a name",
            id="name-only-at-the-root",
        ),
        pytest.param(v2(scenario={"a": 1}), "field `scenario` is an object", id="object-as-text"),
        pytest.param(v2(first_mes=[{}]), "field `first_mes` is an object", id="object-in-a-list"),
        pytest.param({"spec": "lorebook_v3", "data": {}}, "a lorebook", id="lorebook-v3"),
        pytest.param({"entries": {}}, "a lorebook", id="world-info"),
        pytest.param(
            {"name": "Görlitz", "description": "", "entries": []},
            "a lorebook",
            id="lorebook-with-a-name",
        ),
        pytest.param({"spec": "chara_card_v9"}, "unknown spec, 'chara_card_v9'", id="other-spec"),
        pytest.param({"spec": 2, "name": "O"}, "unknown spec, '2'", id="spec-is-a-number"),
        pytest.param({"entries": {}}, "SillyTavern's world info", id="world-info-by-name"),
        pytest.param({"name": "E", "bio": [], "messageExamples": []}, "elizaOS", id="eliza"),
        pytest.param({"name": "Alpaca", "story_string": ""}, "a preset", id="preset"),
        pytest.param({"name": "Orrin", "context": 1}, "'name', 'context'", id="context-no-text"),
        pytest.param({"b": 1, "a\n": 2}, "its keys are 'b', 'a\\n'", id="keys-are-named"),
        pytest.param({str(n): n for n in range(12)}, "'9' and 2 more", id="many-keys"),
        pytest.param({"k" * 1000: 1}, f"are '{'k' * 40}')", id="long-key"),
        pytest.param({}, "it is empty", id="empty"),
        pytest.param([], "a list and not an object", id="list"),
        pytest.param("x", "a text and not", id="text"),
        pytest.param(1.5, "a number and not", id="number"),
        pytest.param(None, "null and not", id="null"),
        pytest.param(False, "true or false and not", id="boolean"),
    ],
)
def test_what_is_not_a_card_is_refused_by_name(card: object, found: str):
    assert found in refusal_of(lambda: read(card)).found


def test_thousands_of_warnings_are_counted():
    warnings = read(v2(character_book={"entries": list(range(1000))})).warnings
    assert len(warnings) == 31
    assert warnings[0] == "lore entry 1 is a number; it is left out"
    assert warnings[-1] == "and 970 warnings more"
