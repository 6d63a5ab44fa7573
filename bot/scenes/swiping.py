"""Another alternative of a reply: written in the place of the one that is shown."""

import dataclasses
from typing import TYPE_CHECKING

from bot.generation.errors import EngineError, GenerationError
from bot.scenes.script import write_facts
from bot.scenes.stage import Row
from personas.errors import PersonaError
from storage.records import SwipeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.scenes.performer import Reply
    from bot.scenes.stage import ReplyDisplay, Stage
    from bot.scenes.writing import Progress, ReplyWriter
    from storage.records import SceneRecord, SwipeOrder, TurnRecord
    from storage.swipes import SwipeStore


class Swiper:
    """Writes alternatives that were ordered; it holds nothing that the database does not know."""

    def __init__(self, *, swipes: "SwipeStore", writer: "ReplyWriter") -> None:
        self._swipes = swipes
        self._writer = writer

    async def swipe(
        self,
        scene: "SceneRecord",
        turns: "Sequence[TurnRecord]",
        ordered: "tuple[TurnRecord, SwipeOrder]",
        stage: "Stage",
        progress: "Progress",
    ) -> Exception | None:
        """Write what was ordered and show it; without success the reply is as it was before.

        Returns:
            What went wrong, for the person who asked; None is success.

        Raises:
            StageError: If its messages cannot be changed.
            TurnNotFoundError: If the reply was deleted meanwhile.
        """
        turn, order = ordered
        display = await self._open(scene, turn, stage)
        try:
            reply = await self._writer.write(
                scene, _take_story(turns, turn, order), display, progress, order
            )
            if reply is not None:
                await self._finish(scene, ordered, reply, display)
                return None
        except (GenerationError, EngineError, PersonaError) as error:
            await self._bring_back(scene, turn, display)
            return error
        finally:
            progress.writing = False
            await display.aclose()
        await self._bring_back(scene, turn, display)
        return None

    async def show(self, scene: "SceneRecord", turn: "TurnRecord", stage: "Stage") -> None:
        """Bring the messages of a turn to the alternative that is shown now.

        Raises:
            StageError: If they could not be changed.
        """
        display = await self._open(scene, turn, stage)
        try:
            await self._bring_back(scene, turn, display)
        finally:
            await display.aclose()

    async def _open(
        self, scene: "SceneRecord", turn: "TurnRecord", stage: "Stage"
    ) -> "ReplyDisplay":
        """The messages that show the turn."""
        return await stage.open_reply(
            scene,
            persona_name=self._writer.find_persona_name(scene),
            message_ids=await self._swipes.list_messages(turn.id),
            note_message=self._note,
        )

    async def _note(self, message_id: int, part: int | None) -> None:
        """Further parts are noted with the whole; one that goes is no part of the turn any more."""
        if part is None:
            await self._swipes.unbind(message_id)

    async def _finish(
        self,
        scene: "SceneRecord",
        ordered: "tuple[TurnRecord, SwipeOrder]",
        reply: "Reply",
        display: "ReplyDisplay",
    ) -> None:
        """Stored first: what is shown last is then never more than what is stored."""
        turn, order = ordered
        facts = write_facts(scene, reply, engine_name=self._writer.engine_name)
        facts = dataclasses.replace(facts, length_word=order.length_word or scene.length_word)
        number = await self._swipes.finish(
            turn.id, reply.text, facts=facts, message_ids=(), channel_id=scene.channel_id
        )
        message_ids = await display.finish(reply.text, row=Row(shown=number, count=number + 1))
        await self._swipes.set_messages(turn.id, message_ids, scene.channel_id)

    async def _bring_back(
        self, scene: "SceneRecord", turn: "TurnRecord", display: "ReplyDisplay"
    ) -> None:
        """Show the alternative that is stored as the shown one."""
        await self._swipes.cancel(turn.id)
        state = await self._swipes.count(turn.id)
        message_ids = await display.finish(turn.text, row=Row(shown=state.shown, count=state.count))
        await self._swipes.set_messages(turn.id, message_ids, scene.channel_id)


def _take_story(
    turns: "Sequence[TurnRecord]", turn: "TurnRecord", order: "SwipeOrder"
) -> "list[TurnRecord]":
    """What the model sees: what came before the turn, and the turn itself if it is gone on with."""
    place = next((n for n, each in enumerate(turns) if each.id == turn.id), len(turns))
    before = list(turns[:place])
    return [*before, turn] if order.kind is SwipeKind.MORE else before
