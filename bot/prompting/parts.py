"""A script in the words of one format: what the builder chooses from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.prompting.examples import read_examples
from bot.prompting.formats.markers import INSTRUCTION, NARRATOR
from bot.prompting.macros import replace_macros
from bot.prompting.prompt import HeadParts, OpenTurn, Person, PromptTurn, Segment
from bot.prompting.untrusted import Neutraliser
from storage.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.prompting.builder import Script
    from bot.prompting.formats.markers import PromptFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTurn:
    """A turn, neutralised, and its segments behind what stands before it."""

    turn: PromptTurn
    segments: list[Segment]
    together: tuple[PromptTurn, ...]
    """The turn and the card's instructions that stand beside it: they come and go with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The pieces of a prompt, neutralised."""

    prompt_format: "PromptFormat"
    head: list[Segment]
    head_parts: HeadParts
    examples: list[WrittenTurn]
    turns: list[WrittenTurn]
    persona_name: str
    person_name: str
    opening: OpenTurn
    notes: tuple[tuple[PromptTurn, int], ...] = ()
    """Instructions within the story, and before how many of the last turns each stands."""

    def write_open_turn(
        self, examples: Sequence[WrittenTurn], turns: Sequence[WrittenTurn]
    ) -> list[Segment]:
        """The open turn behind those that were chosen."""
        chosen = turns or examples
        previous = chosen[-1].together[-1] if chosen else None
        return self.prompt_format.write_open_turn(self.opening, previous)

    def lead(self, turns: Sequence[WrittenTurn]) -> list[WrittenTurn]:
        """The same turns, the first of them right behind the head, whatever stood before it.

        An instruction that stood further back comes before the first, as it will in the next
        prompt, which knows no turns before these.
        """
        if not turns:
            return []
        together = turns[0].together
        far = tuple(note for note, depth in self.notes if depth > len(turns))
        if not any(note is turn for note in far for turn in together):
            together = (*far, *together)
        written = _write_together(together, None, self.prompt_format)
        return [replace(turns[0], segments=written, together=together), *turns[1:]]

    def join(
        self, examples: Sequence[WrittenTurn], turns: Sequence[WrittenTurn]
    ) -> tuple[Segment, ...]:
        """The whole prompt of those that were chosen."""
        written = [segment for turn in (*examples, *turns) for segment in turn.segments]
        whole = [*self.head, *written, *self.write_open_turn(examples, turns)]
        return tuple(self.prompt_format.assemble(whole))


