"""Discord's messages and the turns that they show."""

from storage.database import Database
from storage.records import ShownTurn, read_turn

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
