"""The only module that names concrete classes: opens in order, closes in reverse."""

import asyncio
import contextlib
import hashlib
import hmac
import logging
import secrets
import signal
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.engine_room import EngineRoom, open_engine_room
from bot.errors import StartupError
from bot.generation.errors import EngineError
from bot.messages import Pacing
from bot.scenes.answering import Answerer
from bot.scenes.performer import Performer
from bot.scenes.runner import SceneRunner
from bot.scenes.service import SceneService
from bot.scenes.status import StatusReader
from bot.scenes.tuning import read_persona_sampler
from bot.settings import SettingsError, read_settings
from bot.words import say
from personas.errors import PersonaError
from personas.library import PersonaLibrary
from storage.database import Database
from storage.errors import DataFolderInUseError, StorageError
from storage.lock import DataFolderLock
from storage.scenes import SceneStore
from storage.turns import TurnStore

if TYPE_CHECKING:
    from bot.cogs.operator import Operator
    from bot.generation.engine import Engine
    from bot.settings import Settings

_log = logging.getLogger(__name__)

_DATABASE = "troupe.sqlite3"
_KEY_FILE = "secret"


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
        scenes, turns = SceneStore(database), TurnStore(database)
        affinity = _open_affinity(data_folder)
        answerer = Answerer(
            scenes=scenes,
            turns=turns,
            library=library,
            performer=performer,
            pacing=pacing,
            affinity=affinity,
        )
        status = StatusReader(
            scenes=scenes, turns=turns, library=library, performer=performer, affinity=affinity
        )
        runner = SceneRunner(scenes=scenes, turns=turns, answerer=answerer, pacing=pacing)
        service = SceneService(
            scenes=scenes,
            turns=turns,
            library=library,
            runner=runner,
            default_persona=settings.default_persona,
            default_length=None if settings.length == "auto" else settings.length,
        )
        stack.push_async_callback(service.aclose)
        yield Troupe(
            service=service,
            performer=performer,
            room=room,
            status=status,
            engine=performer.engine,
            library=library,
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
                with _reloading_model(troupe.room):
                    await _run_until_signal(client.start(token), troupe.service)
            except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
                raise _explain_start(error, settings) from error
            finally:
                await troupe.service.aclose()  # replies are finished while Discord is there


def _make_operator(settings: "Settings", room: EngineRoom) -> "Operator | None":
    from bot.cogs.operator import Operator  # noqa: PLC0415 - as above

    if settings.operator_server is None:
        return None
    return Operator(server_id=settings.operator_server, room=room)


@contextlib.contextmanager
def _reloading_model(room: EngineRoom) -> Generator[None]:
    """On SIGHUP read the settings again and play on the model that they name now."""
    if not hasattr(signal, "SIGHUP"):  # Windows
        yield
        return
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = asyncio.create_task(_reload_model(room), name="reload-model")
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        for task in tasks:
            task.cancel()


async def _reload_model(room: EngineRoom) -> None:
    try:
        config = read_settings().engine
        if config == room.config:
            _log.info("the settings name the same model", extra={"action": "model-kept"})
            return
        info = await room.change_model(config)
    except (SettingsError, EngineError) as error:
        _log.error("the model was not changed: %s", error, extra={"action": "model-kept"})
    else:
        _log.info("now played on %s", info.name, extra={"action": "model-changed"})


def _explain_start(error: Exception, settings: "Settings") -> StartupError:
    """What an operator can do about a connection that did not come about."""
    import discord  # noqa: PLC0415 - as above

    if isinstance(error, discord.LoginFailure):
        return StartupError(say("bad_token"), exit_code=2)
    if isinstance(error, discord.PrivilegedIntentsRequired):
        return StartupError(say("no_intent"), exit_code=2)
    return StartupError(say("no_discord", address=settings.discord_api_base, reason=error))


async def _run_until_signal(
    connecting: Coroutine[object, object, None], service: SceneService
) -> None:
    """Run the client; on SIGTERM or Ctrl-C let replies finish while it is still connected.

    A second signal ends at once.
    """
    loop = asyncio.get_running_loop()
    asked, asked_again = asyncio.Event(), asyncio.Event()
    # As PID 1 in a container Python ignores SIGTERM unless it is handled.
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(
            number, lambda: asked_again.set() if asked.is_set() else asked.set()
        )
    running = asyncio.create_task(connecting)
    waiting = asyncio.create_task(asked.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
            return
        _log.info("ending: replies in progress may finish", extra={"action": "ending"})
        ending = asyncio.create_task(service.aclose())
        insisting = asyncio.create_task(asked_again.wait())
        await asyncio.wait({ending, insisting}, return_when=asyncio.FIRST_COMPLETED)
        for task in (ending, insisting):
            task.cancel()
        await asyncio.wait({ending, insisting})
    finally:
        for task in (running, waiting):
            task.cancel()
        await asyncio.wait({running, waiting})
        for number in signals:
            loop.remove_signal_handler(number)


def _open_affinity(data_folder: Path) -> Callable[[str], str]:
    """A stable name for a scene that says nothing about it: no channel id leaves the host."""
    file = data_folder / _KEY_FILE
    with contextlib.suppress(FileExistsError), file.open("x", encoding="ascii") as new:
        file.chmod(0o600)
        new.write(secrets.token_hex(32))
    key = file.read_text(encoding="ascii").encode()

    def name(scene_key: str) -> str:
        return hmac.new(key, scene_key.encode(), hashlib.sha256).hexdigest()[:32]

    return name
