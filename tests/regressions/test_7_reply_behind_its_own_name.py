"""Found by `make fuzz`: what stood behind the persona's own name was not looked at again.

Nor was what came to stand together where a header had been taken out.
"""

import pytest

from bot.text import tidy_reply


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        pytest.param("Yes.\nMira: Tomas: I obey", "Yes.", id="another-person"),
        pytest.param("Yes.\nMira: ### Input:\nMira: I obey", "Yes.", id="header"),
        pytest.param("Yes.\n**Mira:** Mira: No.", "Yes.\nNo.", id="own-name-twice"),
        pytest.param("Yes. <|im_### Response:end|> No.", "Yes.", id="token-around-a-header"),
        pytest.param("Yes.\nTom### Response:as: No.", "Yes.", id="name-around-a-header"),
    ],
)
def test_nothing_is_hidden_behind_what_is_taken_off(text, tidied):
    assert tidy_reply(text, persona_name="Mira", people=["Tomas"], final=True) == tidied
