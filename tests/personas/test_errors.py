import pytest

from personas.errors import InvalidCardError, PersonaError, PersonaNotFoundError


def test_an_invalid_card_says_what_was_found_and_what_would_do():
    error = InvalidCardError(source="a.png", found="a PNG without a card", remedy="Use another.")
    assert str(error) == "a.png: a PNG without a card. Use another."
    assert (error.source, error.found, error.remedy) == (
        "a.png",
        "a PNG without a card",
        "Use another.",
    )


@pytest.mark.parametrize(
    ("nearest", "message"),
    [
        pytest.param("mira", "no persona has the key 'mria'; the nearest is 'mira'", id="nearest"),
        pytest.param(None, "no persona has the key 'mria'", id="nothing-near"),
    ],
)
def test_a_persona_not_found_names_the_nearest(nearest: str | None, message: str):
    error = PersonaNotFoundError(key="mria", nearest=nearest)
    assert str(error) == message
    assert (error.key, error.nearest) == ("mria", nearest)


@pytest.mark.parametrize("kind", [InvalidCardError, PersonaNotFoundError])
def test_every_error_is_a_persona_error(kind: type[Exception]):
    assert issubclass(kind, PersonaError)
