"""What the formats have in common: markers around turns, names before utterances."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from bot.prompting.prompt import (
    HeadParts,
    OpenTurn,
    PromptTurn,
    Segment,
    control,
    trusted,
    untrusted,
)
from storage.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

NEUTRAL_SYSTEM_PROMPT = (
    "Write {{char}}'s next reply in a fictional chat between {{char}} and {{user}}."
)
NARRATOR, INSTRUCTION = "Narrator", "Instruction"
"""Who speaks where several turns share one block of a family's: otherwise a message with a blank
line in it would look like two turns, the second of them the narrator's."""
SCENE_BEGINS = "(The scene begins.)"
GO_ON = "(Go on.)"
"""What stands in a person's place where a model must not see two turns of its own in a row."""


class PromptFormat(Protocol):
    """How one family of models was trained to read a scene.

    Turns are written one by one, each knowing the one before it: so families that merge neighbours
    can, and a prompt still begins the same when turns are added. An open turn comes last.
    """

    @property
    def name(self) -> str:
        """As settings spell it."""
        ...

    @property
    def line_headers(self) -> tuple[str, ...]:
        """What a line of somebody's text must not begin with."""
        ...

    @property
    def text_markers(self) -> tuple[str, ...]:
        """Its markers that are ordinary text and open a turn wherever they stand in a line."""
        ...

    @property
    def has_names(self) -> bool:
        """Whether the persona and who opened the scene are named; other people always are."""
        ...

    @property
    def system_prompt(self) -> str:
        """What a card's own system text replaces, with macros in it."""
        ...

    def bind(self, persona_name: str, person_name: str) -> "PromptFormat":
        """The format for one scene: some have the two names in their markers."""
        ...

    def is_named(self, turn: PromptTurn) -> bool:
        """Whether a turn of the persona or of who opened the scene bears its name."""
        ...

    def write_head(self, head: HeadParts) -> list[Segment]:
        """The block that comes before all turns."""
        ...

    def write_turn(self, turn: PromptTurn, previous: PromptTurn | None = None) -> list[Segment]:
        """One finished turn; nothing before it means that it follows the head."""
        ...

    def write_open_turn(
        self, opening: OpenTurn, previous: PromptTurn | None = None
    ) -> list[Segment]:
        """The end of the prompt, where the model goes on."""
        ...

    def assemble(self, segments: list[Segment]) -> list[Segment]:
        """The whole prompt, of head, turns and open turn as they were written one by one."""
        ...

    def list_stop_sequences(self, people: "Iterable[str]") -> tuple[str, ...]:
        """What ends a reply besides the model's own end token, the most telling first.

        The bare marker that ends a turn is among them: some models write it as text, and some
        servers do not take it for their end token.
        """
        ...


class TurnByTurn:
    """What is the same for all formats whose turns stand for themselves."""

    __slots__ = ()

    has_names: bool

    @property
    def system_prompt(self) -> str:
        """The sentence that SillyTavern calls neutral."""
        return NEUTRAL_SYSTEM_PROMPT

    def bind(self, persona_name: str, person_name: str) -> Self:
        """The same for every scene."""
        del persona_name, person_name
        return self

    def is_named(self, turn: PromptTurn) -> bool:
        """All turns, or none."""
        del turn
        return self.has_names

    def assemble(self, segments: list[Segment]) -> list[Segment]:
        """One after another."""
        return segments


@dataclass(frozen=True, slots=True, kw_only=True)
class Markers:
    """The control text around turns."""

    person: str
    persona: str
    narrator: str
    end: str
    """After every finished turn."""
    persona_end: str | None = None
    """After a persona's, where that is another one."""


def write_marked_turn(markers: Markers, turn: PromptTurn) -> list[Segment]:
    """A turn between its markers, with the speaker's name before it; the narrator has none."""
    is_persona = turn.role is Role.PERSONA
    if turn.role is Role.NARRATOR:
        opening = markers.narrator
    else:
        opening = markers.persona if is_persona else markers.person
    own_end = markers.persona_end if is_persona else None
    end = markers.end if own_end is None else own_end
    return drop_empty([control(opening), *write_utterance(turn), control(end)])


def write_utterance(turn: PromptTurn) -> list[Segment]:
    """What is said, behind the speaker's name if that is to be written."""
    if not turn.name or not turn.is_named or turn.role is Role.NARRATOR:
        return [untrusted(turn.text)]
    return [untrusted(turn.name), control(": "), untrusted(turn.text)]


def write_shared_utterance(turn: PromptTurn) -> list[Segment]:
    """What is said, in a block that it may share with others: there the narrator has a name."""
    if turn.role is not Role.NARRATOR:
        return write_utterance(turn)
    name = NARRATOR if turn.is_named else INSTRUCTION
    return [control(f"{name}: "), untrusted(turn.text)]


def write_speaker(opening: OpenTurn, *, has_names: bool) -> list[Segment]:
    """Who speaks, and what is there already; no blank at the end, as training texts were cut."""
    if not has_names:
        return [untrusted(opening.text)]
    text = f" {opening.text}" if opening.text else ""
    return [untrusted(opening.name), control(":"), untrusted(text)]


def list_speaker_stops(people: "Iterable[str]") -> tuple[str, ...]:
    """A reply ends before it speaks for a person."""
    return tuple(f"\n{name}:" for name in dict.fromkeys(people))


def write_plain_body(head: HeadParts) -> list[Segment]:
    """System sentence, card and person as labelled lines, as SillyTavern's presets have them.

    Used by the formats whose models were trained on instructions and not on role play.
    """
    name, person = head.persona_name, head.person
    lines: list[list[Segment]] = []
    if head.system_prompt:
        lines.append([untrusted(head.system_prompt)])
    else:
        lines.append(
            [
                trusted("Write "),
                untrusted(name),
                trusted("'s next reply in a fictional chat between "),
                untrusted(name),
                trusted(" and "),
                untrusted(person.name),
                trusted("."),
            ]
        )
    if head.lore_before:
        lines.append([untrusted(head.lore_before)])
    if head.description:
        lines.append([untrusted(head.description)])
    if head.personality:
        lines.append([untrusted(name), trusted("'s personality: "), untrusted(head.personality)])
    if head.scenario:
        lines.append([trusted("Scenario: "), untrusted(head.scenario)])
    if head.lore_after:
        lines.append([untrusted(head.lore_after)])
    if person.description:
        lines.append([untrusted(person.description)])
    return join_segments(lines, "\n")


def join_segments(groups: "Iterable[list[Segment]]", separator: str) -> list[Segment]:
    """Groups one after another with text of ours between them."""
    joined: list[Segment] = []
    for group in groups:
        if joined:
            joined.append(trusted(separator))
        joined += group
    return joined


def drop_empty(segments: list[Segment]) -> list[Segment]:
    """Without the markers that a family does not have."""
    return [segment for segment in segments if segment.text]
