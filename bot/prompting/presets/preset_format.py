"""Writes a scene as SillyTavern writes it with a pair of presets.

Sources: SillyTavern 1.12.6 as it was run (instruct-mode.js, power-user.js, script.js), and the
newer preset files of 1.13. What is ours: every other person in a channel is named whatever the
preset says, and a length is a sentence just before the open turn, or the preset's own word if it
has `(length = …)` there.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from bot.prompting.formats.lengths import write_length_sentence
from bot.prompting.formats.markers import drop_empty, list_speaker_stops
from bot.prompting.macros import replace_macros
from bot.prompting.presets.borders import part_neighbours
from bot.prompting.presets.preset import NAME_MACRO, ContextPreset, InstructPreset, Names
from bot.prompting.presets.sequences import Sequences
from bot.prompting.prompt import (
    HeadParts,
    OpenTurn,
    PromptTurn,
    Segment,
    SegmentKind,
    control,
    trusted,
    untrusted,
)
from storage.records import Role

_LENGTH = re.compile(r"\(length = \w+\)")
_SYSTEM = "System"
"""What `{{name}}` gives where nobody speaks."""


@dataclass(frozen=True, kw_only=True)
class PresetFormat:
    """An instruct preset, a context preset and a system prompt."""

    name: str
    instruct: InstructPreset
    context: ContextPreset
    system_prompt: str
    persona_name: str = ""
    person_name: str = ""

    @property
    def has_names(self) -> bool:
        """Whether everybody is named."""
        return self.instruct.names is Names.ALWAYS

    @property
    def line_headers(self) -> tuple[str, ...]:
        """What its sequences begin lines with, as far as the names are known."""
        return self._sequences.line_headers

    @property
    def text_markers(self) -> tuple[str, ...]:
        """Its tokens, and sequences that may open a turn in mid-line where nothing wraps them."""
        return self._sequences.text_markers

    @cached_property
    def _sequences(self) -> Sequences:
        return Sequences(
            instruct=self.instruct,
            context=self.context,
            persona_name=self.persona_name,
            person_name=self.person_name,
        )

    def bind(self, persona_name: str, person_name: str) -> "PresetFormat":
        """Sequences may have both names in them."""
        return replace(self, persona_name=persona_name, person_name=person_name)

    def is_named(self, turn: PromptTurn) -> bool:
        """By the preset's rule; forced names are those of people, in example dialogue."""
        if self.instruct.names is Names.FORCE:
            return turn.is_example and turn.role is Role.PERSON
        return self.has_names

    def write_head(self, head: HeadParts) -> list[Segment]:
        """The story string between its prefix and suffix."""
        instruct = self.instruct
        story = self._name_story(
            self.context.story_string.render(self._list_values(head), self._fill_macro)
        )
        while story and not story[0].text.lstrip("\n"):
            story.pop(0)
        if story:
            story[0] = Segment(story[0].kind, story[0].text.lstrip("\n"))
        ends_line = not story or story[-1].text.endswith("\n")
        if instruct.wrap and not ends_line and not instruct.story_string_suffix:
            story.append(control("\n"))
        if instruct.story_string_prefix:
            story = [*self._fill(instruct.story_string_prefix), control(self._separator), *story]
        if instruct.system_sequence_suffix:
            story += [control(self._separator), *self._fill(instruct.system_sequence_suffix)]
        return drop_empty([*story, *self._fill(instruct.story_string_suffix)])

    def write_turn(self, turn: PromptTurn, previous: PromptTurn | None = None) -> list[Segment]:
        """A message, behind what comes before the first of the story or of an example block."""
        if turn.is_example:
            heading = self._write_heading(turn)
            if turn.role is Role.NARRATOR:
                return drop_empty([*heading, untrusted(turn.text), control("\n")])
            if self.instruct.skip_examples:
                name = self.persona_name if turn.role is Role.PERSONA else self.person_name
                said = [untrusted(name), control(": "), untrusted(turn.text), control("\n")]
                return drop_empty([*heading, *said])
            return drop_empty([*heading, *self._write_message(turn, first=False)])
        first = previous is None or previous.is_example
        lead = self._begin_story(turn.role) if first else []
        return drop_empty([*lead, *self._write_message(turn, first=first)])

    def write_open_turn(
        self, opening: OpenTurn, previous: PromptTurn | None = None
    ) -> list[Segment]:
        """Where the model goes on: the last output sequence, and the name if names are written."""
        role = Role.PERSONA if opening.is_persona else Role.PERSON
        lead = self._begin_story(role) if previous is None or previous.is_example else []
        sequence = self.instruct.input_sequence
        if opening.is_persona:
            sequence = self.instruct.last_output_sequence or self.instruct.output_sequence
        if opening.length_word:
            length = f"(length = {opening.length_word})"
            told = _LENGTH.sub(length, sequence)
            if not _LENGTH.search(sequence):
                note = self._write_length(opening.length_word, first=bool(lead))
                lead, previous = [*lead, *note], None
            sequence = told
        if opening.text:
            said = PromptTurn(
                role=role, name=opening.name, text=opening.text, is_named=self.has_names
            )
            return drop_empty([*lead, *self._write_message(said, first=False, closed=False)])
        begin = control("" if self._ends_line(previous) else self._separator)
        if self.has_names:
            name = [untrusted(opening.name), control(":")]
            wanted = f"{sequence}{self._separator}{self._find_filler(sequence)}"
            return drop_empty([*lead, begin, *self._fill(wanted, opening.name), *name])
        if self.instruct.wrap:
            sequence = f"{sequence.rstrip()}\n" if sequence.strip() else ""
        return drop_empty([*lead, begin, *self._fill(sequence, opening.name)])

    def assemble(self, segments: list[Segment]) -> list[Segment]:
        """One after another, and nothing of two people's side by side."""
        return part_neighbours(segments, self.line_headers)

    def list_stop_sequences(self, people: Iterable[str]) -> tuple[str, ...]:
        """The bare end of a turn, every header, and everybody else.

        SillyTavern puts a line break before the end of a turn where a preset wraps, and then it
        never matches; bare it does.
        """
        everybody = list(dict.fromkeys(people))
        return (*self._sequences.list_stops(everybody), *list_speaker_stops(everybody))

    def list_sillytavern_stops(self, *, is_drafting: bool = False) -> tuple[str, ...]:
        """Exactly what SillyTavern itself stops at, in its order."""
        speakers = [self.persona_name, self.person_name] if is_drafting else [self.person_name]
        stops = ["\n"] if self.context.single_line else []
        if self.context.names_as_stop_strings:
            stops += [f"\n{name}:" for name in speakers]
        stops += [
            self._separator + self._name_all(line) for line in self.instruct.list_stop_lines()
        ]
        if self.context.use_stop_strings:
            around = (self.context.chat_start, self.context.example_separator)
            stops += [f"\n{self._name_all(line)}" for line in around if line]
        return tuple(dict.fromkeys(stops))

    @property
    def _separator(self) -> str:
        return "\n" if self.instruct.wrap else ""

    def _list_values(self, head: HeadParts) -> dict[str, list[Segment]]:
        system = untrusted(head.system_prompt)
        if not head.system_prompt:
            filled = replace_macros(
                self.system_prompt, char=self.persona_name, user=self.person_name
            )
            system = trusted(filled)
        values = {
            "system": system,
            "description": untrusted(head.description),
            "personality": untrusted(head.personality),
            "scenario": untrusted(head.scenario),
            "persona": untrusted(head.person.description),
            "char": untrusted(self.persona_name),
            "user": untrusted(self.person_name),
        }
        lore = {"Before": untrusted(head.lore_before), "After": untrusted(head.lore_after)}
        for place, segment in lore.items():
            values |= {
                f"wi{place}": segment,
                f"lore{place}": segment,
                f"anchor{place}": control(""),
            }
        # Examples have their own place behind the story string.
        values |= {"mesExamples": control(""), "mesExamplesRaw": control("")}
        return {name: drop_empty([segment]) for name, segment in values.items()}

    def _write_heading(self, turn: PromptTurn) -> list[Segment]:
        separator = self.context.example_separator if turn.begins_block else ""
        return [*self._fill(separator), control("\n")] if separator else []

    def _begin_story(self, role: Role) -> list[Segment]:
        """What opens the chat, and a person's words where the preset wants those first."""
        lead: list[Segment] = []
        if self.context.chat_start:
            lead = [*self._fill(self.context.chat_start), control("\n")]
        if self.instruct.user_alignment_message and role is not Role.PERSON:
            words = "".join(each.text for each in self._fill(self.instruct.user_alignment_message))
            said = PromptTurn(
                role=Role.PERSON, name=self.person_name, text=words, is_named=self.has_names
            )
            lead += self._write_message(said, first=True)
        return lead

    def _write_length(self, length_word: str, *, first: bool) -> list[Segment]:
        sentence = write_length_sentence(length_word)
        if self.instruct.system_same_as_user or not self.instruct.system_sequence:
            sentence = f"({sentence})"  # nobody in the scene says it
        note = PromptTurn(role=Role.NARRATOR, name="", text=sentence)
        return self._write_message(note, first=first)

    def _write_message(
        self, turn: PromptTurn, *, first: bool, closed: bool = True
    ) -> list[Segment]:
        prefix, suffix = self._find_sequences(turn, first=first)
        if not suffix:
            suffix = self._separator
        said = [untrusted(turn.text)]
        if turn.role is not Role.NARRATOR and turn.is_named and turn.name:
            said = [untrusted(turn.name), control(": "), *said]
        opening = [*self._fill(prefix, turn.name), control(self._separator)] if prefix else []
        return [*opening, *said, *(self._fill(suffix, turn.name) if closed else [])]

    def _find_sequences(self, turn: PromptTurn, *, first: bool) -> tuple[str, str]:
        instruct = self.instruct
        if turn.role is Role.PERSONA:
            sequence = (first and instruct.first_output_sequence) or instruct.output_sequence
            return sequence, instruct.output_suffix
        if turn.role is Role.NARRATOR and not instruct.system_same_as_user:
            return instruct.system_sequence, instruct.system_suffix
        sequence = instruct.input_sequence
        if turn.is_newest_of_people:
            sequence = instruct.last_input_sequence or sequence
        if first:
            sequence = instruct.first_input_sequence or sequence
        return sequence, instruct.input_suffix

    def _ends_line(self, previous: PromptTurn | None) -> bool:
        """Whether what stands before the open turn has ended its line, if lines matter."""
        if previous is None or not self.instruct.wrap:
            return True
        suffix = self._find_sequences(previous, first=False)[1]
        return not suffix or suffix.endswith("\n")

    def _find_filler(self, sequence: str) -> str:
        """Mistral's blank: a name has one before it if the usual sequence ends in one."""
        usual = self.instruct.output_sequence
        is_last = bool(usual) and sequence == self.instruct.last_output_sequence
        return " " if is_last and usual[-1:].isspace() and not sequence[-1:].isspace() else ""

    def _name_story(self, story: list[Segment]) -> list[Segment]:
        """With the names in it that the story string has in angle brackets."""
        named: list[Segment] = []
        for segment in story:
            is_text = segment.kind is SegmentKind.CONTROL and "<" in segment.text
            named += self._fill(segment.text) if is_text else [segment]
        return named

    def _fill_macro(self, macro: str) -> list[Segment]:
        return self._fill(macro)

    def _fill(self, text: str, name: str = "") -> list[Segment]:
        """A text of the preset: what it has of names is not its own."""
        if not self.instruct.macro:
            return [control(text)]
        names = {
            "{{name}}": name or _SYSTEM,
            "{{user}}": self.person_name,
            "<user>": self.person_name,
        }
        segments: list[Segment] = []
        for number, part in enumerate(NAME_MACRO.split(text)):
            if number % 2:
                segments.append(untrusted(names.get(part.lower(), self.persona_name)))
            elif part:
                segments.append(
                    control(replace_macros(part, char=self.persona_name, user=self.person_name))
                )
        return segments

    def _name_all(self, line: str) -> str:
        return "".join(segment.text for segment in self._fill(line))
