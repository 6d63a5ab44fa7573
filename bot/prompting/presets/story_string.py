"""Story strings: the templates of SillyTavern's context presets, written as typed segments.

A template is the operator's and may hold control tokens; what is put in is not, so both stay apart
to the end.
"""

from collections.abc import Callable, Mapping, Sequence

from bot.prompting.presets.story_parser import Node, Text, Value, read_story
from bot.prompting.prompt import Segment, control


class StoryString:
    """A template, parsed once."""

    def __init__(self, template: str) -> None:
        """Parse.

        Raises:
            StoryStringError: If it cannot be read.
        """
        self.template = template
        self._body = read_story(template)

    def render(
        self, values: Mapping[str, Sequence[Segment]], fill: Callable[[str], Sequence[Segment]]
    ) -> list[Segment]:
        """Write the template.

        Args:
            values: By variable; an empty one is false.
            fill: Writes what is no variable: a macro with its braces, such as `{{user}}`.
        """
        pieces: list[Segment | None] = []
        _render(self._body, values, fill, pieces)
        return _trim(pieces)


def _render(
    body: list[Node],
    values: Mapping[str, Sequence[Segment]],
    fill: Callable[[str], Sequence[Segment]],
    pieces: list[Segment | None],
) -> None:
    for node in body:
        if isinstance(node, Text):
            pieces.append(control(node.value))
        elif isinstance(node, Value):
            if node.name == "trim":
                pieces.append(None)
            else:
                pieces += values[node.name] if node.name in values else fill(f"{{{{{node.name}}}}}")
        else:
            given = any(segment.text for segment in values.get(node.name, ()))
            chosen = node.body if given is (node.kind == "if") else node.otherwise
            _render(chosen or [], values, fill, pieces)


def _trim(pieces: list[Segment | None]) -> list[Segment]:
    """Where `{{trim}}` stood, the line breaks on both sides go."""
    kept: list[Segment] = []
    trims = False
    for piece in pieces:
        if piece is None:
            trims = True
            while kept and not kept[-1].text.rstrip("\r\n"):
                kept.pop()
            if kept:
                kept[-1] = Segment(kept[-1].kind, kept[-1].text.rstrip("\r\n"))
            continue
        text = piece.text.lstrip("\r\n") if trims else piece.text
        if text:
            kept.append(Segment(piece.kind, text))
            trims = False
    return kept
