"""What of a preset's sequences nobody's text may have, and what of them ends a reply.

Sequences may have names in them, and what stands before a name may be nothing that tells: `**`,
`[`. So lines are taken with the names in them, as soon as those are known.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from bot.prompting.formats.tokens import TOKEN, list_tokens
from bot.prompting.macros import replace_macros
from bot.prompting.presets.preset import NAME_MACRO, ContextPreset, InstructPreset

_SHORTEST_HEADER = 2
_SHORTEST_MARKER = 3
_HEADING = "###"
_BEARER = re.compile(r"\{\{name\}\}", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """The sequences of a preset, in a scene if its names are given."""

    instruct: InstructPreset
    context: ContextPreset
    persona_name: str
    person_name: str

    @cached_property
    def line_headers(self) -> tuple[str, ...]:
        """What its lines begin with; headings of one kind are one."""
        around = (self.context.chat_start, self.context.example_separator)
        lines = [
            *self.instruct.list_lines(),
            *(line for text in around for line in text.split("\n")),
        ]
        found: dict[str, None] = {}
        for line in lines:
            for header in self._list_openings(line):
                found[_HEADING if header.startswith(_HEADING) else header] = None
        return tuple(found)

    @cached_property
    def text_markers(self) -> tuple[str, ...]:
        """Its tokens; without line breaks around its sequences those, too, up to a name."""
        lines = self.instruct.list_lines()
        filled = [each for line in lines for each in self._fill(line, self._bearers)]
        texts = (*lines, *filled, self.context.story_string.template)
        markers = [token for token in list_tokens(texts) if not NAME_MACRO.fullmatch(token)]
        if not self.instruct.wrap:
            pieces = (self._split(line)[0].strip() for line in lines)
            markers += [
                piece for piece in pieces if len(piece) >= _SHORTEST_MARKER and not piece.isalnum()
            ]
        return tuple(dict.fromkeys(markers))

    def list_stops(self, people: Sequence[str]) -> tuple[str, ...]:
        """The bare end of a turn, and every header with everybody's name.

        SillyTavern puts a line break before the end of a turn where a preset wraps, and then it
        never matches; bare it does.
        """
        bearers = list(dict.fromkeys([*people, self.persona_name]))
        ends = self._fill(self.instruct.stop_sequence, bearers)
        stops = [end.strip() for end in ends if end.strip()]
        for line in self.instruct.list_turn_lines():
            begun, *names = self._split(line)
            if names and (TOKEN.search(begun) or begun.startswith(_HEADING)):
                stops.append(self._begin(begun) + begun)  # whoever may be made up
            else:
                lines = (each for text in self._fill(line, bearers) for each in text.split("\n"))
                stops += [self._begin(each) + each for each in lines if self._tells(each)]
        return tuple(dict.fromkeys(stops))

    @property
    def _bearers(self) -> list[str]:
        return [name for name in (self.person_name, self.persona_name) if name]

    def _begin(self, stop: str) -> str:
        """Two characters, such as `A:`, stop nothing in mid-line."""
        is_short = len(stop.strip()) < _SHORTEST_MARKER
        return "\n" if self.instruct.wrap or is_short else ""

    def _split(self, line: str) -> list[str]:
        return NAME_MACRO.split(line) if self.instruct.macro else [line]

    def _list_openings(self, line: str) -> Iterator[str]:
        """Up to a name that anybody may bear, if that tells; else with the two names in it."""
        begun = (_BEARER.split(line)[0] if self.instruct.macro else line).strip()
        is_anybodys = len(begun) < len(line.strip())
        if is_anybodys and not NAME_MACRO.search(begun) and _is_telling(begun):
            yield begun
            return
        for filled in self._fill(line, self._bearers):
            yield from (each.strip() for each in filled.split("\n") if self._tells(each))

    def _tells(self, line: str) -> bool:
        """Whether a line is more than a mark or two, and more than a name."""
        text = line.strip()
        if text in self._bearers or len(text) < _SHORTEST_HEADER:
            return False
        return len(text) >= _SHORTEST_MARKER or any(map(str.isalnum, text))

    def _fill(self, line: str, bearers: Iterable[str]) -> list[str]:
        """With names in it, once for everybody who may bear it; nothing while none are known."""
        if not self.instruct.macro:
            return [line]
        parts = [
            part
            if number % 2
            else replace_macros(part, char=self.persona_name, user=self.person_name)
            for number, part in enumerate(NAME_MACRO.split(line))
        ]
        if len(parts) == 1:
            return parts
        if not self.persona_name:
            return []
        names = {"{{user}}": self.person_name, "<user>": self.person_name}
        written: dict[str, None] = {}
        for bearer in bearers:
            known = {**names, "{{name}}": bearer}
            filled = [
                known.get(part.lower(), self.persona_name) if number % 2 else part
                for number, part in enumerate(parts)
            ]
            written["".join(filled)] = None
        return list(written)


def _is_telling(begun: str) -> bool:
    """Whether what stands before a name is a header without it."""
    is_word = len(begun) >= _SHORTEST_MARKER and any(map(str.isalnum, begun))
    return is_word or begun.startswith(_HEADING) or TOKEN.search(begun) is not None
