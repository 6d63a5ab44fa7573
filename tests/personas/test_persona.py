import dataclasses

import pytest

from personas.persona import MAX_KEY_LENGTH, Persona, persona_key


@pytest.mark.parametrize(
    ("nickname", "spoken"),
    [
        pytest.param("", "Orrin", id="no-nickname"),
        pytest.param("Orr", "Orr", id="nickname"),
        pytest.param(" \t\n", "Orrin", id="spaces"),
        pytest.param("\u200b\ufeff", "Orrin", id="zero-width"),
        pytest.param(" Orr ", " Orr ", id="not-trimmed"),
    ],
)
def test_the_spoken_name_is_the_nickname_unless_blank(nickname: str, spoken: str):
    assert Persona(key="orrin", name="Orrin", nickname=nickname).spoken_name == spoken


def test_a_persona_cannot_be_changed():
    persona = Persona(key="orrin", name="Orrin")
    with pytest.raises(dataclasses.FrozenInstanceError):
        persona.name = "Mira"  # pyright: ignore[reportAttributeAccessIssue]


def test_the_raw_card_is_neither_shown_nor_compared():
    persona = Persona(key="orrin", name="Orrin", card={"secret": 1})
    assert "secret" not in repr(persona)
    assert persona == Persona(key="orrin", name="Orrin")
    assert hash(persona) == hash(Persona(key="orrin", name="Orrin"))


@pytest.mark.parametrize(
    ("stem", "key"),
    [
        pytest.param("Captain Isolde", "captain-isolde", id="words"),
        pytest.param("__Unit-7 (v2)__", "unit-7-v2", id="punctuation"),
        pytest.param("Grete Öhlmann", "grete-öhlmann", id="umlaut"),
        pytest.param("O\u0308hlmann", "öhlmann", id="decomposed"),
        pytest.param("灯台守の澪", "灯台守の澪", id="japanese"),
        pytest.param("हिन्दी कथा", "हिन्दी-कथा", id="devanagari-marks"),
        pytest.param("🦊 Kit", "kit", id="emoji-and-word"),
        pytest.param("🦊 🦊", "u1f98a-u1f98a", id="emoji-only"),
        pytest.param("a" * 200, "a" * MAX_KEY_LENGTH, id="long"),
        pytest.param("a" * (MAX_KEY_LENGTH - 1) + " b", "a" * (MAX_KEY_LENGTH - 1), id="cut"),
    ],
)
def test_a_key_is_made_of_a_file_stem(stem: str, key: str):
    assert persona_key(stem) == key
