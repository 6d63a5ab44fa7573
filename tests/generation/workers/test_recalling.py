"""A real worker with fewer slots than scenes: what left a slot is not evaluated again."""

from bot.generation.config import DEMO_MODEL, LlamaCppConfig
from bot.generation.engine import Engine
from bot.generation.factory import open_engine
from bot.generation.types import SamplerSettings, Timings
from tests.generation.engines.asking import read

HEAD = "Maren's Persona: Maren keeps the light at Gull Point and counts the ships that pass.\n"


def tell(scene: str, first: int, last: int) -> str:
    days = [
        f"{scene}: On day {day} I saw {day * 7} ships and a fog.\n" for day in range(first, last)
    ]
    return HEAD + "".join(days)


async def ask_of(engine: Engine, scene: str, prompt: str) -> Timings:
    sampler = SamplerSettings(temperature=0)
    chunks = await read(engine, prompt=prompt, max_tokens=8, affinity=scene, sampler=sampler)
    timings = chunks[-1].timings
    assert timings is not None
    return timings


async def test_a_shortened_scene_is_not_evaluated_again():
    config = LlamaCppConfig(model=DEMO_MODEL, slots=1, context_length=1024)
    engine = open_engine(config)
    try:
        await engine.wait_ready()
        for scene in ("Ada", "Ben"):
            await ask_of(engine, scene, tell(scene, 0, 24))
        costs = await ask_of(engine, "Ada", tell("Ada", 12, 25))
        whole = await engine.count_tokens(tell("Ada", 12, 25), whole=True)
        assert costs.prompt_tokens < whole / 3
        assert costs.cached_tokens > whole / 2
    finally:
        await engine.aclose()
