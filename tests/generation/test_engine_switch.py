import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from bot.generation.engine_switch import EngineSwitch
from bot.generation.errors import EngineDiedError, EngineUnavailableError
from bot.generation.types import (
    EngineState,
    FinishReason,
    GenerationChunk,
    GenerationRequest,
    ModelInfo,
)


class NamedEngine:
    """A model that says its name, once it is let; closing it breaks what it is saying."""

    progress = None

    def __init__(self, name: str, *, loads: bool | None = True) -> None:
        self.name = name
        self.state = EngineState.READY
        self.loads = loads
        self.released = asyncio.Event()
        self.closed = asyncio.Event()
        self.began = asyncio.Event()

    async def wait_ready(self) -> ModelInfo:
        await asyncio.sleep(0)
        if self.loads is None:
            await asyncio.Event().wait()
        if not self.loads:
            raise EngineUnavailableError(self.name, "the model file is truncated")
        return ModelInfo(name=self.name, context_length=100, slots=1)

    async def count_tokens(self, text: str, *, whole: bool = False) -> int:
        return len(text)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationChunk, None]:
        self.began.set()
        waits = [asyncio.ensure_future(e.wait()) for e in (self.released, self.closed)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self.closed.is_set():
            raise EngineDiedError(self.name)
        yield GenerationChunk(text=self.name, finish_reason=FinishReason.STOP)

    async def aclose(self) -> None:
        self.closed.set()


async def ask(switch: EngineSwitch, model: str = "") -> str:
    request = GenerationRequest(prompt="x", max_tokens=1, model=model)
    async with aclosing(switch.generate(request)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


async def begin(switch: EngineSwitch, engine: NamedEngine) -> asyncio.Task[str]:
    task = asyncio.create_task(ask(switch))
    await engine.began.wait()
    return task


@pytest.fixture
def old() -> NamedEngine:
    return NamedEngine("old")


@pytest.fixture
def new() -> NamedEngine:
    engine = NamedEngine("new")
    engine.released.set()
    return engine


def never() -> NamedEngine:
    raise AssertionError("the old model was not asked for")


async def test_a_running_reply_is_finished_on_the_old_model_and_the_next_comes_from_the_new(
    old: NamedEngine, new: NamedEngine
):
    switch = EngineSwitch(old)
    running = await begin(switch, old)
    told: list[str] = []
    swapping = asyncio.create_task(
        switch.swap(lambda: new, never, switched=lambda: told.append(switch.name))
    )
    await asyncio.sleep(0)
    assert switch.state is EngineState.LOADING
    waiting = asyncio.create_task(ask(switch))
    await asyncio.sleep(0)
    assert not old.closed.is_set()
    old.released.set()
    assert await running == "old"
    assert (await swapping).name == "new"
    assert told == ["new"]
    assert await waiting == "new"
    assert old.closed.is_set(), "there is seldom room for two"
    assert switch.state is EngineState.READY


async def test_a_reply_that_takes_too_long_is_cut_off_and_can_be_asked_for_again(
    old: NamedEngine, new: NamedEngine
):
    switch = EngineSwitch(old, patience_seconds=0.05)
    running = await begin(switch, old)
    await switch.swap(lambda: new, never, switched=lambda: None)
    with pytest.raises(EngineDiedError):
        await running
    assert await ask(switch) == "new"


async def test_a_model_that_does_not_load_leaves_the_old_one(old: NamedEngine):
    switch = EngineSwitch(old)
    broken, again = NamedEngine("broken", loads=False), NamedEngine("old")
    again.released.set()
    told: list[str] = []
    with pytest.raises(EngineUnavailableError, match="truncated"):
        await switch.swap(lambda: broken, lambda: again, switched=lambda: told.append("x"))
    assert told == []
    assert broken.closed.is_set()
    assert await ask(switch) == "old"


async def test_a_model_that_takes_for_ever_is_given_up(old: NamedEngine):
    """A server that does not answer, for example."""
    switch = EngineSwitch(old, load_seconds=0.05)
    silent, again = NamedEngine("silent", loads=None), NamedEngine("old")
    again.released.set()
    with pytest.raises(EngineUnavailableError, match=r"did not load within 0\.05 s"):
        await switch.swap(lambda: silent, lambda: again, switched=lambda: None)
    assert silent.closed.is_set()
    assert await ask(switch) == "old"


async def test_a_swap_that_is_cancelled_leaves_the_old_one(old: NamedEngine):
    switch = EngineSwitch(old)
    again = NamedEngine("old")
    again.released.set()
    new = NamedEngine("new", loads=None)
    swapping = asyncio.create_task(switch.swap(lambda: new, lambda: again, switched=lambda: None))
    await old.closed.wait()
    await asyncio.sleep(0)
    swapping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await swapping
    assert await ask(switch) == "old"
    assert new.closed.is_set()


async def test_a_prompt_for_another_model_is_refused(old: NamedEngine, new: NamedEngine):
    """Its format, and what was made harmless in it, were the other model's."""
    switch = EngineSwitch(old)
    old.released.set()
    assert await ask(switch, "old") == "old"
    await switch.swap(lambda: new, never, switched=lambda: None)
    with pytest.raises(EngineDiedError):
        await ask(switch, "old")
    assert not new.began.is_set()


async def test_two_swaps_come_one_after_the_other(old: NamedEngine, new: NamedEngine):
    switch = EngineSwitch(old)
    third = NamedEngine("third")
    third.released.set()
    await asyncio.gather(
        switch.swap(lambda: new, never, switched=lambda: None),
        switch.swap(lambda: third, never, switched=lambda: None),
    )
    assert new.closed.is_set()
    assert await ask(switch) == "third"
