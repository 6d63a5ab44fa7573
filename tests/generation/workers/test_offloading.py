"""Where a model runs is logged once a start, from what its worker says."""

import logging

import pytest

from bot.generation.config import DEMO_MODEL
from bot.generation.workers.devices import list_gpus
from bot.generation.workers.offloading import NO_GPU, find_offloading
from tests.generation.workers.supervising import supervise


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "0.01.234.567 I load_tensors: offloaded 24/33 layers to GPU",
            "24 of 33 layers on the GPU",
        ),
        ("load_tensors: offloaded 0/33 layers to GPU", "0 of 33 layers on the GPU"),
        (NO_GPU, NO_GPU),
        (f"somebody wrote: {NO_GPU}", None),
        ("0.01.234.567 I load_tensors: offloading 23 repeating layers to GPU", None),
        ("", None),
    ],
)
def test_a_line_says_where_a_model_runs_or_nothing(line: str, said: str | None):
    assert find_offloading(line) == said


def list_said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.message
        for record in caplog.records
        if getattr(record, "action", "") == "model-offloaded"
    ]


async def test_layers_on_a_gpu_are_logged(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    async with supervise("offloading") as supervisor:
        await supervisor.get_endpoint()
    assert list_said(caplog) == ["24 of 33 layers on the GPU"]


async def test_a_worker_that_says_nothing_of_it_logs_nothing(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    async with supervise("noisy") as supervisor:
        await supervisor.get_endpoint()
    assert list_said(caplog) == []


async def test_the_real_worker_says_where_its_model_runs(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    async with supervise(DEMO_MODEL) as supervisor:
        await supervisor.get_endpoint()
    assert list_said(caplog) == ["0 of 6 layers on the GPU" if list_gpus() else NO_GPU]
