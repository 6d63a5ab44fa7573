import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from bot.generation.errors import (
    EngineDiedError,
    EngineUnavailableError,
    GenerationTimeoutError,
    QueueFullError,
)
from bot.generation.scheduler import Load, Scheduler
from bot.generation.types import (
    EngineState,
    FinishReason,
    GenerationChunk,
    GenerationRequest,
    ModelInfo,
    QueuePlace,
)


class GatedEngine:
    """Begins a generation at once and ends it when it is told to."""

    name = "gated"
    state = EngineState.READY
    progress = None

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.began: list[str] = []
        self.ended: list[str] = []
        self.asked_ready = 0
        self.gates: dict[str, asyncio.Event] = {}
        self.failing: set[str] = set()
        self.unavailable = False

    async def wait_ready(self) -> ModelInfo:
        self.asked_ready += 1
        await asyncio.sleep(0)
        if self.unavailable:
            raise EngineUnavailableError(self.name, "mend it")
        return ModelInfo(name=self.name, context_length=100, slots=self.slots)

    async def count_tokens(self, text: str, *, whole: bool = False) -> int:
        return len(text)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationChunk, None]:
        self.began.append(request.prompt)
        try:
            yield GenerationChunk(text=request.prompt)
            await self.gates.setdefault(request.prompt, asyncio.Event()).wait()
            if request.prompt in self.failing:
                raise EngineDiedError(self.name)
            yield GenerationChunk(text="", finish_reason=FinishReason.STOP)
        finally:
            self.ended.append(request.prompt)

    def finish(self, prompt: str) -> None:
        self.gates.setdefault(prompt, asyncio.Event()).set()

    async def aclose(self) -> None:
        pass


