"""What a model file holds, as short lines for people and as JSON for programs."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from bot.cli.models.memory_words import say_memory
from bot.generation.sizing.anatomy import ModelAnatomy, SpecialToken
from bot.generation.sizing.demand import measure_token
from bot.generation.sizing.fitting import Memory
from bot.prompting.formats.detect import choose_format

if TYPE_CHECKING:
    from pathlib import Path

    from bot.cli.models.choice import Decision, Outlook

_LABEL = 14
_LONGEST = 80
"""Of a file's own words; it may hold anything."""
_LARGE_SHARE = 0.001
_MANY = (("billion", 10**9), ("million", 10**6), ("thousand", 10**3))


def render_inspection(
    path: "Path",
    anatomy: ModelAnatomy,
    outlook: "Outlook",
    decisions: "Sequence[Decision]",
    gpu_words: str,
) -> str:
    """Everything, for people.

    Args:
        path: The file.
        anatomy: What it holds.
        outlook: Its memory.
        decisions: What Troupe would choose.
        gpu_words: Which GPUs there are, or why none.
    """
    demand = outlook.demand
    slots = "1 slot" if demand.slots == 1 else f"{demand.slots} slots"
    cache = "/".join(dict.fromkeys((demand.cache_type_k, demand.cache_type_v)))
    token = say_memory(measure_token(anatomy, demand))
    title = f"Memory: {slots} of {demand.context_length:,} tokens, {token} a token ({cache})"
    lines = [_clean(path.name), "", *_align(_list_facts(anatomy))]
    lines += ["", title, "", *_align([("GPU", gpu_words)]), "", *_render_table(outlook), ""]
    lines += ["  The output counts as one layer more, as llama.cpp counts."]
    lines += [f"  Estimated, rather too large: {each}." for each in anatomy.caveats]
    if outlook.waiting_bytes:
        room = say_memory(outlook.waiting_bytes)
        lines.append(f"  Scenes without a slot wait in up to {room} more of the machine's memory.")
    lines += ["", "What Troupe would choose", ""]
    lines += _align((each.topic, f"{each.value}: {each.reason}") for each in decisions)
    return "\n".join(lines)


def render_json(
    path: "Path", anatomy: ModelAnatomy, outlook: "Outlook", decisions: "Sequence[Decision]"
) -> str:
    """Everything, for programs; sizes are in bytes."""
    model = TypeAdapter(ModelAnatomy).dump_python(anatomy, mode="json")
    shown = {"none": outlook.without, "fitting": outlook.fitting, "all": outlook.whole}
    memory = {
        name: {
            "gpu_layers": each.gpu_layers,
            "machine": _list_sizes(each.machine),
            "gpus": [_list_sizes(gpu) for gpu in each.gpus],
        }
        for name, each in shown.items()
        if each is not None
    }
    written = {
        "file": str(path),
        "model": model,
        "context_length": outlook.demand.context_length,
        "slots": outlook.demand.slots,
        "cache_bytes_per_token": measure_token(anatomy, outlook.demand),
        "gpus": [{"name": gpu.name, "free_bytes": gpu.free_bytes} for gpu in outlook.gpus],
        "memory": memory,
        "choice": {
            each.topic.lower().replace(" ", "_"): {"value": each.value, "reason": each.reason}
            for each in decisions
        },
    }
    return json.dumps(written, ensure_ascii=False, indent=1)


def _list_facts(anatomy: ModelAnatomy) -> Iterable[tuple[str, str]]:
    parts = f" in {anatomy.file_count} files" if anatomy.file_count > 1 else ""
    yield "file", f"{anatomy.kind.upper()}, {say_memory(anatomy.file_bytes)}{parts}"
    if anatomy.name:
        yield "name", _clean(anatomy.name)
    sizes = f"{len(anatomy.layers)} layers, width {anatomy.width:,}"
    if anatomy.feed_forward:
        sizes += f", feed-forward {anatomy.feed_forward:,}"
    yield "architecture", f"{_clean(anatomy.architecture)}: {sizes}"
    yield "parameters", _say_count(anatomy.parameter_count)
    large = [each for each in anatomy.types if each.share >= _LARGE_SHARE]
    shares = ", ".join(f"{each.kind} {each.share:.1%}" for each in large)
    yield "quantization", f"{anatomy.quantization} ({shares})"
    yield "attention", _describe_attention(anatomy)
    if experts := anatomy.experts:
        yield "experts", f"{experts.count}, of which {experts.used} work on a token"
    yield "context", _describe_positions(anatomy)
    yield from _list_vocabulary(anatomy)
    yield "weights", _describe_weights(anatomy)


