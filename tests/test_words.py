"""Every text that is asked for exists, every text is asked for, and every fact is given."""

import ast
import string
from pathlib import Path

import pytest

from bot.words import WORDS, say

BOT = Path(__file__).parents[1] / "bot"

CALLS = {"say": 0, "RefusedError": 0, "answer": 1}
"""What takes a key, and at which place."""


def _walk_code():
    for file in sorted(BOT.rglob("*.py")):
        if file.name != "words.py":
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                yield f"{file.relative_to(BOT)}", node


def _list_calls():
    """Calls that say something: where, the key's expression, the names of the facts."""
    for file, node in _walk_code():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            place = CALLS.get(node.func.id)
            if place is not None and len(node.args) > place:
                facts = {keyword.arg for keyword in node.keywords}
                yield f"{file}:{node.lineno}", node.args[place], facts


def _list_keys(expression):
    """The literal keys that an expression may be, also behind `x if y else z`."""
    if isinstance(expression, ast.Constant):
        yield expression.value
    elif isinstance(expression, ast.IfExp):
        yield from _list_keys(expression.body)
        yield from _list_keys(expression.orelse)


def _list_facts(key):
    return {field for _, field, _, _ in string.Formatter().parse(WORDS[key]) if field}


def _list_used():
    used = [(where, key, facts) for where, expr, facts in _list_calls() for key in _list_keys(expr)]
    return [pytest.param(key, facts, id=f"{where} {key}") for where, key, facts in used]


def test_calls_are_found():
    assert len(_list_used()) >= 30


@pytest.mark.parametrize(("key", "facts"), _list_used())
def test_a_key_that_is_asked_for_exists_and_gets_its_facts(key, facts):
    assert key in WORDS
    if None not in facts:  # `**facts`: told by whoever called
        assert facts >= _list_facts(key)


def test_every_text_is_asked_for_somewhere():
    nodes = [node for _, node in _walk_code()]
    texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
    # A key that is put together, `f"reset_{choice}"`, has its rest somewhere as a text too.
    beginnings = tuple(
        str(key.values[0].value)
        for _, key, _ in _list_calls()
        if isinstance(key, ast.JoinedStr) and isinstance(key.values[0], ast.Constant)
    )
    put_together = {begin + str(rest) for begin in beginnings for rest in texts}
    assert set(WORDS) - texts - put_together == set()


def test_a_text_is_given_with_its_facts():
    assert say("length_set", word="tiny") == "Replies here are now **tiny**."


def test_a_fact_may_be_called_key():
    assert "“mira”" in say("persona_gone", key="mira")


def test_a_fact_with_braces_stays_as_it_is():
    assert "{word}" in say("length_set", word="{word}")


@pytest.mark.parametrize(("key", "facts"), [("no_such_text", {}), ("length_set", {})])
def test_a_missing_key_or_fact_is_an_error(key, facts):
    with pytest.raises(KeyError):
        say(key, **facts)


@pytest.mark.parametrize("key", WORDS)
def test_a_text_is_short_enough_for_one_message(key):
    assert 0 < len(WORDS[key]) < 1500
    assert WORDS[key] == WORDS[key].strip()
