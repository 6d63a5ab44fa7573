"""A folder of SillyTavern's preset files, and the formats that come of them.

Kinds are told by what is in a file, so that the folder may be laid out as SillyTavern's own data
folder, flat, or hold a "master export", which is one file with a preset of each kind.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar, cast

from bot.prompting.formats.markers import NEUTRAL_SYSTEM_PROMPT
from bot.prompting.presets.preset import (
    DEFAULT_STORY_STRING,
    ContextPreset,
    InstructPreset,
    PresetError,
    read_context,
    read_instruct,
    read_story_string,
    read_system_prompt,
)
from bot.prompting.presets.preset_format import PresetFormat

PREFIX: Final = "preset:"
_LARGEST_BYTES = 1_000_000
_MOST_FILES = 2000
_DEFAULT = "default"
"""The context preset that goes with instruct presets which have none of their name."""


@dataclass(slots=True)
class PresetFolder:
    """Presets by lower-case name."""

    folder: Path
    instruct: dict[str, InstructPreset] = field(default_factory=dict[str, InstructPreset])
    context: dict[str, ContextPreset] = field(default_factory=dict[str, ContextPreset])
    system: dict[str, str] = field(default_factory=dict[str, str])
    problems: list[str] = field(default_factory=list[str])
    """Files that could not be read, a sentence each."""

    @classmethod
    def open(cls, folder: Path) -> "PresetFolder":
        """Read every JSON file in a folder and its subfolders.

        Raises:
            PresetError: If there is no such folder.
        """
        if not folder.is_dir():
            message = f"there is no folder {folder}: make it, and put SillyTavern's presets in it"
            raise PresetError(message)
        presets = cls(folder)
        files = sorted(folder.rglob("*.json"))
        if len(files) > _MOST_FILES:
            presets.problems.append(f"{folder} has more than {_MOST_FILES} files; the rest is left")
        for file in files[:_MOST_FILES]:
            try:
                presets._add(_read_file(file), file)
            except PresetError as error:
                presets.problems.append(str(error))
        return presets

    def list_formats(self) -> dict[str, PresetFormat]:
        """Every instruct preset with the context and system prompt of its name."""
        return {
            f"{PREFIX}{preset.name}": self.make(preset.name) for preset in self.instruct.values()
        }

    def make(self, name: str) -> PresetFormat:
        """Make a format of an instruct preset's name, or of several presets' with + between.

        `Vicuna 1.1+Default+Roleplay` is instruct, context and system prompt. Without a context it
        is the one of the same name, or else the one called Default, or the usual labelled lines.

        Raises:
            PresetError: If one of them is not here; the text has those that are.
        """
        whole = {key: key for key in self.instruct}.get(name.lower())  # a name may have a +
        names = [whole] if whole else [part.strip().lower() for part in name.split("+")]
        instruct = _find(self.instruct, names[0], "instruct preset", self.folder)
        context = self.context.get(names[0]) or self.context.get(_DEFAULT) or _USUAL_CONTEXT
        if len(names) > 1:
            context = _find(self.context, names[1], "context preset", self.folder)
        system = self.system.get(names[0], NEUTRAL_SYSTEM_PROMPT)
        if len(names) > 2:  # noqa: PLR2004 (the third of three)
            system = _find(self.system, names[2], "system prompt", self.folder)
        return PresetFormat(
            name=f"{PREFIX}{name if len(names) > 1 else instruct.name}",
            instruct=instruct,
            context=context,
            system_prompt=system,
        )

    def _add(self, value: object, file: Path) -> None:
        """Take in what a file holds; what is of another kind is not for this folder."""
        if not isinstance(value, dict):
            raise PresetError(f"{file.name} is no preset: it is not a JSON object")
        keys = cast("dict[str, object]", value)
        sections = [keys[kind] for kind in ("instruct", "context", "sysprompt") if kind in keys]
        for section in sections:
            if isinstance(section, dict):
                self._add(cast("dict[str, object]", section), file)
        if sections:
            return
        name = str(keys.get("name") or file.stem)
        named = {**keys, "name": name}
        if "story_string" in keys:
            self.context[name.lower()] = read_context(named, source=file.name)
        elif "input_sequence" in keys or "output_sequence" in keys:
            self.instruct[name.lower()] = read_instruct(named, source=file.name)
        elif isinstance(keys.get("content"), str):
            self.system[name.lower()] = read_system_prompt(keys, source=file.name)


_USUAL_CONTEXT: Final = ContextPreset(
    name="", story_string=read_story_string(DEFAULT_STORY_STRING, source="Troupe")
)


def _read_file(file: Path) -> object:
    try:
        if file.stat().st_size > _LARGEST_BYTES:
            raise PresetError(
                f"{file.name} is larger than a preset can be ({_LARGEST_BYTES:,} bytes)"
            )
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise PresetError(f"{file.name} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise PresetError(f"{file.name} is not JSON: {error}") from error


_T = TypeVar("_T")


def _find(known: Mapping[str, _T], name: str, what: str, folder: Path) -> _T:
    if name in known:
        return known[name]
    names = ", ".join(sorted(known)) or "none"
    raise PresetError(f"there is no {what} {name!r} in {folder}; there are: {names}")
