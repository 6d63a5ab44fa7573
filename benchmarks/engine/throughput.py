"""Tokens a second through Troupe's whole path, beside a bare client of the same worker."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp

from benchmarks.engine.scenes import Scene, iterate_messages, open_scenes, trim_block
from bot.engine_room import open_performer
from bot.generation.config import DEMO_MODEL, LlamaServerConfig
from bot.generation.engine import Endpoint
from bot.generation.llama_protocol import write_request
from bot.generation.types import GenerationRequest
from bot.generation.workers.child import WorkerSettings
from bot.generation.workers.supervisor import WorkerSupervisor
from bot.scenes.performer import Performer
from bot.settings import Settings
from storage.records import Role

AT_ONCE = (1, 2, 4, 8)
"""How many replies are written at the same time."""
REPLIES = 16
"""In one timing, by all together: short, so that the other client sees the same machine."""
_SLOTS = max(AT_ONCE)
_TURNS_BEFORE = 3
"""Answered before anything is timed, so that prompts have a history."""

Write = Callable[[int, int], Awaitable[int]]
"""Has one reply written, of this scene with this seed, and returns its tokens."""


async def compare_speed(rounds: int, seed: int, context_length: int) -> dict[int, list[float]]:
    """Return Troupe's tokens a second divided by the bare client's: by replies at once, by round.

    The two take turns on one worker, and who is first changes from round to round, so that both
    see the same machine. Prompts, sampler settings and seeds are the same, and both find their
    prompts in the slots.
    """
    ratios: dict[int, list[float]] = {at_once: [] for at_once in AT_ONCE}
    async with _open_worker(context_length) as endpoint:
        engine = LlamaServerConfig.model_validate(
            {"kind": "llama_server", "url": endpoint.url, "api_key": endpoint.api_key}
        )
        async with (
            open_performer(Settings(engine=engine)) as performer,
            # Like Troupe's own: the server may close a connection that is used again.
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session,
        ):
            scenes = await _prepare_scenes(performer, seed)
            ways = [_way_of_troupe(performer, scenes)]
            ways.append(await _way_of_bare_client(performer, scenes, session, endpoint))
            for number in range(rounds):
                for at_once in AT_ONCE:
                    first = seed + number * REPLIES
                    order = (0, 1) if number % 2 == 0 else (1, 0)
                    speeds = {way: await _measure(ways[way], at_once, first) for way in order}
                    ratios[at_once].append(speeds[0] / speeds[1])
    return ratios


@asynccontextmanager
async def _open_worker(context_length: int) -> AsyncGenerator[Endpoint]:
    """Run the shipped model on a worker whose address is known to both clients."""
    settings = WorkerSettings(
        model=str(DEMO_MODEL),
        api_key="",
        parent_pid=0,
        context_length=context_length,
        slots=_SLOTS,
        gpu_layers=-1,
        threads=max(1, (os.cpu_count() or 2) - 1),
    )
    supervisor = WorkerSupervisor("bot.generation.workers.llamacpp_worker", settings)
    supervisor.start()
    try:
        yield await supervisor.get_endpoint()
    finally:
        await supervisor.aclose()


async def _prepare_scenes(performer: Performer, seed: int) -> list[Scene]:
    """Return a scene for each slot, with some turns and a message that waits for its reply."""
    scenes, messages = open_scenes(_SLOTS), iterate_messages(seed)
    for scene in scenes:
        for number in range(_TURNS_BEFORE):
            scene.add(Role.PERSON, next(messages))
            prompt = await trim_block(performer, scene)
            name = scene.persona.name
            reply = await performer.speak(
                prompt, persona_name=name, show=lambda _: None, seed=seed + number
            )
            scene.add(Role.PERSONA, reply.text)
        scene.add(Role.PERSON, next(messages))
    return scenes


def _way_of_troupe(performer: Performer, scenes: list[Scene]) -> Write:
    async def write(scene_number: int, seed: int) -> int:
        scene = scenes[scene_number]
        prompt = await performer.prepare(scene.write_script())
        reply = await performer.speak(
            prompt, persona_name=scene.persona.name, show=lambda _: None, seed=seed
        )
        return reply.timings.reply_tokens if reply.timings else 0

    return write


async def _way_of_bare_client(
    performer: Performer,
    scenes: list[Scene],
    session: aiohttp.ClientSession,
    endpoint: Endpoint,
) -> Write:
    """Post the same prompts, written beforehand, and read each answer in one go."""
    prompts = [await performer.prepare(scene.write_script()) for scene in scenes]
    sampler = performer.get_manner(await performer.engine.wait_ready()).sampler
    requests = [
        GenerationRequest(
            prompt=prompt.text,
            max_tokens=prompt.max_tokens,
            sampler=sampler,
            stop_sequences=prompt.stop_sequences,
        )
        for prompt in prompts
    ]
    headers = {"Authorization": f"Bearer {endpoint.api_key}"}

    async def write(scene_number: int, seed: int) -> int:
        body = write_request(replace(requests[scene_number], seed=seed))
        url = f"{endpoint.url}/completion"
        async with session.post(url, json=body, headers=headers) as response:
            return read_reply_tokens(await response.read())

    return write


def read_reply_tokens(stream: bytes) -> int:
    """Return how many tokens were written, from the last event of a stream."""
    last = stream.strip().rpartition(b"data: ")[2]
    return int(json.loads(last)["timings"]["predicted_n"])


async def _measure(write: Write, at_once: int, seed: int) -> float:
    """Return tokens a second of so many scenes, each with its replies one after another."""
    loop = asyncio.get_running_loop()

    async def write_all(scene_number: int) -> int:
        seeds = range(seed, seed + REPLIES // at_once)
        return sum([await write(scene_number, each) for each in seeds])

    started = loop.time()
    tokens = sum(await asyncio.gather(*map(write_all, range(at_once))))
    return tokens / (loop.time() - started)
