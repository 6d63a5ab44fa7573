"""Statements that more than one store needs, inside a transaction that the caller has open."""

from collections.abc import Iterable
from typing import Final

import aiosqlite

from storage.errors import SceneNotFoundError, TurnNotFoundError
from storage.records import (
    NewTurn,
    ReplyFacts,
    SceneRecord,
    SceneState,
    TurnRecord,
    read_scene,
    read_turn,
)

SELECT_TURNS: Final = """
    SELECT turns.*, alternatives.text FROM turns
    JOIN alternatives
      ON alternatives.turn_id = turns.id AND alternatives.number = turns.shown_alternative
"""


async def insert(connection: aiosqlite.Connection, sql: str, parameters: Iterable[object]) -> int:
    """Insert one row by a statement that ends in `RETURNING id`, and return the id."""
    (row,) = await connection.execute_fetchall(sql, parameters)
    return int(row["id"])


async def get_scene(connection: aiosqlite.Connection, scene_id: int) -> SceneRecord:
    """Return a scene as this transaction sees it.

    Raises:
        SceneNotFoundError: If there is none of this id.
    """
    for row in await connection.execute_fetchall("SELECT * FROM scenes WHERE id = ?", (scene_id,)):
        return read_scene(row)
    raise SceneNotFoundError(scene_id)


async def insert_turn(
    connection: aiosqlite.Connection,
    scene_id: int,
    new: NewTurn,
    *,
    at: str,
    facts: ReplyFacts | None = None,
    position: int | None = None,
) -> TurnRecord:
    """Add a turn with its first alternative and its messages to a scene.

    Its place is the end of the scene, or for a reply behind the turn whose id is `position`.

    It awaits an answer only in an open scene: one that was set aside in between would otherwise
    answer an old message when it is resumed.

    Raises:
        SceneNotFoundError: If there is no scene of this id.
    """
    scene = await get_scene(connection, scene_id)
    awaits_answer = new.awaits_answer and scene.state is SceneState.OPEN
    turn_id = await insert(
        connection,
        "INSERT INTO turns"
        " (scene_id, position, role, person_id, name, awaits_answer, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (scene_id, position or 0, new.role, new.person_id, new.name, awaits_answer, at),
    )
    if position is None:
        await connection.execute("UPDATE turns SET position = id WHERE id = ?", (turn_id,))
    await insert_alternative(
        connection, turn_id, new.text, number=0, at=at, facts=facts or ReplyFacts()
    )
    for number, text in enumerate(new.alternatives, start=1):
        await insert_alternative(
            connection, turn_id, text, number=number, at=at, facts=ReplyFacts()
        )
    await connection.executemany(
        "INSERT INTO turn_messages (message_id, turn_id, channel_id, part) VALUES (?, ?, ?, ?)",
        [(message, turn_id, new.channel_id, part) for part, message in enumerate(new.message_ids)],
    )
    return await get_turn(connection, turn_id)


async def clear_waiting(
    connection: aiosqlite.Connection, scene_id: int, *, up_to: int | None = None
) -> None:
    """Note that a scene's turns await no answer any more and that none is being written.

    Args:
        connection: With a transaction open.
        scene_id: The scene.
        up_to: The last turn that was answered; None is all of them.
    """
    await connection.execute(
        "UPDATE turns SET awaits_answer = 0"
        " WHERE scene_id = ? AND awaits_answer = 1 AND (? IS NULL OR id <= ?)",
        (scene_id, up_to, up_to),
    )
    if up_to is None:
        await connection.execute("UPDATE turns SET swipe = NULL WHERE scene_id = ?", (scene_id,))
    await clear_open_replies(connection, scene_id)


async def clear_open_replies(connection: aiosqlite.Connection, scene_id: int) -> None:
    """Forget the messages of the reply that was being written."""
    await connection.execute("DELETE FROM open_replies WHERE scene_id = ?", (scene_id,))


async def insert_alternative(
    connection: aiosqlite.Connection,
    turn_id: int,
    text: str,
    *,
    number: int,
    at: str,
    facts: ReplyFacts,
) -> None:
    """Add an alternative to a turn."""
    await connection.execute(
        "INSERT INTO alternatives (turn_id, number, text, created_at, length_word, seed,"
        " finish_reason, model, prompt_tokens, cached_tokens, reply_tokens, seconds,"
        " waited_seconds, prompt_seconds, sampler)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            turn_id,
            number,
            text,
            at,
            facts.length_word,
            facts.seed,
            facts.finish_reason,
            facts.model,
            facts.prompt_tokens,
            facts.cached_tokens,
            facts.reply_tokens,
            facts.seconds,
            facts.waited_seconds,
            facts.prompt_seconds,
            facts.sampler,
        ),
    )


async def get_turn(connection: aiosqlite.Connection, turn_id: int) -> TurnRecord:
    """Return a turn as this transaction sees it.

    Raises:
        TurnNotFoundError: If there is none of this id.
    """
    for row in await connection.execute_fetchall(SELECT_TURNS + " WHERE turns.id = ?", (turn_id,)):
        return read_turn(row)
    raise TurnNotFoundError(turn_id)
