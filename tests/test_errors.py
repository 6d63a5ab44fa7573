"""Every error that a person may meet has words, and never its own."""

import inspect
import logging
import string

import pytest

import bot.generation.errors
import personas.errors
import storage.errors
from bot.errors import WORD_KEYS, StartupError, explain, say_wait
from bot.words import WORDS

SECRET = "do-not-show-this"  # noqa: S105 - a mark, not a password


def _list_errors():
    return [
        value
        for module in (bot.generation.errors, personas.errors, storage.errors)
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Exception)
    ]


def make_error(kind):
    """An error of a class, with something in every argument that a person must not read."""
    if kind.__init__ is Exception.__init__:
        return kind(SECRET)
    positional, named = [], {}
    for name, parameter in inspect.signature(kind).parameters.items():
        is_number = parameter.annotation in {int, float, float | None}
        value = 4711 if is_number else f"{SECRET} {name}"
        if parameter.kind is parameter.KEYWORD_ONLY:
            named[name] = value
        else:
            positional.append(value)
    return kind(*positional, **named)


each_error = pytest.mark.parametrize("kind", _list_errors(), ids=lambda kind: kind.__name__)


def test_the_errors_are_found():
    names = {kind.__name__ for kind in _list_errors()}
    assert {
        "EngineDiedError",
        "ContextOverflowError",
        "InvalidCardError",
        "SceneNotFoundError",
    } <= names
    assert len(names) >= 15


@each_error
def test_every_error_has_words(kind):
    found = [WORD_KEYS[parent] for parent in kind.__mro__ if parent in WORD_KEYS]
    assert found
    assert found[0] in WORDS


@each_error
def test_what_is_said_of_an_error_is_one_line_of_words_with_a_code_for_the_log(kind, caplog):
    error = make_error(kind)
    with caplog.at_level(logging.ERROR, "bot.errors"):
        said = explain(error)
    # A persona's key is a fact that people chose by themselves; parts of a card are our own words.
    for fact in ("key", "part"):
        said = said.replace(getattr(error, fact, SECRET + "\n"), "")
    assert SECRET not in said
    assert str(error) not in said
    assert "{" not in said
    assert "\n" not in said
    (record,) = caplog.records
    code = record.getMessage().split()[1].strip(":")
    assert len(code) == 4
    assert type(error).__name__ in record.getMessage()
    key = next(WORD_KEYS[parent] for parent in kind.__mro__ if parent in WORD_KEYS)
    fields = {field for _, field, _, _ in string.Formatter().parse(WORDS[key]) if field}
    assert (code in said) is ("code" in fields)


@pytest.mark.parametrize(
    "error",
    [ValueError(SECRET), KeyError(SECRET), StartupError(SECRET), TimeoutError(SECRET)],
    ids=lambda error: type(error).__name__,
)
def test_a_surprise_is_a_plain_line_too_and_its_trace_is_in_the_log(error, caplog):
    with caplog.at_level(logging.ERROR, "bot.errors"):
        said = explain(error)
    assert said.startswith(WORDS["command_failed"].partition("{")[0])
    assert SECRET not in said
    (record,) = caplog.records
    assert record.exc_info
    assert record.exc_info[1] is error


def test_two_errors_have_codes_of_their_own():
    codes = {explain(ValueError()) for _ in range(20)}
    assert len(codes) > 1


def test_a_class_without_words_takes_its_parents_and_its_own_go_before_them():
    class StrangeError(bot.generation.errors.EngineDiedError):
        pass

    assert explain(StrangeError("x")).startswith(WORDS["engine_kept_dying"].partition("{")[0])


def test_a_persona_that_is_gone_is_named():
    error = personas.errors.PersonaNotFoundError(key="mira", nearest="miro")
    assert "“mira”" in explain(error)
    assert "miro" not in explain(error)


def test_a_message_too_long_is_told_with_its_numbers():
    error = bot.generation.errors.ContextOverflowError(prompt_tokens=900, context_length=512)
    assert "900 of 512 tokens" in explain(error)


def test_no_entry_is_for_a_class_that_nobody_raises():
    assert set(WORD_KEYS) <= set(_list_errors())


@pytest.mark.parametrize(("arguments", "code"), [({}, 1), ({"exit_code": 2}, 2)])
def test_a_failed_start_has_an_exit_code(arguments, code):
    error = StartupError("mend it", **arguments)
    assert (str(error), error.exit_code) == ("mend it", code)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, "I cannot tell yet how long"),
        (0.4, "about 5 s"),
        (22, "about 20 s"),
        (59, "about 60 s"),
        (95, "about 2 min"),
        (600, "about 10 min"),
    ],
)
def test_a_wait_is_as_exact_as_it_is_known(seconds, expected):
    assert say_wait(seconds) == expected
