"""The scene that a message belongs to: the open one, or one that a first mention opens."""

from typing import TYPE_CHECKING

from storage.records import Answers, NewScene

if TYPE_CHECKING:
    from bot.messages import IncomingMessage
    from personas.library import PersonaLibrary
    from storage.records import SceneRecord
    from storage.scenes import SceneStore


class DefaultScenes:
    """Finds the scenes of places, and opens those that nobody started.

    They have the operator's persona and length.
    """

    def __init__(
        self,
        *,
        scenes: "SceneStore",
        library: "PersonaLibrary",
        persona: str,
        length_word: str | None,
    ) -> None:
        self._scenes = scenes
        self._library = library
        self._persona = persona
        self._length_word = length_word

    async def find(self, scene_key: str) -> "SceneRecord | None":
        """The scene that is played in a place."""
        return await self._scenes.find_open(scene_key)

    async def open(self, message: "IncomingMessage") -> "SceneRecord":
        """Open a scene for who wrote this message.

        It has no greeting: none was posted, and what is shown is what the model sees. In a server
        it answers those who address the bot only, until somebody starts it with `/play`.

        Raises:
            PersonaNotFoundError: If the operator's persona is no longer there.
        """
        persona = self._library.get(self._persona)
        return await self._scenes.open(
            NewScene(
                scene_key=message.scene_key,
                persona_key=persona.key,
                opened_by_id=message.author_id,
                opened_by_name=message.author_name,
                guild_id=message.guild_id,
                channel_id=message.channel_id,
                answers=Answers.ALL if message.is_direct else Answers.ADDRESSED,
                length_word=self._length_word,
            )
        )
