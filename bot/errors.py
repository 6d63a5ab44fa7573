"""What a person is told when something goes wrong or takes long, found along the error's class.

The exception's own text never reaches a person: a short code leads the operator to the log line.
"""

import logging
import secrets
from typing import Final

from bot.generation.errors import (
    ContextOverflowError,
    EmptyReplyError,
    EngineDiedError,
    EngineError,
    GenerationError,
    GenerationTimeoutError,
    PersonaOverflowError,
    QueueFullError,
)
from bot.words import say
from personas.errors import PersonaError, PersonaNotFoundError
from storage.errors import SceneNotFoundError, StorageError, TurnNotFoundError

_log = logging.getLogger(__name__)

WORD_KEYS: Final[dict[type[BaseException], str]] = {
    ContextOverflowError: "context_overflow",
    PersonaOverflowError: "persona_overflow",
    GenerationTimeoutError: "generation_timeout",
    QueueFullError: "queue_full",
    EmptyReplyError: "empty_reply",
    GenerationError: "generation_failed",
    EngineDiedError: "engine_kept_dying",
    EngineError: "engine_unavailable",
    PersonaNotFoundError: "persona_gone",
    PersonaError: "command_failed",
    SceneNotFoundError: "scene_changed",
    TurnNotFoundError: "no_reply",
    StorageError: "command_failed",
}
"""Error class to its words; a class without an entry takes its parent's."""

_MINUTE_SECONDS = 60.0
_FACTS = ("prompt_tokens", "context_length", "part", "part_tokens", "key", "place")


class StartupError(Exception):
    """Troupe cannot start; the text says how to mend it."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def say_wait(seconds: float | None) -> str:
    """How long somebody will wait, as exact as it is known."""
    if seconds is None:
        return say("wait_unknown")
    if seconds < _MINUTE_SECONDS:
        return say("wait_seconds", seconds=max(5, 5 * round(seconds / 5)))
    return say("wait_minutes", minutes=round(seconds / _MINUTE_SECONDS))


def explain(error: BaseException) -> str:
    """One plain line for the person; the error itself goes to the log under the line's code."""
    key = next((WORD_KEYS[kind] for kind in type(error).__mro__ if kind in WORD_KEYS), None)
    code = secrets.token_hex(2)
    facts = {name: getattr(error, name) for name in _FACTS if hasattr(error, name)}
    if isinstance(error, QueueFullError):
        facts["wait"] = say_wait(error.seconds)
    _log.error(
        "code %s: %s: %s",
        code,
        type(error).__name__,
        error,
        extra={"action": "error-shown"},
        exc_info=error if key is None else None,
    )
    return say(key or "command_failed", code=code, **facts)
