"""`troupe chat`: a scene in the terminal, or one reply for a script."""

import asyncio
import random
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.app import Troupe, open_library, open_troupe
from bot.cli.terminal import LineReader, TerminalStage, show_loading, write
from bot.engine_room import open_performer
from bot.errors import StartupError
from bot.generation.config import DEMO_MODEL, ModelFileConfig
from bot.generation.errors import EmptyReplyError
from bot.messages import IncomingMessage, Pacing
from bot.prompting.builder import Script
from bot.prompting.macros import replace_macros
from bot.prompting.prompt import LENGTH_WORDS, Person, PromptTurn
from bot.prompting.untrusted import clean_name
from bot.scenes.service import Place
from bot.words import say
from personas.errors import PersonaNotFoundError
from storage.records import Role

if TYPE_CHECKING:
    from bot.generation.engine import Engine
    from bot.settings import Settings
    from personas.library import PersonaLibrary
    from personas.persona import Persona
    from storage.records import SceneRecord

_FOLDER = "terminal"
_SCENE_KEY = "terminal"
_PERSON_ID = 0
_REMOTE_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """What was asked for on the command line."""

    persona: str
    length_word: str
    length_given: bool
    seed: int | None
    person_name: str


async def speak_once(settings: "Settings", asked: Chat, text: str) -> None:
    """One reply in a fresh scene that is not stored: the reply and one line feed.

    Raises:
        StartupError: If the persona or the model cannot be used.
        EngineError: If the engine fails.
        GenerationError: If the reply fails.
    """
    persona = _get_persona(open_library(settings), asked.persona)
    name = clean_name(persona.spoken_name)
    greeting = replace_macros(
        persona.greeting,
        char=name,
        user=clean_name(asked.person_name),
        chance=random.SystemRandom() if asked.seed is None else random.Random(asked.seed),  # noqa: S311
    )
    turns = [PromptTurn(role=Role.PERSON, name=asked.person_name, text=text)]
    if greeting.strip():
        turns.insert(0, PromptTurn(role=Role.PERSONA, name=name, text=greeting.strip()))
    script = Script(
        persona=persona,
        person=Person(name=asked.person_name),
        turns=turns,
        length_word=None if asked.length_word == "auto" else asked.length_word,
    )
    async with open_performer(settings) as performer:
        await _wait_for_remote(settings, performer.engine)
        prompt = await performer.prepare(script)
        shown = _Printer()
        reply = await performer.speak(prompt, persona_name=name, show=shown, seed=asked.seed)
        if not reply.text:
            raise EmptyReplyError
        shown.finish(reply.text)


async def chat_interactively(settings: "Settings", asked: Chat) -> None:
    """A scene that is kept: it goes on at the next start.

    Raises:
        StartupError: If something is missing.
    """
    # Whoever leaves a terminal does not want to wait for the rest of a reply.
    pacing = replace(Pacing.scaled(settings.pace), shutdown_seconds=0)
    with LineReader(sys.stdin) as lines:
        async with open_troupe(settings, settings.data_folder / _FOLDER, pacing) as troupe:
            persona = _get_persona(troupe.library, asked.persona)
            sitting = _Sitting(troupe, settings, asked)
            await sitting.open(persona)
            while (line := await lines.read(sitting.prompt_mark)) is not None:
                if not await sitting.take(line.strip()):
                    break