def write_parts(
    script: "Script", prompt_format: "PromptFormat", special_strings: "Iterable[str]"
) -> Parts:
    """Replace macros in the card, make everybody's text harmless, write the segments."""
    safe = Neutraliser(
        special_strings=(*special_strings, *prompt_format.text_markers),
        line_headers=prompt_format.line_headers,
        persona_name=script.persona.spoken_name,
        reserved_names=(NARRATOR, INSTRUCTION),
    )
    persona_name = safe.speaker(script.persona.spoken_name)
    person_name = safe.name(script.person.name)
    bound = prompt_format.bind(persona_name, person_name)
    if bound is not prompt_format:
        safe.add_markers(bound.text_markers, bound.line_headers)
    safe.add_speakers([person_name, NARRATOR, INSTRUCTION])
    safe.add_speakers(map(safe.name, {t.name for t in script.turns if t.role is Role.PERSON}))
    scene = _Scene(
        script=script,
        prompt_format=bound,
        safe=safe,
        persona_name=persona_name,
        person_name=person_name,
    )
    examples = scene.list_examples()
    story, opening, notes = scene.split_story()
    head = replace(scene.write_head(), has_turns=bool(examples or story))
    written = _write_turns([*((turn,) for turn in examples), *story], scene.prompt_format)
    return Parts(
        prompt_format=scene.prompt_format,
        head=scene.prompt_format.write_head(head),
        head_parts=head,
        examples=written[: len(examples)],
        turns=written[len(examples) :],
        persona_name=persona_name,
        person_name=person_name,
        opening=opening,
        notes=notes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """A script and what is needed to write it down."""

    script: "Script"
    prompt_format: "PromptFormat"
    safe: Neutraliser
    persona_name: str
    person_name: str

    def list_examples(self) -> list[PromptTurn]:
        """The card's example dialogue."""
        examples = read_examples(
            self.script.persona.example_dialogue,
            persona_name=self.persona_name,
            person_name=self.person_name,
        )
        # The stored name: made clean a second time, a marked one could lose its mark.
        return [self._neutralise(replace(t, name=self.script.person.name)) for t in examples]

    def split_story(
        self,
    ) -> tuple[list[tuple[PromptTurn, ...]], OpenTurn, tuple[tuple[PromptTurn, int], ...]]:
        """The turns, each with the instructions beside it; the open turn; the instructions."""
        stored = list(_drop_before(self.script.turns, self.script.anchor_turn_id))
        opening = OpenTurn(
            name=self.persona_name if self.script.is_persona_next else self.person_name,
            is_persona=self.script.is_persona_next,
            length_word=self.script.length_word,
        )
        if self.script.goes_on and stored and stored[-1].role is Role.PERSONA:
            # Not every format writes a name before it.
            text = self.safe.utterance(stored.pop().text, starts_line=True)
            opening = replace(opening, text=text)
        turns = [self._neutralise(turn) for turn in stored]
        people = [number for number, turn in enumerate(turns) if turn.role is Role.PERSON]
        if people:
            turns[people[-1]] = replace(turns[people[-1]], is_newest_of_people=True)
        together = [(turn,) for turn in turns]
        notes = tuple(self._list_notes())
        for note, depth in notes:
            _insert(together, note, depth)
        return together, opening, tuple((note, depth) for note, depth in notes if depth)

    def _list_notes(self) -> list[tuple[PromptTurn, int]]:
        """Instructions near the end, the card's or for this reply; and how many turns follow."""
        persona, notes = self.script.persona, list[tuple[PromptTurn, int]]()
        if note := persona.depth_prompt:
            notes.append((self._write_note(note.text, Role(note.role)), note.depth))
        if persona.post_history_instructions.strip():
            text = persona.post_history_instructions
            notes.append((self._write_note(text, Role.NARRATOR, original=""), 0))
        if hint := self.script.hint.strip():
            text = self.safe.utterance(f"({hint})", starts_line=True)
            hinted = PromptTurn(
                role=Role.NARRATOR, name="", text=text, is_named=False, is_note=True
            )
            notes.append((hinted, 0))
        return [(note, depth) for note, depth in notes if note.text.strip()]

    def _write_note(self, text: str, role: Role, original: str | None = None) -> PromptTurn:
        name = self.persona_name if role is Role.PERSONA else self.person_name
        filled = replace_macros(
            text, char=self.persona_name, user=self.person_name, original=original
        )
        return PromptTurn(
            role=role, name=name, text=self.safe.card(filled), is_named=False, is_note=True
        )

    def write_head(self) -> HeadParts:
        """Everything that comes before the turns."""
        persona, script = self.script.persona, self.script
        default = self._fill(self.prompt_format.system_prompt)
        return HeadParts(
            persona_name=self.persona_name,
            description=self.safe.card(self._fill(persona.description)),
            personality=self.safe.card(self._fill(persona.personality)),
            scenario=self.safe.card(self._fill(persona.scenario)),
            system_prompt=self.safe.card(self._fill(persona.system_prompt, original=default)),
            person=Person(
                name=self.person_name, description=self.safe.card(script.person.description)
            ),
            length_word=script.length_word,
            lore_before=self.safe.card(self._fill(script.lore_before)),
            lore_after=self.safe.card(self._fill(script.lore_after)),
        )

    def _fill(self, text: str, original: str | None = None) -> str:
        return replace_macros(
            text, char=self.persona_name, user=self.person_name, original=original
        )

    def _neutralise(self, turn: PromptTurn) -> PromptTurn:
        """Names follow the role, never the text: the persona's turns always bear its name."""
        name, is_named, has_name = "", True, False
        if turn.role is not Role.NARRATOR:
            name = self.persona_name if turn.role is Role.PERSONA else self.safe.name(turn.name)
            is_guest = name not in {self.persona_name, self.person_name}
            is_named = has_name = is_guest or self.prompt_format.is_named(turn)
        text = self.safe.utterance(turn.text, starts_line=not has_name)
        return replace(turn, name=name, is_named=is_named, text=text)


def _insert(together: list[tuple[PromptTurn, ...]], note: PromptTurn, depth: int) -> None:
    """Put an instruction before the last so many turns; before all if there are fewer."""
    if not together:
        together.append((note,))
    elif depth == 0:
        together[-1] = (*together[-1], note)
    else:
        place = max(0, len(together) - depth)
        together[place] = (note, *together[place])


def _write_turns(
    story: Sequence[tuple[PromptTurn, ...]], prompt_format: "PromptFormat"
) -> list[WrittenTurn]:
    written: list[WrittenTurn] = []
    previous: PromptTurn | None = None
    for together in story:
        segments = _write_together(together, previous, prompt_format)
        turn = next((each for each in together if not each.is_note), together[0])
        written.append(WrittenTurn(turn=turn, segments=segments, together=together))
        previous = together[-1]
    return written


def _write_together(
    together: Sequence[PromptTurn], previous: PromptTurn | None, prompt_format: "PromptFormat"
) -> list[Segment]:
    segments: list[Segment] = []
    for turn in together:
        segments += prompt_format.write_turn(turn, previous)
        previous = turn
    return segments


def _drop_before(turns: Sequence[PromptTurn], anchor: int | None) -> Sequence[PromptTurn]:
    """The turns from the anchor on; all of them if it is gone, because then nothing is known."""
    for number, turn in enumerate(turns):
        if turn.turn_id == anchor:
            return turns[number:]
    return turns
