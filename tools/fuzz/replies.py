"""Fuzzes what becomes of a model's reply: `python -m tools.fuzz TARGET [options]`.

The texts are made long by repetition: what is not linear in time takes longer than the two
seconds that `make fuzz` allows.
"""

from collections.abc import Callable

import atheris

with atheris.instrument_imports(
    include=["bot.text", "bot.splitting", "bot.markdown", "bot.prompting.untrusted"]
):
    from bot.prompting.untrusted import clean_name
    from bot.splitting import split_message, split_parts
    from bot.text import tidy_reply
    from tests.prompting.attacks import SPECIALS

_BORDER = b"\xff"
_LONGEST = 50_000
_HEADERS = ("### Instruction", "### Input", "### Response")
_NEVER_STORED = tuple(
    special for special in SPECIALS if special not in {"<s>", "<unk>", "<|mend|>"}
)
"""Without those that are markup elsewhere, and the one that is of a made-up vocabulary."""


def fuzz_tidy(data: bytes) -> None:
    """A reply, behind the persona's name and two people's."""
    whole = data.decode("utf-8", "replace") if _BORDER not in data else ""
    parts = [part.decode("utf-8", "replace") for part in data.split(_BORDER, 3)]
    *names, text = parts if len(parts) > 3 else ["Mira", "Tomas", "Ann", whole or parts[-1]]  # noqa: PLR2004
    persona_name, *people = map(clean_name, names)
    people = [name for name in people if name != persona_name]
    for reply in (text, _lengthen(text)):
        for final, is_cut in ((False, False), (True, False), (True, True)):
            tidied = tidy_reply(
                reply, persona_name=persona_name, people=people, final=final, is_cut=is_cut
            )
            _check_tidied(tidied, people)


def _check_tidied(text: str, people: list[str]) -> None:
    if text != text.strip():
        raise AssertionError(text[:200])
    begins = (*_HEADERS, *(f"{name}:" for name in people))
    lines = [line.strip() for line in text.split("\n")]
    forged = [line for line in lines if line.startswith(begins)]
    kept = [special for special in _NEVER_STORED if special in text]
    if forged or kept:
        raise AssertionError(forged[:3], kept)


def fuzz_split(data: bytes) -> None:
    """Messages: none too long or blank, nothing lost, no earlier cut moved by what comes later."""
    limit = data[0] + 1 if data else 1
    text = data[1:].decode("utf-8", "replace")
    _check_parts(text, limit)
    parts, grown = split_message(text, limit), split_message(text + "x", limit)
    if grown[: len(parts) - 1] != parts[:-1]:
        raise AssertionError(parts, grown)
    _check_parts(_lengthen(text), 2000)


def _check_parts(text: str, limit: int) -> None:
    parts = split_message(text, limit)
    if any(part != part.strip() or not 0 < len(part) <= limit for part in parts):
        raise AssertionError(parts[:3])
    bodies = "".join(part.body for part in split_parts(text, limit))
    if "".join(bodies.split()) != "".join(text.split()):
        raise AssertionError(text[:200])


def _lengthen(text: str) -> str:
    return (text * (_LONGEST // max(len(text), 1)))[:_LONGEST]


TARGETS: dict[str, Callable[[bytes], None]] = {
    name.removeprefix("fuzz_"): value
    for name, value in dict(globals()).items()
    if name.startswith("fuzz_")
}
