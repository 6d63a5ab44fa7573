"""SillyTavern's instruct and context presets as values.

Old files and new ones are read: keys that were renamed are taken by what they meant (1.10 to 1.13).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from bot.prompting.formats.markers import NEUTRAL_SYSTEM_PROMPT
from bot.prompting.presets.story_parser import StoryStringError
from bot.prompting.presets.story_string import StoryString

NAME_MACRO = re.compile(
    r"(\{\{(?:name|char|user|group|charifnotgroup)\}\}|<(?:char|bot|user|group|charifnotgroup)>)",
    re.IGNORECASE,
)
_LONGEST_SEQUENCE = 4096
_MOST_LINES = 200
"""Of all sequences together: each is looked for in everybody's text."""
DEFAULT_STORY_STRING = (
    "{{#if system}}{{system}}\n{{/if}}{{#if wiBefore}}{{wiBefore}}\n{{/if}}"
    "{{#if description}}{{description}}\n{{/if}}"
    "{{#if personality}}{{char}}'s personality: {{personality}}\n{{/if}}"
    "{{#if scenario}}Scenario: {{scenario}}\n{{/if}}"
    "{{#if wiAfter}}{{wiAfter}}\n{{/if}}{{#if persona}}{{persona}}\n{{/if}}"
)
"""The labelled lines of our own formats, as a template."""


_MARKS = ("_sequence", "_suffix", "_prefix")


class PresetError(Exception):
    """A file that is no preset; the text says what it is and what would do."""


class Names(StrEnum):
    """When a message begins with its speaker's name."""

    NONE = "none"
    FORCE = "force"
    """Only of other people than the one who opened the scene, and in example dialogue."""
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructPreset:
    """The sequences around messages; fields as in the files."""

    name: str = ""
    input_sequence: str = ""
    input_suffix: str = ""
    output_sequence: str = ""
    output_suffix: str = ""
    system_sequence: str = ""
    system_suffix: str = ""
    first_input_sequence: str = ""
    first_output_sequence: str = ""
    last_input_sequence: str = ""
    last_output_sequence: str = ""
    last_system_sequence: str = ""
    stop_sequence: str = ""
    story_string_prefix: str = ""
    """`system_sequence_prefix` before 1.13."""
    story_string_suffix: str = ""
    system_sequence_suffix: str = ""
    """Before 1.13, behind the story string and a separator."""
    user_alignment_message: str = ""
    names: Names = Names.FORCE
    wrap: bool = True
    macro: bool = True
    system_same_as_user: bool = False
    skip_examples: bool = False
    sequences_as_stop_strings: bool = True

    def list_stop_lines(self) -> list[str]:
        """Every distinct line that SillyTavern stops at, `{{name}}` as whoever bears it."""
        sequences = [self.stop_sequence]
        if self.sequences_as_stop_strings:
            sequences += [
                self.input_sequence.replace("{{name}}", "{{user}}"),
                self.output_sequence.replace("{{name}}", "{{char}}"),
                self.first_output_sequence.replace("{{name}}", "{{char}}"),
                self.last_output_sequence.replace("{{name}}", "{{char}}"),
                self.system_sequence,
                self.last_system_sequence,
            ]
        return _list_lines(sequences)

    def list_turn_lines(self) -> list[str]:
        """The same, with everybody's names still to be put in."""
        sequences = [self.stop_sequence]
        if self.sequences_as_stop_strings:
            sequences += [self.input_sequence, self.output_sequence, self.first_output_sequence]
            sequences += [self.last_output_sequence, self.system_sequence]
            sequences += [self.last_system_sequence]
        return _list_lines(sequences)

    def list_lines(self) -> list[str]:
        """What opens or closes turns, line by line, names still to be put in."""
        texts = [self.stop_sequence, self.input_sequence, self.output_sequence]
        texts += [self.first_input_sequence, self.last_input_sequence, self.first_output_sequence]
        texts += [self.last_output_sequence, self.system_sequence, self.last_system_sequence]
        return _list_lines([*texts, self.input_suffix, self.output_suffix, self.system_suffix])


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextPreset:
    """The story string and what stands around example dialogue."""

    name: str = ""
    story_string: StoryString
    example_separator: str = ""
    chat_start: str = ""
    use_stop_strings: bool = False
    names_as_stop_strings: bool = True
    single_line: bool = False


