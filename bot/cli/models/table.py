"""The known models as a table for people and as JSON for programs."""

import json
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from bot.generation.catalogue_values import Download, DownloadKind, KnownModel
from bot.generation.hub.errors import say_bytes

_INDENT: Final = " " * 6
_UNBREAKABLE: Final = "\N{NO-BREAK SPACE}"
_WIDTH: Final = 96
_LEGEND: Final = """\
room: on disk, of the usual file; the memory that it needs is about a quarter more. --file takes any
other quantization of the same repository too. (own): trained on a format that Troupe does not write
yet. *: in {folder}, which is where `troupe models pull NAME` puts it."""


def render_table(models: Sequence[KnownModel], folder: Path) -> str:
    """A line of facts a model, and below it what it is good for and what there is."""
    rows = [("", "name", "size", "room", "format")]
    rows += [
        (
            "*" if find_present(model, folder) else "",
            model.name,
            model.parameters,
            _say_size(model.downloads[0]),
            model.prompt_format or "(own)",
        )
        for model in models
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines: list[str] = []
    for row, model in zip(rows, [None, *models], strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
        for text in describe(model) if model else ():
            wrapped = textwrap.fill(
                text, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT + "  "
            )
            lines.append(wrapped.replace(_UNBREAKABLE, " "))
    return "\n".join([*lines, "", _LEGEND.format(folder=folder)])


def describe(model: KnownModel) -> list[str]:
    """What a model is good for, what to know before, and what can be pulled of it."""
    trained = f"; trained on {model.trained_on}" if model.trained_on else ""
    lines = [f"{model.good_for}{trained}; licence: {model.licence}"]
    for kind in DownloadKind:
        of_kind = [each for each in model.downloads if each.kind is kind]
        if of_kind:
            sizes = [f"{each.quantization} {_say_size(each)}".strip() for each in of_kind]
            text = ", ".join(size.replace(" ", _UNBREAKABLE) for size in sizes)
            lines.append(f"{kind}: {text}")
    return [*lines, model.elsewhere] if model.elsewhere else lines


def _say_size(download: Download) -> str:
    return say_bytes(download.size_bytes) if download.size_bytes else "?"


def find_present(model: KnownModel, folder: Path) -> Path | None:
    """A file of this model in the folder."""
    for download in model.downloads:
        for there in (folder, folder / model.name):
            path = there / Path(download.files[0]).name
            # A LoRA's file names say nothing of whose they are
            if path.is_file() and (download.kind is not DownloadKind.LORA or there != folder):
                return path
    return None


def render_json(models: Iterable[KnownModel], folder: Path) -> str:
    """All that is known, with null for what no source says."""
    objects = [
        {
            "name": model.name,
            "title": model.title,
            "parameters": model.parameters,
            "good_for": model.good_for,
            "format": model.prompt_format or None,
            "trained_on": model.trained_on or None,
            "context_length": model.context_length,
            "has_length_words": model.has_length_words,
            "card": model.card,
            "licence": model.licence,
            "sampler_source": model.sampler_source,
            "elsewhere": model.elsewhere or None,
            "here": str(here) if (here := find_present(model, folder)) else None,
            "downloads": [
                {
                    "repository": download.repository,
                    "files": list(download.files),
                    "kind": download.kind,
                    "quantization": download.quantization or None,
                    "size_bytes": download.size_bytes,
                }
                for download in model.downloads
            ],
        }
        for model in models
    ]
    return json.dumps(objects, ensure_ascii=False, indent=1)