def _describe_attention(anatomy: ModelAnatomy) -> str:
    attention = anatomy.attention
    if not attention.heads:
        return "none"
    sizes = f"{attention.key_size}"
    if attention.value_size != attention.key_size:
        sizes = f"{attention.key_size} (keys) and {attention.value_size} (values)"
    said = f"{attention.heads} heads of {sizes}, {attention.kv_heads} of keys and values"
    if attention.window:
        windowed = sum(layer.window is not None for layer in anatomy.layers)
        said += f"; {windowed} layers look back {attention.window:,} tokens"
    return said


def _describe_positions(anatomy: ModelAnatomy) -> str:
    positions = anatomy.positions
    if not positions.trained_context:
        return "the file does not say what it was trained for"
    said = f"trained for {positions.trained_context:,} tokens"
    if positions.rope_base:
        said += f", RoPE base {positions.rope_base:,.0f}"
    if positions.rope_scaling or positions.rope_factor:
        said += f", {_clean(positions.rope_scaling) or 'linear'} scaling"
        said += f" by {positions.rope_factor:g}" if positions.rope_factor else ""
        original = positions.original_context
        said += f" from {original:,} tokens" if original else ""
    return said


def _list_vocabulary(anatomy: ModelAnatomy) -> Iterable[tuple[str, str]]:
    tokens = anatomy.vocabulary
    kind = f" ({_clean(tokens.kind)})" if tokens.kind else ""
    yield "vocabulary", f"{tokens.size:,} tokens{kind}, {tokens.control_count} of control"
    found = (("begin", tokens.begin), ("end", tokens.end), ("end of turn", tokens.end_of_turn))
    special = ", ".join(f"{name} {_show_token(each)}" for name, each in found if each)
    yield "special", special or "none named"
    if not anatomy.chat_template:
        yield "template", "none"
        return
    choice = choose_format(setting="auto", chat_template=anatomy.chat_template)
    known = choice.prompt_format.name if choice.certain else "none that Troupe knows"
    yield "template", f"{len(anatomy.chat_template):,} characters: {known}"


def _describe_weights(anatomy: ModelAnatomy) -> str:
    sizes = [layer.weight_bytes for layer in anatomy.layers]
    low, high = say_memory(min(sizes)), say_memory(max(sizes))
    layers = f"{len(sizes)} layers of {low if low == high else f'{low} to {high}'}"
    output = f"output {say_memory(anatomy.output_bytes)}"
    if anatomy.shared_output_bytes:
        output = "which is the output too"
    return f"{layers}, embedding {say_memory(anatomy.embedding_bytes)}, {output}"


def _render_table(outlook: "Outlook") -> Iterable[str]:
    every = outlook.whole.all_layers
    rows: list[tuple[str, ...]] = [("", "", "weights", "cache", "buffers", "together")]
    rows.append(("no layer on a GPU", *_list_cells("machine", outlook.without.machine)))
    shown = [(f"all {every} layers", outlook.whole)]
    if outlook.fitting and not outlook.fitting.is_whole:
        shown.insert(0, (f"{outlook.fitting.gpu_layers} of {every} layers", outlook.fitting))
    for title, placement in shown:
        name = "GPU" if len(placement.gpus) == 1 else "GPU {}"
        for number, memory in enumerate(placement.gpus):
            start = title if number == 0 else ""
            rows.append((start, *_list_cells(name.format(number), memory)))
        rows.append(("", *_list_cells("machine", placement.machine)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        left = [cell.ljust(width) for cell, width in zip(row[:2], widths, strict=False)]
        right = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
        yield "  " + "   ".join([*left, *right])


def _list_cells(place: str, memory: Memory) -> tuple[str, ...]:
    sizes = (memory.weights, memory.cache, memory.buffers, memory.total)
    return (place, *(say_memory(size) if size else "–" for size in sizes))


def _list_sizes(memory: Memory) -> dict[str, int]:
    return {"weights": memory.weights, "cache": memory.cache, "buffers": memory.buffers}


def _show_token(token: SpecialToken) -> str:
    return f"{token.number} {_clean(token.text)}"


def _say_count(number: int) -> str:
    for word, size in _MANY:
        if number >= size:
            return f"{number / size:.2f} {word}"
    return str(number)


def _align(facts: Iterable[tuple[str, str]]) -> Iterable[str]:
    return (f"  {label:<{_LABEL}} {text}" for label, text in facts)


def _clean(text: str) -> str:
    """A file's own words, without what a terminal would obey."""
    shown = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
