"""The model's own chat template as a format: for families that Troupe does not write itself.

What templates refuse is found out once, by trying: then the system text is folded into the first
message, neighbours of one role are merged, and a person's turn comes first (llama.cpp does the
same where its engine reports such a template).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from bot.generation.types import ChatMessage, EndTokens
from bot.prompting.formats.chat_template import ChatTemplate, ChatTemplateError
from bot.prompting.formats.markers import (
    GO_ON,
    SCENE_BEGINS,
    drop_empty,
    list_speaker_stops,
    write_speaker,
)
from bot.prompting.formats.messages import (
    MARKERS,
    MessagesFormat,
    list_wishes,
    split_messages,
    write_wishes,
)
from bot.prompting.formats.tokens import TOKEN
from bot.prompting.prompt import OpenTurn, PromptTurn, Segment, control, trusted

_THOUGHTS = ("<think>", "</think>")
_SHORTEST_HEADER = 2
"""`Q:` and `A:`, that is."""
_SHORTEST_MARKER = 3
_SYSTEM, _USER, _ASSISTANT = "system", "user", "assistant"
_TRIAL = (_SYSTEM, _ASSISTANT, _USER, _USER, _ASSISTANT, _ASSISTANT)
_STRICT_TRIAL = (_SYSTEM, _USER, _ASSISTANT, _USER, _ASSISTANT)


@dataclass(slots=True)
class _Message:
    role: str
    content: list[Segment]

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.content)


@dataclass(frozen=True, kw_only=True)
class NativeFormat(MessagesFormat):
    """A template and what it insists on."""

    template: ChatTemplate = field(repr=False)
    folds_system: bool
    """Whether the system text becomes the beginning of the first message."""
    is_strict: bool
    """Whether roles must alternate, a person's first."""
    needs_person: bool = False
    """Whether somebody must have said something."""

    name = "native"

    @property
    def line_headers(self) -> tuple[str, ...]:
        """Where its messages begin and end, as far as that is ordinary text."""
        return ("###", *self._markers)

    @property
    def text_markers(self) -> tuple[str, ...]:
        """The same: templates put messages on one line as they like."""
        return tuple(
            mark for mark in self._markers if len(mark) >= _SHORTEST_MARKER and not mark.isalnum()
        )

    def write_open_turn(
        self, opening: OpenTurn, previous: PromptTurn | None = None
    ) -> list[Segment]:
        """A length is said at the end of what people said; then the model goes on at the name."""
        del previous
        return drop_empty(
            [
                *write_wishes(list_wishes(opening)),
                control(MARKERS.persona),
                *write_speaker(opening, has_names=True),
            ]
        )

    def assemble(self, segments: list[Segment]) -> list[Segment]:
        """Let the template write what stands between the messages.

        Raises:
            ChatTemplateError: Never for what the template took when it was tried.
        """
        messages = [_Message(role, content) for role, content in split_messages(segments)]
        messages = self._please(messages)
        around = self.template.render_around(
            [ChatMessage(role=each.role, content=each.text) for each in messages],
            opens_reply=False,
        )
        written: list[Segment] = []
        for part in around[: around.index(len(messages) - 1) + 1]:
            if isinstance(part, int):
                written += _strip(messages[part].content)
            else:
                written.append(control(part))
        return drop_empty(written)

    def list_stop_sequences(self, people: Iterable[str]) -> tuple[str, ...]:
        """What stands behind an answer and before a person's words in the template, and people."""
        return (*self._ends, *list_speaker_stops(people))

    def try_out(self, roles: Sequence[str]) -> list[str]:
        """The template's own texts around messages of these roles, one before each, one behind.

        Raises:
            ChatTemplateError: If it refuses them, or to open the last of them.
        """
        messages = [
            ChatMessage(role=role, content="x")
            for role in roles[1 if self.folds_system and roles[0] == _SYSTEM else 0 :]
        ]
        # Answers are opened as they will stand in the story; the other form must work as well.
        self.template.render_around(messages[:-1])
        around = self.template.render_around(messages, opens_reply=False)
        return [part for part in around if isinstance(part, str)]

    def takes_answers_alone(self) -> bool:
        """Whether nobody needs to have said anything, as before a persona's greeting."""
        try:
            self.try_out((_SYSTEM, _ASSISTANT))
            self.try_out((_SYSTEM, _ASSISTANT, _ASSISTANT))
        except ChatTemplateError:
            return False
        return True

    def _please(self, messages: list[_Message]) -> list[_Message]:
        """The same messages in an order that the template takes; the last is the open turn."""
        system = [each for each in messages[:1] if each.role == _SYSTEM]
        story, last = messages[len(system) : -1], messages[-1]
        if self.is_strict:
            if not story or story[0].role == _ASSISTANT:
                story.insert(0, _Message(_USER, [trusted(SCENE_BEGINS)]))
            if story[-1].role == _ASSISTANT:
                story.append(_Message(_USER, [trusted(GO_ON)]))
            story = _merge(story)
        elif self.needs_person and not any(each.role == _USER for each in story):
            story.insert(0, _Message(_USER, [trusted(SCENE_BEGINS)]))
        if self.folds_system and system:
            if not story or story[0].role != _USER:
                story.insert(0, _Message(_USER, [trusted(SCENE_BEGINS)]))
            folded = [*system[0].content, trusted("\n"), *story[0].content]
            story[0] = _Message(_USER, folded)
            system = []
        return [*system, *story, last]

    @cached_property
    def _trial(self) -> list[str]:
        """The template's texts around a system text, a person's, an answer, a person's again."""
        roles = (_SYSTEM, _USER, _ASSISTANT, _USER)[1 if self.folds_system else 0 :]
        around = self.template.render_around([ChatMessage(role=r, content="x") for r in roles])
        return [part for part in around if isinstance(part, str)]

    @cached_property
    def _markers(self) -> tuple[str, ...]:
        """Every special string and every line of text around the messages."""
        found: dict[str, None] = {}
        for text in self._trial:
            for line in text.split("\n"):
                for part in TOKEN.split(line):
                    mark = part.strip()
                    is_word = mark.isalnum() and mark != line.strip()  # a role in a marker
                    if len(mark) >= _SHORTEST_HEADER and mark not in _THOUGHTS and not is_word:
                        found[mark] = None
        return tuple(found)

    @cached_property
    def _ends(self) -> tuple[str, ...]:
        """What comes between an answer and the next person's words, piece by piece."""
        between = self._trial[-2]
        stops: dict[str, None] = {}
        for number, line in enumerate(between.split("\n")):
            tokens = [part for part in TOKEN.split(line)[1::2] if part not in _THOUGHTS]
            header = TOKEN.sub("", line).strip()
            for token in tokens:
                stops[token] = None
            if header and not tokens:
                stops[f"\n{header}" if number else header] = None
            elif not header.isalnum() and len(header) >= _SHORTEST_HEADER:  # no role in a marker
                stops[f"\n{header}"] = None
        return tuple(stops)


