"""Chat messages: for servers that write the prompt themselves, with the model's own template.

The prompt is kept as segments like every other, with ChatML's markers between the messages, so
that it is budgeted and made harmless in one way. What is sent are the messages between them.
"""

from collections.abc import Iterable, Sequence

from bot.generation.types import ChatMessage
from bot.prompting.formats.lengths import write_length_sentence
from bot.prompting.formats.markers import (
    GO_ON,
    SCENE_BEGINS,
    Markers,
    TurnByTurn,
    join_segments,
    list_speaker_stops,
    write_plain_body,
    write_shared_utterance,
    write_speaker,
)
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

_END = "<|im_end|>\n"
_GO_ON_THERE = "(Go on exactly where that stopped, in mid-sentence if need be.)"
_SYSTEM, _USER, _ASSISTANT = "system", "user", "assistant"
MARKERS = Markers(
    person="<|im_start|>user\n",
    persona="<|im_start|>assistant\n",
    # Many templates refuse a system message anywhere but at the start.
    narrator="<|im_start|>user\n",
    end=_END,
)
_HEAD = "<|im_start|>system\n"
_ROLES = {_HEAD: _SYSTEM, MARKERS.person: _USER, MARKERS.persona: _ASSISTANT}


class MessagesFormat(TurnByTurn):
    """For chat completions, where the text of the prompt is the server's business."""

    name = "messages"
    line_headers = ("###", "USER:", "ASSISTANT:", "SYSTEM:")
    """Templates may be of text, and the commonest of those begin their headers so."""
    text_markers = ()
    has_names = True

    def write_head(self, head: HeadParts) -> list[Segment]:
        """One system message."""
        return [control(_HEAD), *write_plain_body(head), control(_END)]

    def write_turn(self, turn: PromptTurn, previous: PromptTurn | None = None) -> list[Segment]:
        """Names are written: several people share a channel."""
        del previous
        marker = MARKERS.persona if turn.role is Role.PERSONA else MARKERS.person
        return [control(marker), *write_shared_utterance(turn), control(MARKERS.end)]

    def write_open_turn(
        self, opening: OpenTurn, previous: PromptTurn | None = None
    ) -> list[Segment]:
        """What is wanted is said at the end of what people said; the open turn is not sent."""
        del previous
        lines, begun = list_wishes(opening), list[Segment]()
        if opening.text:
            lines.append([trusted(_GO_ON_THERE)])
            begun = [control(MARKERS.persona), *write_speaker(opening, has_names=True)]
            begun.append(control(_END))
        return [
            *begun,
            *write_wishes(lines),
            control(MARKERS.persona),
            untrusted(opening.name),
            control(":"),
        ]

    def list_stop_sequences(self, people: Iterable[str]) -> tuple[str, ...]:
        """People only: the server ends a message where its template does."""
        return list_speaker_stops(people)


def list_wishes(opening: OpenTurn) -> list[list[Segment]]:
    """What is wanted of the next turn, a line each: who speaks, and how long."""
    lines: list[list[Segment]] = []
    if opening.length_word:
        lines.append([trusted(f"({write_length_sentence(opening.length_word)})")])
    if not opening.is_persona:
        lines.append([trusted("(The next to speak is "), untrusted(opening.name), trusted(".)")])
    return lines


def write_wishes(lines: list[list[Segment]]) -> list[Segment]:
    """Lines of ours as a person's message; none is no message."""
    if not lines:
        return []
    return [control(MARKERS.person), *join_segments(lines, "\n"), control(MARKERS.end)]


def read_messages(segments: Sequence[Segment]) -> tuple[ChatMessage, ...]:
    """Take a prompt in this format apart into what is sent.

    Strict templates are satisfied: neighbours of one role are merged, the first message after the
    system's is a user's, and so is the last.
    """
    messages: list[tuple[str, str]] = []
    for role, content in split_messages(segments)[:-1]:
        text = "".join(segment.text for segment in content)
        if messages and messages[-1][0] == role:
            messages[-1] = (role, f"{messages[-1][1]}\n\n{text}")
        else:
            messages.append((role, text))
    begin = 1 if messages and messages[0][0] == _SYSTEM else 0
    if messages[begin:] and messages[begin][0] == _ASSISTANT:
        messages.insert(begin, (_USER, SCENE_BEGINS))
    if not messages or messages[-1][0] != _USER:
        messages.append((_USER, GO_ON if messages[begin:] else SCENE_BEGINS))
    return tuple(ChatMessage(role=role, content=text) for role, text in messages)


def split_messages(segments: Iterable[Segment]) -> list[tuple[str, list[Segment]]]:
    """Roles and contents of a prompt in this format; the last is the open turn."""
    messages: list[tuple[str, list[Segment]]] = []
    for segment in segments:
        if segment.kind is SegmentKind.CONTROL and segment.text in _ROLES:
            messages.append((_ROLES[segment.text], []))
        elif segment.kind is not SegmentKind.CONTROL or segment.text != MARKERS.end:
            messages[-1][1].append(segment)
    return messages