async def settle() -> None:
    """Let every task run until it waits for something."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def engine() -> GatedEngine:
    return GatedEngine(slots=2)


@pytest.fixture
def scheduler(engine: GatedEngine) -> Scheduler:
    return Scheduler(engine)


def start(scheduler: Scheduler, prompt: str) -> asyncio.Task[str]:
    async def read() -> str:
        async with aclosing(
            scheduler.generate(GenerationRequest(prompt=prompt, max_tokens=5))
        ) as chunks:
            return "".join([chunk.text async for chunk in chunks])

    return asyncio.create_task(read())


async def test_no_more_run_than_there_are_slots(engine: GatedEngine, scheduler: Scheduler):
    tasks = [start(scheduler, prompt) for prompt in "abcd"]
    await settle()
    assert engine.began == ["a", "b"]
    engine.finish("b")
    await settle()
    assert engine.began == ["a", "b", "c"]
    for prompt in "acd":
        engine.finish(prompt)
    assert await asyncio.gather(*tasks) == list("abcd")


async def test_they_are_served_in_the_order_of_asking(engine: GatedEngine, scheduler: Scheduler):
    engine.slots = 1
    tasks = [start(scheduler, prompt) for prompt in "abcdef"]
    for prompt in "abcdef":
        await settle()
        engine.finish(prompt)
    await asyncio.gather(*tasks)
    assert engine.began == engine.ended == list("abcdef")


async def test_a_newcomer_does_not_overtake(engine: GatedEngine, scheduler: Scheduler):
    engine.slots = 1
    tasks = [start(scheduler, "a"), start(scheduler, "b")]
    await settle()
    engine.finish("a")
    tasks.append(start(scheduler, "c"))
    await settle()
    assert engine.began == ["a", "b"]
    engine.finish("b")
    engine.finish("c")
    await asyncio.gather(*tasks)


async def test_closing_gives_the_slot_back(engine: GatedEngine, scheduler: Scheduler):
    engine.slots = 1
    first = scheduler.generate(GenerationRequest(prompt="a", max_tokens=5))
    assert (await anext(first)).text == "a"
    second = start(scheduler, "b")
    await settle()
    assert engine.began == ["a"]
    await first.aclose()
    assert engine.ended == ["a"]
    engine.finish("b")
    assert await second == "b"


async def test_cancelling_gives_the_slot_back(engine: GatedEngine, scheduler: Scheduler):
    engine.slots = 1
    first, second = start(scheduler, "a"), start(scheduler, "b")
    await settle()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    engine.finish("b")
    assert await second == "b"


async def test_a_failure_gives_the_slot_back(engine: GatedEngine, scheduler: Scheduler):
    engine.slots = 1
    engine.failing.add("a")
    first, second = start(scheduler, "a"), start(scheduler, "b")
    for prompt in "ab":
        engine.finish(prompt)
    with pytest.raises(EngineDiedError):
        await first
    assert await second == "b"


async def test_one_who_stops_waiting_takes_no_slot(engine: GatedEngine, scheduler: Scheduler):
    engine.slots = 1
    tasks = [start(scheduler, prompt) for prompt in "abc"]
    await settle()
    tasks[1].cancel()
    await settle()
    engine.finish("a")
    engine.finish("c")
    assert [await tasks[0], await tasks[2]] == ["a", "c"]
    assert engine.began == ["a", "c"]


async def test_one_who_stops_waiting_as_its_turn_comes_passes_it_on(
    engine: GatedEngine, scheduler: Scheduler
):
    engine.slots = 1
    first = scheduler.generate(GenerationRequest(prompt="a", max_tokens=5))
    await anext(first)
    second, third = start(scheduler, "b"), start(scheduler, "c")
    await settle()
    await first.aclose()  # the slot is promised to the second, which has not run since
    second.cancel()
    engine.finish("c")
    assert await third == "c"
    assert engine.began == ["a", "c"]


async def test_all_slots_are_free_after_a_rush(engine: GatedEngine, scheduler: Scheduler):
    tasks = [start(scheduler, str(number)) for number in range(50)]
    for number in range(50):
        engine.finish(str(number))
        if number % 3 == 0:
            tasks[number].cancel()
        if number % 7 == 0:
            engine.failing.add(str(number))
    await asyncio.gather(*tasks, return_exceptions=True)
    last = [start(scheduler, "x"), start(scheduler, "y")]
    await settle()
    assert engine.began[-2:] == ["x", "y"]
    engine.finish("x")
    engine.finish("y")
    assert await asyncio.gather(*last) == ["x", "y"]


async def test_a_model_that_never_loads_is_an_error_each_time(
    engine: GatedEngine, scheduler: Scheduler
):
    engine.unavailable = True
    for _ in range(2):
        with pytest.raises(EngineUnavailableError):
            await start(scheduler, "a")
    engine.unavailable = False
    engine.finish("a")
    assert await start(scheduler, "a") == "a"


async def test_a_model_that_comes_back_with_other_slots(engine: GatedEngine, scheduler: Scheduler):
    engine.slots = 1
    tasks = [start(scheduler, prompt) for prompt in "ab"]
    await settle()
    assert engine.began == ["a"]
    engine.slots = 3
    tasks.append(start(scheduler, "c"))
    await settle()
    assert sorted(engine.began) == ["a", "b", "c"]
    for prompt in "abc":
        engine.finish(prompt)
    assert await asyncio.gather(*tasks) == list("abc")


def ask(prompt: str, *, scene: str = "", person: int | None = None) -> GenerationRequest:
    return GenerationRequest(prompt=prompt, max_tokens=5, affinity=scene, person=person)


def begin(
    scheduler: Scheduler, request: GenerationRequest, told: list[QueuePlace | None] | None = None
) -> asyncio.Task[str]:
    tell = None if told is None else told.append

    async def read() -> str:
        async with aclosing(scheduler.generate(request, tell)) as chunks:
            return "".join([chunk.text async for chunk in chunks])

    return asyncio.create_task(read())


async def test_one_scene_runs_once_at_a_time_and_in_order(
    engine: GatedEngine, scheduler: Scheduler
):
    tasks = [begin(scheduler, ask(prompt, scene="one")) for prompt in "abc"]
    await settle()
    assert engine.began == ["a"], "two slots, but one scene"
    for prompt in "abc":
        engine.finish(prompt)
    await asyncio.gather(*tasks)
    assert engine.began == list("abc")


async def test_a_full_queue_refuses_at_once_with_place_and_wait(engine: GatedEngine):
    engine.slots = 1
    scheduler = Scheduler(engine, queue_limit=2)
    tasks = [start(scheduler, prompt) for prompt in "abc"]
    await settle()
    with pytest.raises(QueueFullError) as caught:
        await start(scheduler, "d")
    assert caught.value.place == 3
    assert caught.value.seconds is None, "nothing is known yet of how long a reply takes"
    tasks[2].cancel()
    await settle()
    tasks[2] = start(scheduler, "e")
    for prompt in "abe":
        engine.finish(prompt)
    assert await asyncio.gather(*tasks) == ["a", "b", "e"]


async def test_those_who_wait_are_told_their_place(engine: GatedEngine, scheduler: Scheduler):
    engine.slots = 1
    told: list[QueuePlace | None] = []
    tasks = [start(scheduler, prompt) for prompt in "ab"]
    await settle()
    tasks.append(begin(scheduler, ask("c", scene="mine"), told))
    await settle()
    assert told == [QueuePlace(number=2, seconds=None)]
    assert scheduler.find_place("mine") == told[-1]
    assert scheduler.load == Load(running=1, waiting=2, slots=1)
    engine.finish("a")
    await settle()
    assert told[-1] is not None
    assert told[-1].number == 1
    assert told[-1].seconds is not None, "one reply was measured"
    for prompt in "bc":
        engine.finish(prompt)
    await asyncio.gather(*tasks)
    assert told[-1] is None, "it waits no more"
    assert scheduler.find_place("mine") is None
    assert scheduler.load == Load(running=0, waiting=0, slots=1)


async def test_a_reply_that_takes_too_long_is_ended(engine: GatedEngine):
    engine.slots = 1
    scheduler = Scheduler(engine, timeout_seconds=0.05)
    first, second = start(scheduler, "a"), start(scheduler, "b")
    with pytest.raises(GenerationTimeoutError):
        await first
    assert engine.ended == ["a"]
    engine.finish("b")
    assert await second == "b", "its time counts from its own beginning"


async def test_a_slow_reader_is_not_interrupted(engine: GatedEngine):
    scheduler = Scheduler(engine, timeout_seconds=0.05)
    engine.finish("a")
    async with aclosing(scheduler.generate(ask("a"))) as chunks:
        assert (await anext(chunks)).text == "a"
        await asyncio.sleep(0.1)
        assert (await anext(chunks)).finish_reason is FinishReason.STOP
