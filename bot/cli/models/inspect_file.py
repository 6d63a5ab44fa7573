"""`troupe models inspect`: what a model file holds, what it needs, what Troupe would choose."""

from pathlib import Path

import click

from bot.cli.failure import Failure
from bot.cli.models.choice import FileConfig, choose_config, list_decisions, look_out
from bot.cli.models.lines import render_inspection, render_json
from bot.cli.models.memory_words import read_memory, say_memory
from bot.generation.config import LlamaCppConfig
from bot.generation.sizing.anatomy import ModelAnatomy
from bot.generation.sizing.demand import GPU_BATCH_TOKENS, Demand, choose_demand
from bot.generation.sizing.fitting import Gpu
from bot.generation.sizing.inspection import measure_adapters, read_anatomy
from bot.generation.sizing.windows import choose_window
from bot.generation.workers.device_probe import DeviceProbeError, ask_gpus
from bot.generation.workers.model_files import ModelFileError
from bot.settings import SettingsError, read_settings

_SMALLEST_WINDOW = 256
_MOST_SLOTS = 64


class _MemoryType(click.ParamType[int]):
    """An amount such as 24GiB."""

    name = "amount"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Bytes."""
        try:
            return read_memory(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command("inspect")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--context",
    type=click.IntRange(min=_SMALLEST_WINDOW),
    metavar="TOKENS",
    help="Compute the memory for such a window; without it for the one that Troupe would choose.",
)
@click.option(
    "--slots", type=click.IntRange(1, _MOST_SLOTS), help="Replies written at once, likewise."
)
@click.option(
    "--gpu-memory",
    "gpu_memory",
    type=_MemoryType(),
    multiple=True,
    metavar="24GiB",
    help="Free memory of a GPU; once for each. Without it this machine's GPUs are asked.",
)
@click.option("--json", "as_json", is_flag=True, help="Everything that is known, for programs.")
def inspect_model(
    file: Path,
    context: int | None,
    slots: int | None,
    gpu_memory: tuple[int, ...],
    *,
    as_json: bool,
) -> None:
    """Tell what a model file holds, what it needs, and what Troupe would choose for it.

    Only the header is read. The settings that are in force count.
    """
    try:
        settings = read_settings()
    except SettingsError as error:
        raise Failure(str(error), 2) from error
    try:
        anatomy = read_anatomy(file)
        config = choose_config(settings, file, context=context, slots=slots)
    except (ModelFileError, ValueError) as error:
        raise Failure(str(error), 1) from error
    gpus, gpu_words = _find_gpus(gpu_memory)
    demand = _choose_demand(config, anatomy, context, has_gpu=bool(gpus))
    outlook = look_out(anatomy, demand, config, gpus)
    decisions = list_decisions(settings, config, anatomy, outlook)
    if as_json:
        click.echo(render_json(file, anatomy, outlook, decisions))
    else:
        click.echo(render_inspection(file, anatomy, outlook, decisions, gpu_words))


def _find_gpus(given: tuple[int, ...]) -> tuple[tuple[Gpu, ...], str]:
    """The GPUs, and how to say it."""
    if given:
        gpus = tuple(Gpu(name="--gpu-memory", free_bytes=size) for size in given)
        return gpus, " and ".join(say_memory(size) for size in given) + " free, by --gpu-memory"
    try:
        gpus = ask_gpus()
    except DeviceProbeError as error:
        return (), f"could not be asked ({error}); --gpu-memory 24GiB tells what would fit"
    if not gpus:
        return (), "none was found; --gpu-memory 24GiB tells what would fit into one"
    return gpus, ", ".join(f"{gpu.name}, {say_memory(gpu.free_bytes)} free" for gpu in gpus)


def _choose_demand(
    config: FileConfig, anatomy: ModelAnatomy, context: int | None, *, has_gpu: bool
) -> Demand:
    """What is to be computed: for the window that was asked for, even if it is too long."""
    tokens = context or choose_window(config, anatomy.positions.trained_context).tokens
    if isinstance(config, LlamaCppConfig):
        tuning = config.tuning
        return choose_demand(
            tuning,
            context_length=tokens,
            slots=config.slots,
            has_gpu=has_gpu,
            adapter_bytes=measure_adapters(tuning),
        )
    # ctransformers' buffers are for so many tokens, whatever is evaluated at once
    return Demand(context_length=tokens, has_flash_attention=False, batch_tokens=GPU_BATCH_TOKENS)
