"""Whatever happens in whatever order: nothing is lost, doubled, overtaken for ever or stuck."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from bot.generation.errors import EngineDiedError, QueueFullError
from bot.generation.scheduler import Scheduler
from bot.generation.types import (
    EngineState,
    FinishReason,
    GenerationChunk,
    GenerationRequest,
    ModelInfo,
)

SLOTS, LIMIT = 2, 6
MOST_OVERTAKING = 40
"""Later requests that may begin before an earlier one; the queue holds six."""


class Engine:
    """Ends a generation when, and how, it is told to."""

    name = "machine"
    state = EngineState.READY
    progress = None

    def __init__(self) -> None:
        self.running: dict[str, asyncio.Future[bool]] = {}
        self.began: list[str] = []

    async def wait_ready(self) -> ModelInfo:
        return ModelInfo(name=self.name, context_length=100, slots=SLOTS)

    async def count_tokens(self, text: str, *, whole: bool = False) -> int:
        return len(text)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationChunk, None]:
        assert request.prompt not in self.began, "answered twice"
        self.began.append(request.prompt)
        self.running[request.prompt] = asyncio.get_running_loop().create_future()
        try:
            if not await self.running[request.prompt]:
                raise EngineDiedError(self.name)
            yield GenerationChunk(text=request.prompt, finish_reason=FinishReason.STOP)
        finally:
            del self.running[request.prompt]

    async def aclose(self) -> None:
        pass


class SchedulerMachine(RuleBasedStateMachine):
    requests = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.engine = Engine()
        self.scheduler = Scheduler(self.engine, queue_limit=LIMIT)
        self.tasks: dict[str, asyncio.Task[str]] = {}
        self.scenes: dict[str, str] = {}
        self.cancelled: set[str] = set()
        self.failed: set[str] = set()

    def settle(self) -> None:
        async def wait() -> None:
            for _ in range(30):
                await asyncio.sleep(0)

        self.loop.run_until_complete(wait())

    async def read(self, request: GenerationRequest) -> str:
        async with aclosing(self.scheduler.generate(request)) as chunks:
            return "".join([chunk.text async for chunk in chunks])

    @rule(target=requests, scene=st.sampled_from("abcd"), person=st.integers(1, 3))
    def ask(self, scene: str, person: int) -> str:
        name = f"{len(self.tasks)}"
        request = GenerationRequest(prompt=name, max_tokens=1, affinity=scene, person=person)
        self.tasks[name] = self.loop.create_task(self.read(request))
        self.scenes[name] = scene
        self.settle()
        return name

    @rule(choice=st.integers(0, SLOTS - 1), works=st.booleans())
    def end_one(self, choice: int, works: bool) -> None:
        if self.engine.running:
            name = sorted(self.engine.running)[choice % len(self.engine.running)]
            self.engine.running[name].set_result(works)
            if not works:
                self.failed.add(name)
            self.settle()

    @rule(name=consumes(requests))
    def cancel(self, name: str) -> None:
        if not self.tasks[name].done():
            self.tasks[name].cancel()
            self.cancelled.add(name)
        self.settle()

    @rule(name=consumes(requests), choice=st.integers(0, SLOTS - 1))
    def cancel_as_a_slot_comes_free(self, name: str, choice: int) -> None:
        if self.engine.running:
            ending = sorted(self.engine.running)[choice % len(self.engine.running)]
            if ending != name:
                self.engine.running[ending].set_result(True)
        self.cancel(name)

    @invariant()
    def no_more_run_than_there_are_slots(self) -> None:
        assert len(self.engine.running) <= SLOTS
        scenes = [self.scenes[name] for name in self.engine.running]
        assert len(set(scenes)) == len(scenes)

    @invariant()
    def no_slot_is_idle_while_one_could_run(self) -> None:
        running = {self.scenes[name] for name in self.engine.running}
        waiting = [n for n, t in self.tasks.items() if not t.done() and n not in self.engine.began]
        if len(self.engine.running) < SLOTS:
            assert all(self.scenes[name] in running for name in waiting)
        assert self.scheduler.load.waiting == len(waiting) <= LIMIT
        assert self.scheduler.load.running == len(self.engine.running)

    @invariant()
    def a_scene_keeps_its_order(self) -> None:
        for scene in "abcd":
            began = [int(name) for name in self.engine.began if self.scenes[name] == scene]
            assert began == sorted(began)

    @invariant()
    def nobody_is_overtaken_for_ever(self) -> None:
        for place, name in enumerate(self.engine.began):
            later = [n for n in self.engine.began[:place] if int(n) > int(name)]
            assert len(later) <= MOST_OVERTAKING

    def teardown(self) -> None:
        try:
            for _ in range(3 * len(self.tasks)):
                for future in self.engine.running.values():
                    if not future.done():
                        future.set_result(True)
                self.settle()
            for name, task in self.tasks.items():
                assert task.done(), "a request is stuck"
                error = None if task.cancelled() else task.exception()
                if isinstance(error, QueueFullError):
                    assert name not in self.engine.began
                elif name not in self.cancelled:
                    assert isinstance(error, EngineDiedError) == (name in self.failed)
                    assert name in self.failed or task.result() == name
            assert self.scheduler.load.waiting == self.scheduler.load.running == 0
        finally:
            self.loop.close()


TestSchedulerMachine = SchedulerMachine.TestCase
TestSchedulerMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