class _Sitting:
    """One sitting at the terminal."""

    def __init__(self, troupe: Troupe, settings: "Settings", asked: Chat) -> None:
        self._troupe = troupe
        self._settings = settings
        self._asked = asked
        self._stage = TerminalStage()

    @property
    def prompt_mark(self) -> str:
        """Before what the person types."""
        return f"{self._asked.person_name}> "

    async def open(self, persona: "Persona") -> None:
        """Say what is played on what, load, and show where the scene is."""
        if isinstance(self._settings.engine, ModelFileConfig) and (
            self._settings.engine.model == DEMO_MODEL
        ):
            _print(say("chat_demo") + "\n")
        engine = self._troupe.engine
        loading = asyncio.create_task(show_loading(engine), name="show-loading")
        try:
            await _wait_for_remote(self._settings, engine)
            info = await engine.wait_ready()
        finally:
            loading.cancel()
            await asyncio.wait({loading})
        manner = self._troupe.performer.get_manner(info)
        _print(
            say(
                "chat_opening",
                persona=persona.name,
                model=engine.name,
                format=manner.choice.prompt_format.name,
            )
        )
        await self._troupe.service.start(self._stage)
        await self._play(persona)
        if self._asked.length_given:
            await self._set_length(self._asked.length_word)

    async def take(self, line: str) -> bool:
        """A line that was typed; False ends the sitting."""
        if not line:
            return True
        if not line.startswith("/"):
            await self._say(line)
            return True
        command, _, rest = line.partition(" ")
        match command:
            case "/quit" | "/exit":
                return False
            case "/persona":
                await self._switch(rest.strip())
            case "/length":
                await self._set_length(rest.strip().lower())
            case "/reset":
                await self._reset()
            case _ if line.startswith("//"):
                pass  # out of character
            case _:
                _print(say("chat_unknown_command", command=command))
        return True

    async def _say(self, text: str) -> None:
        task = await self._troupe.service.hear(
            IncomingMessage(
                message_id=None,
                scene_key=_SCENE_KEY,
                channel_id=None,
                guild_id=None,
                author_id=_PERSON_ID,
                author_name=self._asked.person_name,
                text=text,
                is_direct=True,
            )
        )
        if task is not None:
            await asyncio.wait([task])

    async def _switch(self, name: str) -> None:
        persona = self._troupe.library.find(name) if name else None
        if persona is None:
            if name:
                _print(say("chat_persona_unknown", name=name))
            names = ", ".join(persona.name for persona in self._troupe.library.list())
            _print(say("chat_personas", names=names))
            return
        await self._play(persona)

    async def _play(self, persona: "Persona") -> None:
        playing = await self._troupe.service.play(
            Place(scene_key=_SCENE_KEY, person_id=_PERSON_ID, person_name=self._asked.person_name),
            persona,
        )
        if not playing.is_new:
            _print(say("chat_resumed"))
            turns = await self._troupe.service.list_turns(playing.scene)
            for turn in turns[-2:]:
                self._stage.print_turn(turn.name, turn.text)
        elif playing.greeting is not None:
            self._stage.print_turn(playing.greeting.name, playing.greeting.text)

    async def _set_length(self, word: str) -> None:
        if word not in ("auto", *LENGTH_WORDS):
            _print(say("chat_lengths", words=", ".join(("auto", *LENGTH_WORDS))))
            return
        scene = await self._find_scene()
        await self._troupe.service.set_length(scene, None if word == "auto" else word)
        _print(say("chat_length", word=word))

    async def _reset(self) -> None:
        playing = await self._troupe.service.reset(await self._find_scene())
        _print(say("chat_reset"))
        if playing.greeting is not None:
            self._stage.print_turn(playing.greeting.name, playing.greeting.text)

    async def _find_scene(self) -> "SceneRecord":
        scene = await self._troupe.service.find(_SCENE_KEY)
        assert scene is not None  # noqa: S101 - `open` played one, and none is ever only closed
        return scene


class _Printer:
    """Streams one reply to standard output: what was printed once is never taken back."""

    def __init__(self) -> None:
        self._printed = ""

    def __call__(self, text: str) -> None:
        if text.startswith(self._printed):
            write(text[len(self._printed) :])
            self._printed = text

    def finish(self, text: str) -> None:
        self(text)
        write("\n")


def _get_persona(library: "PersonaLibrary", name: str) -> "Persona":
    persona = library.find(name)
    if persona is not None:
        return persona
    try:
        return library.get(name)
    except PersonaNotFoundError as error:
        raise StartupError(str(error), exit_code=2) from error


async def _wait_for_remote(settings: "Settings", engine: "Engine") -> None:
    """A server elsewhere may never come; a person at a terminal is told so after a moment."""
    if isinstance(settings.engine, ModelFileConfig):
        return
    try:
        async with asyncio.timeout(_REMOTE_PATIENCE_SECONDS):
            await engine.wait_ready()
    except TimeoutError:
        message = (
            f"no llama.cpp server answers at {settings.engine.url.host}: start it, or mend "
            "TROUPE_ENGINE__URL"
        )
        raise StartupError(message) from None


def _print(text: str) -> None:
    write(text + "\n")
