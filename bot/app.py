"""The only module that names concrete classes: opens in order, closes in reverse."""

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.affinity import open_affinity
from bot.engine_room import EngineRoom, open_engine_room
from bot.errors import StartupError
from bot.messages import Pacing
from bot.scenes.answering import Answerer
from bot.scenes.default_scene import DefaultScenes
from bot.scenes.listening import StoryListener
from bot.scenes.performer import Performer
from bot.scenes.proxies import Originals
from bot.scenes.runner import SceneRunner
from bot.scenes.service import SceneService
from bot.scenes.status import StatusReader
from bot.scenes.steering import Steering
from bot.scenes.swiping import Swiper
from bot.scenes.tuning import read_persona_sampler
from bot.scenes.writing import ReplyWriter
from bot.signals import reloading_model, run_until_signal
from bot.words import say
from personas.errors import PersonaError
from personas.library import PersonaLibrary
from storage.database import Database
from storage.errors import DataFolderInUseError, StorageError
from storage.lock import DataFolderLock
from storage.messages import MessageStore
from storage.scenes import SceneStore
from storage.swipes import SwipeStore
from storage.turns import TurnStore

if TYPE_CHECKING:
    from bot.cogs.operator import Operator
    from bot.generation.engine import Engine
    from bot.settings import Settings

_log = logging.getLogger(__name__)

_DATABASE = "troupe.sqlite3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Troupe:
    """Everything that is open."""

    service: SceneService
    performer: Performer
    room: EngineRoom
    status: StatusReader
    engine: "Engine"
    library: PersonaLibrary


def open_library(settings: "Settings") -> PersonaLibrary:
    """Read all personas and check the default one.

    Raises:
        StartupError: If a folder or the default persona is missing.
    """
    folders = [settings.persona_folder] if settings.persona_folder else []
    try:
        library = PersonaLibrary.open(folders)
        library.get(settings.default_persona)
    except PersonaError as error:
        raise StartupError(str(error), exit_code=2) from error
    for problem in library.problems:
        _log.warning("%s", problem, extra={"action": "card-refused"})
    for persona in library.list():
        for warning in read_persona_sampler(persona)[1]:
            _log.warning("%s: %s", persona.key, warning, extra={"action": "card-sampler"})
    return library


@asynccontextmanager
async def _open_database(data_folder: Path) -> AsyncGenerator[Database]:
    """Take the data folder for this process and open its database."""
    async with AsyncExitStack() as stack:
        try:
            stack.enter_context(DataFolderLock(data_folder))
            database = await Database.open(data_folder / _DATABASE)
        except DataFolderInUseError as error:
            message = (
                f"another Troupe uses the data folder {data_folder}: end it, or give this one a "
                "folder of its own in TROUPE_DATA_FOLDER"
            )
            raise StartupError(message) from error
        except StorageError as error:
            raise StartupError(str(error)) from error
        stack.push_async_callback(database.aclose)
        yield database


@asynccontextmanager
async def open_troupe(
    settings: "Settings", data_folder: Path, pacing: Pacing
) -> AsyncGenerator[Troupe]:
    """Open everything but a stage.

    Raises:
        StartupError: If something is missing, with how to mend it.
    """
    async with AsyncExitStack() as stack:
        library = open_library(settings)
        database = await stack.enter_async_context(_open_database(data_folder))
        room = await stack.enter_async_context(open_engine_room(settings))
        performer = room.performer
        affinity = open_affinity(data_folder)
        stores = _Stores(database)
        status = StatusReader(
            scenes=stores.scenes,
            turns=stores.turns,
            library=library,
            performer=performer,
            affinity=affinity,
        )
        writer = ReplyWriter(
            scenes=stores.scenes,
            library=library,
            performer=performer,
            pacing=pacing,
            affinity=affinity,
        )
        service = _make_service(settings, stores, library, writer, pacing)
        stack.push_async_callback(service.aclose)
        yield Troupe(
            service=service,
            performer=performer,
            room=room,
            status=status,
            engine=performer.engine,
            library=library,
        )


