"""Fuzzes what people and cards write into prompts: `python -m tools.fuzz TARGET [options]`.

A find is an attack that changes how a model would see the turns, by the same checks as in
`tests/prompting/test_attacks.py`. The first byte chooses the format, the second who is named so or
where the text stands; then come texts, 0xff between them.
"""

from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["bot.prompting"]):
    from bot.prompting.untrusted import clean_name
    from tests.prompting.attacked import (
        ATTACKED,
        HEAD_PLACES,
        NAME_PLACES,
        TURN_PLACES,
        assert_beginning_is_harmless,
        assert_dialogue_is_harmless,
        assert_name_is_harmless,
        assert_persona_name_is_harmless,
        assert_text_is_harmless,
        assert_turns_are_seen_alike,
        chat,
        name_people,
        name_persona,
        render,
    )

_FORMATS = tuple(ATTACKED)
_PLACES = (*TURN_PLACES, *HEAD_PLACES)
BORDER = b"\xff"
"""Between texts: no byte of UTF-8."""


def _read(data: bytes) -> tuple[str, int, list[str]]:
    """A format, a number to choose by, and texts; what is no UTF-8 gives halves of pairs."""
    head, rest = data[:2].ljust(2, b"\0"), data[2:]
    texts = [part.decode("utf-8", "surrogateescape") for part in rest.split(BORDER)]
    return _FORMATS[head[0] % len(_FORMATS)], head[1], texts


def fuzz_text(data: bytes) -> None:
    """One text in one place: what somebody says, what a card or a profile tells."""
    format_name, number, texts = _read(data)
    assert_text_is_harmless(texts[0], format_name, _PLACES[number % len(_PLACES)])


def fuzz_beginning(data: bytes) -> None:
    """What a persona had begun to say."""
    format_name, _, texts = _read(data)
    assert_beginning_is_harmless(texts[0], format_name)


def fuzz_dialogue(data: bytes) -> None:
    """A card's example dialogue."""
    format_name, _, texts = _read(data)
    assert_dialogue_is_harmless(texts[0], format_name)


def fuzz_name(data: bytes) -> None:
    """A display name, of who opened the scene or of another."""
    format_name, number, texts = _read(data)
    assert_name_is_harmless(texts[0], format_name, NAME_PLACES[number % len(NAME_PLACES)])


def fuzz_persona(data: bytes) -> None:
    """A persona's name."""
    format_name, _, texts = _read(data)
    assert_persona_name_is_harmless(texts[0], format_name)


def fuzz_scene(data: bytes) -> None:
    """Everything at once: a scene whose people, persona, card and turns are all hostile."""
    format_name, number, texts = _read(data)
    name, persona_name, *others = [*texts, "", ""][: max(len(texts), 2)]
    filled = {place: text for place, text in zip(_PLACES, others, strict=False) if text.strip()}
    if clean_name(name) == clean_name(persona_name):
        persona_name = f"{persona_name[:8]} 2"
    attacked, harmless = (
        render(
            name_persona(name_people(each, name, NAME_PLACES[number % 3]), persona_name),
            format_name,
        )
        for each in (chat(**filled), chat())
    )
    assert_turns_are_seen_alike(attacked, harmless, format_name, speakers=False)


TARGETS: dict[str, Callable[[bytes], None]] = {
    name.removeprefix("fuzz_"): value
    for name, value in dict(globals()).items()
    if name.startswith("fuzz_")
}
