"""Turns: what was said in a scene, and the Discord messages that show it."""

import builtins
from collections.abc import Callable
from datetime import datetime

import aiosqlite

from storage.clock import format_time, utc_now
from storage.database import Database
from storage.records import NewTurn, ReplyFacts, TurnRecord, read_facts, read_turn
from storage.rows import SELECT_TURNS, clear_open_replies, clear_waiting, insert_turn

_LIST_TURNS = f"""
    {SELECT_TURNS} WHERE scene_id = ? AND hidden = 0
    AND position >= coalesce((SELECT position FROM turns AS first WHERE first.id = ?), 0)
    ORDER BY position, turns.id
"""  # noqa: S608 - a constant


class TurnStore:
    """Reads and writes turns.

    What a writing method was given is on disk when it returns.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    async def append(self, scene_id: int, new: NewTurn) -> TurnRecord | None:
        """Add a turn to the end of a scene.

        Returns None if one of its messages is known: the gateway sends an event twice when it
        resumes a connection. A turn awaits an answer only if the scene is still open.

        Raises:
            SceneNotFoundError: If there is no scene of this id.
        """
        async with self._database.transaction() as connection:
            if await _is_any_known(connection, new.message_ids):
                return None
            return await insert_turn(connection, scene_id, new, at=format_time(self._now()))

    async def append_reply(
        self, scene_id: int, new: NewTurn, *, facts: ReplyFacts, answered_up_to: int | None
    ) -> TurnRecord:
        """Add a finished reply, and note what it answered, in one transaction.

        After a crash a reply is therefore either stored or still awaited, never both.

        Args:
            scene_id: The scene; its reply that was being written is this one.
            new: The persona's turn.
            facts: How its first alternative came to be.
            answered_up_to: The last turn that it answers; later ones go on waiting and come after
                it in the scene, as they do on screen. None answers none.

        Raises:
            SceneNotFoundError: If there is no scene of this id.
            StorageError: If one of its messages shows another turn.
        """
        async with self._database.transaction() as connection:
            at = format_time(self._now())
            turn = await insert_turn(
                connection, scene_id, new, at=at, facts=facts, position=answered_up_to
            )
            if answered_up_to is None:
                await clear_open_replies(connection, scene_id)
            else:
                await clear_waiting(connection, scene_id, up_to=answered_up_to)
            return turn

    async def list(
        self, scene_id: int, *, from_turn_id: int | None = None
    ) -> builtins.list[TurnRecord]:
        """Return the visible turns of a scene in order.

        Args:
            scene_id: The scene.
            from_turn_id: Leave out what comes well before this turn, so that an old scene costs no
                more than a young one; a few turns before it may still be there.
        """
        rows = await self._database.read(_LIST_TURNS, (scene_id, from_turn_id))
        return [read_turn(row) for row in rows]

    async def find_last_facts(self, scene_id: int) -> ReplyFacts | None:
        """Return how the newest reply of a scene came to be; a greeting is none."""
        rows = await self._database.read(
            "SELECT alternatives.* FROM alternatives JOIN turns ON turns.id = turn_id"
            " WHERE scene_id = ? AND role = 'persona' AND finish_reason IS NOT NULL"
            " ORDER BY alternatives.id DESC LIMIT 1",
            (scene_id,),
        )
        return read_facts(rows[0]) if rows else None

    async def find_by_message(self, message_id: int) -> TurnRecord | None:
        """Return the turn that a Discord message shows a part of, hidden turns included."""
        rows = await self._database.read(
            SELECT_TURNS
            + " JOIN turn_messages ON turn_messages.turn_id = turns.id WHERE message_id = ?",
            (message_id,),
        )
        return read_turn(rows[0]) if rows else None

    async def attach_messages(
        self, turn_id: int, message_ids: tuple[int, ...], channel_id: int | None
    ) -> None:
        """Note which messages show a turn that was stored before it was posted, as greetings are.

        A message that is known already stays where it is.

        Raises:
            StorageError: If there is no such turn.
        """
        async with self._database.transaction() as connection:
            await connection.executemany(
                "INSERT INTO turn_messages (message_id, turn_id, channel_id, part)"
                " VALUES (?, ?, ?, ?) ON CONFLICT (message_id) DO NOTHING",
                [(message, turn_id, channel_id, part) for part, message in enumerate(message_ids)],
            )

    async def clear_awaiting(self, scene_id: int, *, up_to: int) -> None:
        """Note that turns get no answer any more, up to one of them.

        The messages of a reply that was being written are forgotten with them.
        """
        async with self._database.transaction() as connection:
            await clear_waiting(connection, scene_id, up_to=up_to)

    async def note_open_message(self, scene_id: int, message_id: int, part: int) -> None:
        """Remember a message of a reply that is being written, until the reply is stored.

        Nothing is remembered for a scene that is not open any more: its reply is not wanted.
        """
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT INTO open_replies (scene_id, message_id, part)"
                " SELECT id, ?, ? FROM scenes WHERE id = ? AND state = 'open'"
                " ON CONFLICT (message_id) DO UPDATE"
                " SET scene_id = excluded.scene_id, part = excluded.part",
                (message_id, part, scene_id),
            )

    async def list_open_messages(self, scene_id: int) -> builtins.list[int]:
        """Return the messages of the reply that is being written, in order of the parts."""
        rows = await self._database.read(
            "SELECT message_id FROM open_replies WHERE scene_id = ? ORDER BY part, message_id",
            (scene_id,),
        )
        return [int(row["message_id"]) for row in rows]


async def _is_any_known(connection: aiosqlite.Connection, message_ids: tuple[int, ...]) -> bool:
    for message_id in message_ids:
        if await connection.execute_fetchall(
            "SELECT 1 FROM turn_messages WHERE message_id = ?", (message_id,)
        ):
            return True
    return False
