"""Discord's messages and the turns that they show."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence

import aiosqlite

from storage.database import Database
from storage.records import ChangedTurn, DeletedTurn, Role, ShownTurn, TurnRecord, read_turn
from storage.rows import SELECT_TURNS

_FIND = """
    SELECT turns.*, alternatives.text, (
        SELECT count(*) FROM turns AS newer
        WHERE newer.scene_id = turns.scene_id AND newer.hidden = 0
        AND (newer.position, newer.id) > (turns.position, turns.id)
    ) AS newer_turns
    FROM turn_messages JOIN turns ON turns.id = turn_messages.turn_id
    JOIN alternatives
      ON alternatives.turn_id = turns.id AND alternatives.number = turns.shown_alternative
    WHERE message_id = ?
"""
_COUNT_BOT_TURNS = """
    WITH said AS (
        SELECT position, coalesce(person_id IN (SELECT value FROM json_each(?2)), 0) AS by_bot
        FROM turns WHERE scene_id = ?1 AND hidden = 0 AND role = 'person'
    )
    SELECT count(*) AS count FROM said
    WHERE position > (SELECT coalesce(max(position), 0) FROM said WHERE NOT by_bot)
"""


class MessageStore:
    """Reads and changes turns by the messages that show them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, message_id: int) -> ShownTurn | None:
        """Return the turn that a message shows a part of, hidden turns included."""
        rows = await self._database.read(_FIND, (message_id,))
        if not rows:
            return None
        row = rows[0]
        return ShownTurn(
            turn=read_turn(row), is_hidden=bool(row["hidden"]), newer_turns=row["newer_turns"]
        )

    async def change_text(self, message_id: int, write: Callable[[str], str]) -> ChangedTurn | None:
        """Change the text of a person's turn whose message was edited.

        An empty text hides the turn until a later one is not. A turn that was hidden otherwise
        stays hidden.

        Args:
            message_id: The message.
            write: The text that there is -> the new one.

        Returns:
            The turn as it is now, or None if nothing changed.
        """
        async with self._database.transaction() as connection:
            row = await _find_person_turn(connection, message_id)
            if row is None:
                return None
            text = write(row["text"])
            was_emptied = bool(row["hidden"]) and not row["text"]
            stays_hidden = bool(row["hidden"]) and not was_emptied
            if text == row["text"] or (stays_hidden and not text):
                return None
            is_hidden = stays_hidden or not text
            await _set_text(connection, row, text)
            await _set_hidden(connection, row["id"], is_hidden=is_hidden)
            return ChangedTurn(
                scene_id=row["scene_id"],
                is_shown_again=was_emptied,
                awaits_answer=bool(row["awaits_answer"]) and not is_hidden,
            )

    async def take_over(
        self, message_id: int, *, by: int, name: str, text: str
    ) -> TurnRecord | None:
        """Let another message take the place of a person's: it says the same in another's name.

        The turn keeps its place, its person and what it awaits; if the first message was deleted
        already, it is shown again. From then on only the other message counts.

        Args:
            message_id: The person's message.
            by: The message that shows the turn now.
            name: Who speaks in it.
            text: What it says.

        Returns:
            The turn as it is now, or None if that message shows no person's turn, or the other is
            known already.
        """
        async with self._database.transaction() as connection:
            row = await _find_person_turn(connection, message_id)
            if row is None or await _find_turn(connection, by) is not None:
                return None
            await connection.execute(
                "INSERT INTO turn_messages (message_id, turn_id, channel_id, part)"
                " SELECT ?, turn_id, channel_id, part + 1 FROM turn_messages WHERE message_id = ?",
                (by, message_id),
            )
            await connection.execute(
                "UPDATE turns SET name = ?, hidden = 0 WHERE id = ?", (name, row["id"])
            )
            await _set_text(connection, row, text)
            changed = await _find_turn(connection, by)
            return read_turn(changed) if changed is not None else None

    async def count_bot_turns(self, scene_id: int, bots: Iterable[int]) -> int:
        """Count the turns of other bots since a person spoke.

        Args:
            scene_id: The scene.
            bots: Whose turns are a bot's; somebody without an id is a person.
        """
        rows = await self._database.read(_COUNT_BOT_TURNS, (scene_id, json.dumps(list(bots))))
        return int(rows[0]["count"])

    async def delete(
        self, message_ids: Sequence[int], cut: Callable[[TurnRecord, int, int], str]
    ) -> list[DeletedTurn]:
        """Take deleted messages out of the story: their turns are hidden, and kept.

        Of a persona's turn that has other messages only the part is taken out. A message of a
        person's whose place another one took changes nothing. What a turn awaits is kept with it.

        Args:
            message_ids: The messages, also those that are not ours.
            cut: A persona's turn, which of its messages is gone, counted from 0, and how many
                there were -> what is left of the text.

        Returns:
            The turns that are hidden now, as they were.
        """
        hidden: list[DeletedTurn] = []
        async with self._database.transaction() as connection:
            for message_id in message_ids:
                turn = await _delete_one(connection, message_id, set(message_ids), cut)
                if turn is not None:
                    hidden.append(DeletedTurn(message_id=message_id, turn=turn))
        return hidden


async def _delete_one(
    connection: aiosqlite.Connection,
    message_id: int,
    gone: set[int],
    cut: Callable[[TurnRecord, int, int], str],
) -> TurnRecord | None:
    """Take one message out, of all that are gone; returns the turn if that hid it."""
    row = await _find_turn(connection, message_id)
    if row is None or row["hidden"]:
        return None
    turn = read_turn(row)
    shown = await _list_messages(connection, turn.id)
    left = ""
    if turn.role is Role.PERSON:
        if message_id != shown[-1]:
            return None
    elif not gone.issuperset(shown):
        left = cut(turn, shown.index(message_id), len(shown))
    if not left:
        await _set_hidden(connection, turn.id, is_hidden=True)
        return turn
    await _set_text(connection, row, left)
    await connection.execute("DELETE FROM turn_messages WHERE message_id = ?", (message_id,))
    return None


async def _find_person_turn(
    connection: aiosqlite.Connection, message_id: int
) -> sqlite3.Row | None:
    """The person's turn that a message shows; of several the newest does."""
    row = await _find_turn(connection, message_id)
    if row is None or row["role"] != Role.PERSON:
        return None
    shown = await _list_messages(connection, row["id"])
    return row if message_id == shown[-1] else None


async def _find_turn(connection: aiosqlite.Connection, message_id: int) -> sqlite3.Row | None:
    for row in await connection.execute_fetchall(
        SELECT_TURNS + " JOIN turn_messages ON turn_messages.turn_id = turns.id"
        " WHERE message_id = ?",
        (message_id,),
    ):
        return row
    return None


async def _list_messages(connection: aiosqlite.Connection, turn_id: int) -> list[int]:
    rows = await connection.execute_fetchall(
        "SELECT message_id FROM turn_messages WHERE turn_id = ? ORDER BY part, message_id",
        (turn_id,),
    )
    return [int(row["message_id"]) for row in rows]


async def _set_text(connection: aiosqlite.Connection, turn: sqlite3.Row, text: str) -> None:
    """Change the text of the alternative that is shown."""
    await connection.execute(
        "UPDATE alternatives SET text = ? WHERE turn_id = ? AND number = ?",
        (text, turn["id"], turn["shown_alternative"]),
    )


async def _set_hidden(connection: aiosqlite.Connection, turn_id: int, *, is_hidden: bool) -> None:
    await connection.execute("UPDATE turns SET hidden = ? WHERE id = ?", (is_hidden, turn_id))