@lru_cache(maxsize=4)
def open_native(text: str, end_tokens: EndTokens) -> NativeFormat:
    """Compile a template and find out what it insists on; remembered, for it is asked for often.

    Raises:
        ChatTemplateError: If it cannot be read, or takes no conversation in any order.
    """
    template = ChatTemplate(text, end_tokens)
    refusal = ChatTemplateError("it takes no messages")
    lax: NativeFormat | None = None
    for folds_system, is_strict in ((False, False), (False, True), (True, False), (True, True)):
        found = NativeFormat(template=template, folds_system=folds_system, is_strict=is_strict)
        try:
            around = found.try_out(_STRICT_TRIAL if is_strict else _TRIAL)
        except ChatTemplateError as error:
            refusal = error
            continue
        if is_strict:
            return found
        found = replace(found, needs_person=not found.takes_answers_alone())
        if _have_headers(around, folds_system=folds_system):
            return found
        lax = lax or found  # better than none, if it takes no other order
    if lax:
        return lax
    raise refusal


def _have_headers(around: list[str], *, folds_system: bool) -> bool:
    """Whether every answer of the trial is opened as the one behind a person's words is.

    Some templates open answers only there: a greeting, or a second answer, would be nobody's.
    """
    texts = [_drop_thoughts(text) for text in around]
    roles = _TRIAL[1 if folds_system else 0 :]
    asked = roles.index(_USER)
    # What follows a person's words: the end of them, which both have, then who speaks next.
    again, answer = texts[asked + 1], texts[asked + 2]
    pairs = enumerate(zip(again, answer, strict=False))
    shared = next((n for n, (a, b) in pairs if a != b), min(len(again), len(answer)))
    header = answer[shared:]
    places = [place for place, role in enumerate(roles) if role == _ASSISTANT and place]
    return bool(header) and all(texts[place].endswith(header) for place in places)


def _drop_thoughts(text: str) -> str:
    """Without an empty thought, which some templates write before the newest answer only."""
    for mark in _THOUGHTS:
        text = text.replace(mark, "")
    return "".join(text.split())


def _merge(messages: Sequence[_Message]) -> list[_Message]:
    merged: list[_Message] = []
    for each in messages:
        if merged and merged[-1].role == each.role:
            both = [*merged[-1].content, trusted("\n\n"), *each.content]
            merged[-1] = _Message(each.role, both)
        else:
            merged.append(each)
    return merged


def _strip(content: list[Segment]) -> list[Segment]:
    """Without the white space at both ends, which the template has written or dropped."""
    kept = list(content)
    while kept and not kept[0].text.strip():
        kept.pop(0)
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[0] = Segment(kept[0].kind, kept[0].text.lstrip())
        kept[-1] = Segment(kept[-1].kind, kept[-1].text.rstrip())
    return kept
