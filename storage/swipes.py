"""Alternatives of a turn: asked for, written, shown. The shown one is what the model sees."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime

import aiosqlite

from storage.clock import format_time, utc_now
from storage.database import Database
from storage.errors import TurnNotFoundError
from storage.records import (
    Alternatives,
    ReplyFacts,
    SwipeKind,
    SwipeOrder,
    TurnRecord,
    read_turn,
)
from storage.rows import SELECT_TURNS, clear_open_replies, get_turn, insert_alternative


class SwipeStore:
    """Reads and writes alternatives; a turn has one at least."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    async def find_newest_reply(self, scene_id: int) -> TurnRecord | None:
        """Return the persona's newest visible turn of a scene, a greeting included."""
        rows = await self._database.read(
            SELECT_TURNS + " WHERE scene_id = ? AND hidden = 0 AND role = 'persona'"
            " ORDER BY position DESC, turns.id DESC LIMIT 1",
            (scene_id,),
        )
        return read_turn(rows[0]) if rows else None

    async def count(self, turn_id: int) -> Alternatives:
        """Return which alternative of a turn is shown, and how many there are.

        Raises:
            TurnNotFoundError: If there is no such turn.
        """
        rows = await self._database.read(
            "SELECT turns.*, alternatives.length_word, (SELECT count(*) FROM alternatives"
            " WHERE turn_id = turns.id) AS count FROM turns JOIN alternatives"
            " ON turn_id = turns.id AND number = shown_alternative"
            " WHERE turns.id = ? AND hidden = 0",
            (turn_id,),
        )
        if not rows:
            raise TurnNotFoundError(turn_id)
        row = rows[0]
        return Alternatives(
            turn_id=turn_id,
            scene_id=row["scene_id"],
            shown=row["shown_alternative"],
            count=row["count"],
            is_awaited=row["swipe"] is not None,
            length_word=row["length_word"],
        )

    async def find_asker(self, turn_id: int) -> int | None:
        """Return who was answered by a turn: the person of the last turn before it."""
        rows = await self._database.read(
            "SELECT asked.person_id FROM turns JOIN turns AS asked"
            " ON asked.scene_id = turns.scene_id AND asked.role = 'person' AND asked.hidden = 0"
            " AND (asked.position, asked.id) < (turns.position, turns.id)"
            " WHERE turns.id = ? ORDER BY asked.position DESC, asked.id DESC LIMIT 1",
            (turn_id,),
        )
        return rows[0]["person_id"] if rows else None

    async def list_messages(self, turn_id: int) -> list[int]:
        """Return the messages that show a turn, in order of the parts."""
        rows = await self._database.read(
            "SELECT message_id FROM turn_messages WHERE turn_id = ? ORDER BY part, message_id",
            (turn_id,),
        )
        return [int(row["message_id"]) for row in rows]

    async def order(self, turn_id: int, order: SwipeOrder, *, expected: int | None = None) -> bool:
        """Note that another alternative is wanted; False if one is being written already.

        Args:
            turn_id: A visible turn of the persona's in an open scene.
            order: What is wanted.
            expected: How many there are as far as the asker knows: of two who ask at once, the
                second is told no.
        """
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "UPDATE turns SET swipe = ? WHERE id = ? AND swipe IS NULL AND hidden = 0"
                " AND role = 'persona'"
                " AND EXISTS (SELECT 1 FROM scenes WHERE id = scene_id AND state = 'open')"
                " AND ? IN (-1, (SELECT count(*) FROM alternatives WHERE turn_id = turns.id))",
                (json.dumps(asdict(order)), turn_id, -1 if expected is None else expected),
            )
            return cursor.rowcount > 0

    async def find_ordered(self, scene_id: int) -> tuple[TurnRecord, SwipeOrder] | None:
        """Return the turn of a scene of which an alternative is wanted, and which."""
        rows = await self._database.read(
            SELECT_TURNS + " WHERE scene_id = ? AND swipe IS NOT NULL AND hidden = 0"
            " ORDER BY turns.id LIMIT 1",
            (scene_id,),
        )
        return (read_turn(rows[0]), _read_order(rows[0]["swipe"])) if rows else None

    async def finish(
        self,
        turn_id: int,
        text: str,
        *,
        facts: ReplyFacts,
        message_ids: Sequence[int],
        channel_id: int | None,
    ) -> int:
        """Store the alternative that was wanted as the one that is shown; returns its number.

        Raises:
            TurnNotFoundError: If there is no such turn.
        """
        async with self._database.transaction() as connection:
            turn = await get_turn(connection, turn_id)
            number = await self._insert(connection, turn_id, text, facts)
            await _set_messages(connection, turn_id, message_ids, channel_id)
            await clear_open_replies(connection, turn.scene_id)
            return number

    async def add(self, turn_id: int, text: str) -> TurnRecord | None:
        """Add somebody's own words as the alternative that is shown; None if one is awaited.

        Raises:
            TurnNotFoundError: If there is no such turn.
        """
        async with self._database.transaction() as connection:
            if await connection.execute_fetchall(
                "SELECT 1 FROM turns WHERE id = ? AND swipe IS NOT NULL", (turn_id,)
            ):
                return None
            await self._insert(connection, turn_id, text, ReplyFacts())
            return await get_turn(connection, turn_id)

    async def _insert(
        self, connection: aiosqlite.Connection, turn_id: int, text: str, facts: ReplyFacts
    ) -> int:
        """Add an alternative and show it; nothing is awaited any more."""
        (row,) = await connection.execute_fetchall(
            "SELECT max(number) + 1 AS number FROM alternatives WHERE turn_id = ?", (turn_id,)
        )
        if row["number"] is None:
            raise TurnNotFoundError(turn_id)
        number, at = int(row["number"]), format_time(self._now())
        await insert_alternative(connection, turn_id, text, number=number, at=at, facts=facts)
        await connection.execute(
            "UPDATE turns SET shown_alternative = ?, swipe = NULL WHERE id = ?", (number, turn_id)
        )
        return number

    async def cancel(self, turn_id: int) -> None:
        """Note that the alternative is not wanted any more, or cannot be had."""
        async with self._database.transaction() as connection:
            await connection.execute("UPDATE turns SET swipe = NULL WHERE id = ?", (turn_id,))

    async def show(self, turn_id: int, number: int) -> TurnRecord | None:
        """Show another alternative; None if there is none of this number, or one is awaited."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "UPDATE turns SET shown_alternative = ? WHERE id = ? AND swipe IS NULL"
                " AND hidden = 0 AND EXISTS"
                " (SELECT 1 FROM alternatives WHERE turn_id = turns.id AND number = ?)",
                (number, turn_id, number),
            )
            return await get_turn(connection, turn_id) if cursor.rowcount else None

    async def unbind(self, message_id: int) -> None:
        """Note that a message shows no turn any more, before it is deleted by us."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM turn_messages WHERE message_id = ?", (message_id,)
            )

    async def set_messages(
        self, turn_id: int, message_ids: Sequence[int], channel_id: int | None
    ) -> None:
        """Note which messages show a turn now: another alternative may have more parts or fewer."""
        async with self._database.transaction() as connection:
            await _set_messages(connection, turn_id, message_ids, channel_id)


async def _set_messages(
    connection: aiosqlite.Connection,
    turn_id: int,
    message_ids: Sequence[int],
    channel_id: int | None,
) -> None:
    if not message_ids:
        return  # a terminal has none
    await connection.execute("DELETE FROM turn_messages WHERE turn_id = ?", (turn_id,))
    await connection.executemany(
        "INSERT INTO turn_messages (message_id, turn_id, channel_id, part) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (message_id) DO UPDATE SET turn_id = excluded.turn_id, part = excluded.part",
        [(message, turn_id, channel_id, part) for part, message in enumerate(message_ids)],
    )


def _read_order(text: str) -> SwipeOrder:
    values = json.loads(text)
    return SwipeOrder(
        kind=SwipeKind(values["kind"]), hint=values["hint"], length_word=values["length_word"]
    )