def read_instruct(value: object, *, source: str) -> InstructPreset:
    """Read an instruct preset.

    Raises:
        PresetError: If it is none.
    """
    keys = _read_object(value, source)
    if "input_sequence" not in keys and "output_sequence" not in keys:
        raise PresetError(
            f"{source} is no instruct preset: it has neither input_sequence nor output_sequence"
        )
    fields = _Fields(keys, source)
    texts = {
        name: fields.text(name)
        for name in InstructPreset.__slots__
        if name.endswith((*_MARKS, "_message")) or name == "name"
    }
    texts["output_suffix"] = fields.text("output_suffix", "separator_sequence")
    texts["story_string_prefix"] = fields.text("story_string_prefix", "system_sequence_prefix")
    sequences = {key: text for key, text in texts.items() if key.endswith(_MARKS)}
    _limit_sequences(sequences, source)
    return InstructPreset(
        **texts,
        names=_read_names(fields),
        wrap=fields.flag("wrap", default=True),
        macro=fields.flag("macro", default=True),
        system_same_as_user=fields.flag("system_same_as_user", default=False),
        skip_examples=fields.flag("skip_examples", default=False),
        sequences_as_stop_strings=fields.flag("sequences_as_stop_strings", default=True),
    )


def read_context(value: object, *, source: str) -> ContextPreset:
    """Read a context preset.

    Raises:
        PresetError: If it is none, or its story string cannot be read.
    """
    keys = _read_object(value, source)
    if "story_string" not in keys:
        raise PresetError(f"{source} is no context preset: it has no story_string")
    fields = _Fields(keys, source)
    around = {name: fields.text(name) for name in ("example_separator", "chat_start")}
    _limit_sequences(around, source)
    return ContextPreset(
        name=fields.text("name"),
        story_string=read_story_string(fields.text("story_string"), source=source),
        example_separator=around["example_separator"],
        chat_start=around["chat_start"],
        use_stop_strings=fields.flag("use_stop_strings", default=False),
        names_as_stop_strings=fields.flag("names_as_stop_strings", default=True),
        single_line=fields.flag("single_line", default=False),
    )


def read_story_string(template: str, *, source: str) -> StoryString:
    """Parse a story string.

    Raises:
        PresetError: If it does not parse.
    """
    try:
        return StoryString(template)
    except StoryStringError as error:
        raise PresetError(f"the story_string of {source} cannot be read: {error}") from error


def read_system_prompt(value: object, *, source: str) -> str:
    """Read a system prompt preset, or the text alone; nothing gives the neutral sentence.

    Raises:
        PresetError: If it is neither.
    """
    if value is None:
        return NEUTRAL_SYSTEM_PROMPT
    if isinstance(value, str):
        return value
    return _Fields(_read_object(value, source), source).text("content", "prompt")


def _limit_sequences(sequences: Mapping[str, str], source: str) -> None:
    for name, text in sequences.items():
        if len(text) > _LONGEST_SEQUENCE:
            raise PresetError(f"{source}: {name} is longer than {_LONGEST_SEQUENCE:,} characters")
    if sum(text.count("\n") + 1 for text in sequences.values() if text) > _MOST_LINES:
        raise PresetError(f"{source} has sequences of more than {_MOST_LINES} lines in all")


def _list_lines(sequences: Iterable[str]) -> list[str]:
    """Distinct lines, without the blank ones."""
    lines = "\n".join(sequences).split("\n")
    return [line for line in dict.fromkeys(lines) if line.strip()]


def _read_names(fields: "_Fields") -> Names:
    """`names: true` is always, and with `names_force_groups` false is force (before 1.12)."""
    behavior = fields.text("names_behavior")
    if behavior in set(Names):
        return Names(behavior)
    if fields.flag("names", default=False):
        return Names.ALWAYS
    return Names.FORCE if fields.flag("names_force_groups", default=False) else Names.NONE


def _read_object(value: object, source: str) -> Mapping[str, object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value)
    raise PresetError(f"{source} is no preset: it is not a JSON object")


class _Fields:
    """Texts and flags of a file whose types are not to be trusted."""

    def __init__(self, keys: Mapping[str, object], source: str) -> None:
        self._keys = keys
        self._source = source

    def text(self, *names: str) -> str:
        """The first of these keys that says something."""
        for name in names:
            value = self._keys.get(name)
            if isinstance(value, str) and value:
                return value
            if value is not None and not isinstance(value, str):
                raise PresetError(f"{self._source}: {name} is no text")
        return ""

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._keys.get(name)
        return value if isinstance(value, bool) else default
