"""Scenes: opened, set aside, resumed, closed.

A scene key has one open scene at most, and each of its personas one that is set aside.
"""

from collections.abc import Callable
from datetime import datetime

import aiosqlite

from storage.clock import format_time, utc_now
from storage.database import Database
from storage.errors import SceneNotFoundError
from storage.records import Answers, NewScene, NewTurn, SceneRecord, SceneState, read_scene
from storage.rows import clear_waiting, get_scene, insert, insert_turn


class SceneStore:
    """Reads and writes scenes.

    A scene that stops being open keeps its turns, but they await no answer any more.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    async def find_open(self, scene_key: str) -> SceneRecord | None:
        """Return the scene that goes on under a key."""
        rows = await self._database.read(
            "SELECT * FROM scenes WHERE scene_key = ? AND state = 'open'", (scene_key,)
        )
        return read_scene(rows[0]) if rows else None

    async def find_set_aside(self, scene_key: str, persona_key: str) -> SceneRecord | None:
        """Return the scene of a persona that could be resumed under a key."""
        rows = await self._database.read(
            "SELECT * FROM scenes WHERE scene_key = ? AND persona_key = ? AND state = 'set_aside'",
            (scene_key, persona_key),
        )
        return read_scene(rows[0]) if rows else None

    async def get(self, scene_id: int) -> SceneRecord:
        """Return a scene in whatever state.

        Raises:
            SceneNotFoundError: If there is none of this id.
        """
        rows = await self._database.read("SELECT * FROM scenes WHERE id = ?", (scene_id,))
        if not rows:
            raise SceneNotFoundError(scene_id)
        return read_scene(rows[0])

    async def list_awaiting(self) -> list[SceneRecord]:
        """Return the open scenes in which somebody waits, longest waiting first.

        Who waits for another alternative of a reply waits too.

        This is what a restart looks at to answer what it had not answered yet.
        """
        rows = await self._database.read(
            "SELECT scenes.* FROM scenes JOIN ("
            "  SELECT scene_id, min(id) AS first_turn_id FROM turns"
            "  WHERE (awaits_answer = 1 OR swipe IS NOT NULL) AND hidden = 0 GROUP BY scene_id"
            ") AS waiting ON waiting.scene_id = scenes.id"
            " WHERE scenes.state = 'open' ORDER BY waiting.first_turn_id"
        )
        return [read_scene(row) for row in rows]

    async def open(self, new: NewScene, *, greeting: NewTurn | None = None) -> SceneRecord:
        """Open a scene, with the greeting as its first turn.

        The scene that was open under the key is set aside, for `resume`. If the same persona had
        one set aside before, that older one is closed.
        """
        async with self._database.transaction() as connection:
            return await _open(connection, new, greeting, at=format_time(self._now()))

    async def resume(self, scene_id: int) -> SceneRecord:
        """Open a scene that was set aside, and set the one aside that took its place.

        A scene that is open already is returned as it is.

        Raises:
            SceneNotFoundError: If there is none of this id, or it is closed.
        """
        async with self._database.transaction() as connection:
            scene = await _get_unclosed(connection, scene_id)
            if scene.state is SceneState.SET_ASIDE:
                # If the open one is of the same persona, this closes the scene for a moment.
                await _set_open_aside(connection, scene.scene_key, at=format_time(self._now()))
                await _set_state(connection, scene_id, SceneState.OPEN, closed_at=None)
            return await get_scene(connection, scene_id)

    async def reset(self, scene_id: int, *, greeting: NewTurn | None) -> SceneRecord:
        """Close a scene and open a fresh one like it: key, persona, opener, and what was set.

        Raises:
            SceneNotFoundError: If there is none of this id, or it is closed; so of two resets at
                the same time one counts.
        """
        async with self._database.transaction() as connection:
            old = await _get_unclosed(connection, scene_id)
            at = format_time(self._now())
            await _close(connection, scene_id, at=at)
            new = NewScene(
                scene_key=old.scene_key,
                persona_key=old.persona_key,
                opened_by_id=old.opened_by_id,
                opened_by_name=old.opened_by_name,
                guild_id=old.guild_id,
                channel_id=old.channel_id,
                answers=old.answers,
                length_word=old.length_word,
                prompt_format=old.prompt_format,
                sampler=old.sampler,
            )
            return await _open(connection, new, greeting, at=at)

    async def close(self, scene_id: int) -> None:
        """Close a scene; one that is closed stays as it is.

        Raises:
            SceneNotFoundError: If there is none of this id.
        """
        async with self._database.transaction() as connection:
            scene = await get_scene(connection, scene_id)
            if scene.state is not SceneState.CLOSED:
                await _close(connection, scene_id, at=format_time(self._now()))

    async def set_length(self, scene_id: int, word: str | None) -> None:
        """Store the length word of the scene's replies; None leaves the length to the model.

        Raises:
            SceneNotFoundError: If there is none of this id.
        """
        await self._update("UPDATE scenes SET length_word = ? WHERE id = ?", word, scene_id)

    async def set_prompt_format(self, scene_id: int, name: str | None) -> None:
        """Store how the scene's prompts are written; None leaves it to the model.

        Raises:
            SceneNotFoundError: If there is none of this id.
        """
        await self._update("UPDATE scenes SET prompt_format = ? WHERE id = ?", name, scene_id)

    async def set_sampler(self, scene_id: int, settings: str | None) -> None:
        """Store the scene's own sampler settings, a JSON object; None is none.

        Raises:
            SceneNotFoundError: If there is none of this id.
        """
        await self._update("UPDATE scenes SET sampler = ? WHERE id = ?", settings, scene_id)

    async def set_answers(self, scene_id: int, answers: Answers) -> None:
        """Store which messages the scene answers.

        Raises:
            SceneNotFoundError: If there is none of this id.
        """
        await self._update("UPDATE scenes SET answers = ? WHERE id = ?", answers, scene_id)

    async def set_anchor(self, scene_id: int, turn_id: int | None) -> None:
        """Store where the prompt begins, so that it begins there after a restart too.

        Raises:
            SceneNotFoundError: If there is no scene of this id.
        """
        await self._update("UPDATE scenes SET anchor_turn_id = ? WHERE id = ?", turn_id, scene_id)

    async def _update(self, sql: str, value: str | int | None, scene_id: int) -> None:
        async with self._database.transaction() as connection:
            cursor = await connection.execute(sql, (value, scene_id))
            if cursor.rowcount == 0:
                raise SceneNotFoundError(scene_id)


async def _get_unclosed(connection: aiosqlite.Connection, scene_id: int) -> SceneRecord:
    scene = await get_scene(connection, scene_id)
    if scene.state is SceneState.CLOSED:
        raise SceneNotFoundError(scene_id)
    return scene


async def _open(
    connection: aiosqlite.Connection, new: NewScene, greeting: NewTurn | None, *, at: str
) -> SceneRecord:
    await _set_open_aside(connection, new.scene_key, at=at)
    scene_id = await insert(
        connection,
        "INSERT INTO scenes (scene_key, guild_id, channel_id, persona_key, state, answers,"
        " opened_by_id, opened_by_name, length_word, prompt_format, sampler, opened_at)"
        " VALUES (?, ?, ?, ?, 'open', ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            new.scene_key,
            new.guild_id,
            new.channel_id,
            new.persona_key,
            new.answers,
            new.opened_by_id,
            new.opened_by_name,
            new.length_word,
            new.prompt_format,
            new.sampler,
            at,
        ),
    )
    if greeting is not None:
        await insert_turn(connection, scene_id, greeting, at=at)
    return await get_scene(connection, scene_id)


async def _set_open_aside(connection: aiosqlite.Connection, scene_key: str, *, at: str) -> None:
    """Make room for another open scene at a key."""
    for row in await connection.execute_fetchall(
        "SELECT id, persona_key FROM scenes WHERE scene_key = ? AND state = 'open'", (scene_key,)
    ):
        for older in await connection.execute_fetchall(
            "SELECT id FROM scenes WHERE scene_key = ? AND persona_key = ? AND state = 'set_aside'",
            (scene_key, row["persona_key"]),
        ):
            await _close(connection, older["id"], at=at)
        await _set_state(connection, row["id"], SceneState.SET_ASIDE, closed_at=None)
        await clear_waiting(connection, row["id"])


async def _close(connection: aiosqlite.Connection, scene_id: int, *, at: str) -> None:
    await _set_state(connection, scene_id, SceneState.CLOSED, closed_at=at)
    await clear_waiting(connection, scene_id)


async def _set_state(
    connection: aiosqlite.Connection, scene_id: int, state: SceneState, *, closed_at: str | None
) -> None:
    await connection.execute(
        "UPDATE scenes SET state = ?, closed_at = ? WHERE id = ?", (state, closed_at, scene_id)
    )