class _Stores:
    """What reads and writes the database."""

    def __init__(self, database: Database) -> None:
        self.scenes = SceneStore(database)
        self.turns = TurnStore(database)
        self.swipes = SwipeStore(database)
        self.messages = MessageStore(database)


def _make_service(
    settings: "Settings",
    stores: _Stores,
    library: PersonaLibrary,
    writer: ReplyWriter,
    pacing: Pacing,
) -> SceneService:
    """The life of scenes, of the parts that do one thing each."""
    scenes, turns, swipes = stores.scenes, stores.turns, stores.swipes
    swiper = Swiper(swipes=swipes, writer=writer)
    runner = SceneRunner(
        scenes=scenes,
        turns=turns,
        swipes=swipes,
        answerer=Answerer(turns=turns, swipes=swipes, writer=writer),
        swiper=swiper,
        pacing=pacing,
    )
    length_word = None if settings.length == "auto" else settings.length
    default_scenes = DefaultScenes(
        scenes=scenes,
        library=library,
        persona=settings.default_persona,
        length_word=length_word,
    )
    listener = StoryListener(
        turns=turns,
        messages=stores.messages,
        runner=runner,
        default_scenes=default_scenes,
        guests=settings.guests,
        originals=Originals(seconds=pacing.proxy_seconds, clock=time.monotonic),
    )
    return SceneService(
        scenes=scenes,
        turns=turns,
        library=library,
        runner=runner,
        steering=Steering(scenes=scenes, turns=turns, swipes=swipes, swiper=swiper, runner=runner),
        listener=listener,
        default_length=length_word,
    )


async def run_bot(settings: "Settings") -> None:
    """Play on Discord until a signal comes.

    Raises:
        StartupError: If something is missing, with how to mend it.
    """
    # Here, because `troupe chat` has no use for discord.py and it takes a while to import.
    import aiohttp  # noqa: PLC0415
    import discord  # noqa: PLC0415

    from bot.client import (  # noqa: PLC0415
        ClientOptions,
        RoleplayClient,
        ShardedRoleplayClient,
        point_discord_at,
    )

    token = settings.discord_token.get_secret_value()
    if not token:
        raise StartupError(say("no_token"), exit_code=2)
    point_discord_at(api_base=settings.discord_api_base, gateway=settings.discord_gateway)
    pacing = Pacing.scaled(settings.pace)
    async with open_troupe(settings, settings.data_folder, pacing) as troupe:
        shards = settings.discord_shards
        kind = ShardedRoleplayClient if shards else RoleplayClient
        client = kind(
            troupe.service,
            troupe.status,
            options=ClientOptions(
                default_persona=settings.default_persona,
                avatar_base_url=settings.avatar_base_url,
                shard_count=shards,
            ),
            pacing=pacing,
            operator=_make_operator(settings, troupe.room),
        )
        async with client:
            try:
                with reloading_model(troupe.room):
                    await run_until_signal(client.start(token), troupe.service)
            except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
                raise _explain_start(error, settings) from error
            finally:
                await troupe.service.aclose()  # replies are finished while Discord is there


def _make_operator(settings: "Settings", room: EngineRoom) -> "Operator | None":
    from bot.cogs.operator import Operator  # noqa: PLC0415 - as above

    if settings.operator_server is None:
        return None
    return Operator(server_id=settings.operator_server, room=room)


def _explain_start(error: Exception, settings: "Settings") -> StartupError:
    """What an operator can do about a connection that did not come about."""
    import discord  # noqa: PLC0415 - as above

    if isinstance(error, discord.LoginFailure):
        return StartupError(say("bad_token"), exit_code=2)
    if isinstance(error, discord.PrivilegedIntentsRequired):
        return StartupError(say("no_intent"), exit_code=2)
    return StartupError(say("no_discord", address=settings.discord_api_base, reason=error))
