"""Rows of the database as values, and what callers hand in to have stored.

Times are text, ISO 8601 in UTC with microseconds, as they are stored.
"""

import sqlite3
from dataclasses import dataclass, fields
from enum import StrEnum


class SceneState(StrEnum):
    """Where a scene is in its life."""

    OPEN = "open"
    """It goes on; a scene key has at most one."""
    SET_ASIDE = "set_aside"
    """Another one took its place; it can be resumed."""
    CLOSED = "closed"
    """It is over, and kept to be read."""


class Answers(StrEnum):
    """Which messages a scene answers."""

    ALL = "all"
    ADDRESSED = "addressed"


class Role(StrEnum):
    """Who speaks in a turn."""

    PERSON = "person"
    PERSONA = "persona"
    NARRATOR = "narrator"


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneRecord:
    """One scene as it is stored."""

    id: int
    scene_key: str
    guild_id: int | None
    channel_id: int | None
    persona_key: str
    state: SceneState
    answers: Answers
    opened_by_id: int
    opened_by_name: str
    """The name at that time; it stays, so that the head of the prompt stays."""
    length_word: str | None
    """None leaves the length to the model."""
    prompt_format: str | None
    """The name of the scene's own; None is the model's."""
    sampler: str | None
    """The scene's own sampler settings, a JSON object; None is none."""
    anchor_turn_id: int | None
    """The first turn that the prompt takes; None is the first of the scene."""
    opened_at: str
    closed_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewScene:
    """A scene to be opened."""

    scene_key: str
    persona_key: str
    opened_by_id: int
    opened_by_name: str
    guild_id: int | None = None
    channel_id: int | None = None
    answers: Answers = Answers.ALL
    length_word: str | None = None
    prompt_format: str | None = None
    sampler: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRecord:
    """One turn as it is stored, with the alternative that is shown."""

    id: int
    """Never given twice. Not the order of turns: a reply comes before what was said meanwhile."""
    scene_id: int
    role: Role
    person_id: int | None
    name: str
    text: str
    """Of the shown alternative."""
    awaits_answer: bool
    created_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTurn:
    """A turn that was found by a message, and where it stands."""

    turn: TurnRecord
    is_hidden: bool
    newer_turns: int
    """How many visible turns of its scene come after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedTurn:
    """What became of a turn whose message was edited."""

    scene_id: int
    is_shown_again: bool
    """It was hidden, because an earlier edit left nothing of it."""
    awaits_answer: bool
    """False for a hidden one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedTurn:
    """A turn that is hidden because this message was deleted."""

    message_id: int
    turn: TurnRecord
    """As it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTurn:
    """A turn to be stored, with its first alternative."""

    role: Role
    name: str
    text: str
    person_id: int | None = None
    message_ids: tuple[int, ...] = ()
    """The Discord messages that show it, in order of the parts."""
    channel_id: int | None = None
    awaits_answer: bool = False
    alternatives: tuple[str, ...] = ()
    """Further ones, besides the text, which is shown."""


class SwipeKind(StrEnum):
    """What another alternative is made from."""

    NEW = "new"
    """The story before the turn."""
    MORE = "more"
    """The turn as it is shown: it is gone on with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwipeOrder:
    """Another alternative as somebody asked for it."""

    kind: SwipeKind = SwipeKind.NEW
    hint: str = ""
    """What it should be like, in that person's words."""
    length_word: str | None = None
    """None is the scene's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternatives:
    """How many alternatives a turn has, and which is shown; numbers count from 0."""

    turn_id: int
    scene_id: int
    shown: int
    count: int
    is_awaited: bool
    """Whether another one is being written."""
    length_word: str | None
    """That the shown one was written with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFacts:
    """How an alternative came to be; None is not known."""

    length_word: str | None = None
    seed: int | None = None
    finish_reason: str | None = None
    model: str | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    """How many of the prompt's tokens the engine had evaluated before."""
    reply_tokens: int | None = None
    seconds: float | None = None
    """In the engine: prompt and reply."""
    waited_seconds: float | None = None
    """Before that, for a slot."""
    prompt_seconds: float | None = None
    """Of `seconds`, what the prompt took."""
    sampler: str | None = None
    """The sampler settings that were in force, a JSON object."""


def read_scene(row: sqlite3.Row) -> SceneRecord:
    """Read a row of `scenes`."""
    return SceneRecord(
        id=row["id"],
        scene_key=row["scene_key"],
        guild_id=row["guild_id"],
        channel_id=row["channel_id"],
        persona_key=row["persona_key"],
        state=SceneState(row["state"]),
        answers=Answers(row["answers"]),
        opened_by_id=row["opened_by_id"],
        opened_by_name=row["opened_by_name"],
        length_word=row["length_word"],
        prompt_format=row["prompt_format"],
        sampler=row["sampler"],
        anchor_turn_id=row["anchor_turn_id"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
    )


def read_facts(row: sqlite3.Row) -> ReplyFacts:
    """Read how an alternative came to be from a row of `alternatives`."""
    return ReplyFacts(**{field.name: row[field.name] for field in fields(ReplyFacts)})


def read_turn(row: sqlite3.Row) -> TurnRecord:
    """Read a row of `turns` that was joined with the text of its shown alternative."""
    return TurnRecord(
        id=row["id"],
        scene_id=row["scene_id"],
        role=Role(row["role"]),
        person_id=row["person_id"],
        name=row["name"],
        text=row["text"],
        awaits_answer=bool(row["awaits_answer"]),
        created_at=row["created_at"],
    )
