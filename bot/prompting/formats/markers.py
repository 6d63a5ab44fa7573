"""What the header formats have in common: markers around turns, names before utterances."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bot.prompting.prompt import HeadParts, PromptTurn, Segment, control, trusted, untrusted
from storage.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterable


class PromptFormat(Protocol):
    """How one family of models was trained to read a scene."""

    @property
    def name(self) -> str:
        """As settings spell it."""
        ...

    @property
    def line_headers(self) -> tuple[str, ...]:
        """What a line of somebody's text must not begin with."""
        ...

    def write_head(self, head: HeadParts) -> list[Segment]:
        """The block that comes before all turns."""
        ...

    def write_turn(self, turn: PromptTurn) -> list[Segment]:
        """One finished turn."""
        ...

    def write_open_turn(self, persona_name: str, length_word: str | None) -> list[Segment]:
        """The end of the prompt, where the model goes on."""
        ...

    def list_stop_sequences(self, people: "Iterable[str]") -> tuple[str, ...]:
        """What ends a reply besides the model's own end token."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Markers:
    """The control text around turns."""

    person: str
    persona: str
    narrator: str
    end: str
    """After every finished turn."""


def write_marked_turn(markers: Markers, turn: PromptTurn) -> list[Segment]:
    """A turn between its markers, with the speaker's name before it; the narrator has none."""
    if turn.role is Role.NARRATOR:
        return [control(markers.narrator), untrusted(turn.text), control(markers.end)]
    opening = markers.persona if turn.role is Role.PERSONA else markers.person
    return [
        control(opening),
        untrusted(turn.name),
        control(": "),
        untrusted(turn.text),
        control(markers.end),
    ]


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
    if head.description:
        lines.append([untrusted(head.description)])
    if head.personality:
        lines.append([untrusted(name), trusted("'s personality: "), untrusted(head.personality)])
    if head.scenario:
        lines.append([trusted("Scenario: "), untrusted(head.scenario)])
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
