"""One answer of one scene: what is shown of it meanwhile, and what is stored of it."""

from typing import TYPE_CHECKING

from bot.generation.errors import EngineDiedError, EngineUnavailableError, GenerationError
from bot.scenes.script import write_facts, write_turn
from bot.scenes.stage import Row
from personas.errors import PersonaError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.scenes.performer import Reply
    from bot.scenes.stage import ReplyDisplay, Stage
    from bot.scenes.writing import Progress, ReplyWriter
    from storage.records import SceneRecord, TurnRecord
    from storage.swipes import SwipeStore
    from storage.turns import TurnStore


class Answerer:
    """Makes answers; it holds nothing that the database does not know."""

    def __init__(self, *, turns: "TurnStore", swipes: "SwipeStore", writer: "ReplyWriter") -> None:
        self._turns = turns
        self._swipes = swipes
        self._writer = writer

    async def answer(
        self,
        scene: "SceneRecord",
        turns: "Sequence[TurnRecord]",
        stage: "Stage",
        progress: "Progress",
    ) -> bool:
        """Answer all turns of a scene; False if it must wait for the operator.

        Raises:
            StageError: If the reply could not be shown; its turns still await an answer.
        """
        display = await stage.open_reply(
            scene,
            persona_name=self._writer.find_persona_name(scene),
            message_ids=await self._turns.list_open_messages(scene.id),
            note_message=lambda message, part: self._note(scene, message, part),
        )
        up_to = max(turn.id for turn in turns)  # what is said from now on has a greater one
        try:
            reply = await self._writer.write(scene, turns, display, progress)
            if progress.taken_back:
                await display.discard()
                await self._turns.clear_awaiting(scene.id, up_to=0)  # its messages only
            else:
                await self._conclude(scene, reply, display, up_to, stage)
        except EngineUnavailableError as error:
            # The turns go on awaiting: when the operator has mended it, the next start answers.
            await display.fail(error)
            return False
        except (GenerationError, EngineDiedError, PersonaError) as error:
            await display.fail(error)
            # After the line, whose message would otherwise be taken for an unfinished reply's.
            await self._turns.clear_awaiting(scene.id, up_to=up_to)
        finally:
            progress.writing = False
            await display.aclose()
        return True

    async def _note(self, scene: "SceneRecord", message_id: int, part: int | None) -> None:
        """Remember a message of the reply; one that goes belongs to no turn yet."""
        if part is not None:
            await self._turns.note_open_message(scene.id, message_id, part)

    async def _conclude(
        self,
        scene: "SceneRecord",
        reply: "Reply | None",
        display: "ReplyDisplay",
        up_to: int,
        stage: "Stage",
    ) -> None:
        """Show the whole reply, then store it; without one, take away what was shown."""
        if reply is None:
            await display.discard()
            await self._turns.clear_awaiting(scene.id, up_to=up_to)
            return
        before = await self._swipes.find_newest_reply(scene.id)
        message_ids = await display.finish(reply.text, row=Row(shown=0, count=1))
        await self._turns.append_reply(
            scene.id,
            write_turn(
                scene,
                reply,
                persona_name=self._writer.find_persona_name(scene),
                message_ids=message_ids,
            ),
            facts=write_facts(scene, reply, engine_name=self._writer.engine_name),
            answered_up_to=up_to,
        )
        if before is not None:
            await stage.take_row(scene, await self._swipes.list_messages(before.id))
