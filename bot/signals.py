"""What signals do: SIGTERM and Ctrl-C end, SIGHUP plays on the model that the settings name now."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING

from bot.generation.errors import EngineError
from bot.settings import SettingsError, read_settings

if TYPE_CHECKING:
    from bot.engine_room import EngineRoom
    from bot.scenes.service import SceneService

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def reloading_model(room: "EngineRoom") -> Generator[None]:
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


async def _reload_model(room: "EngineRoom") -> None:
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


async def run_until_signal(
    connecting: Coroutine[object, object, None], service: "SceneService"
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
