"""Story strings: the templates of SillyTavern's context presets, written as typed segments.

They are Handlebars without escaping (https://handlebarsjs.com/guide/): `{{name}}`, `{{#if}}`,
`{{#unless}}`, `{{else}}`, `~`. A template is the operator's and may hold control tokens; what is
put in is not, so both stay apart to the end. No helper, no path, no loop: none is used there.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.prompting.prompt import Segment, control

_TAG = re.compile(r"\{\{\{?(~?)\s*(!--.*?--|[^{}]*?)\s*(~?)\}?\}\}", re.DOTALL)
_OPENING = re.compile(r"#(if|unless)\s+(\w+)")
_ENDS_LINE = re.compile(r"\r?\n\s*?$")
_ENDS_LINE_OR_ALL = re.compile(r"(^|\r?\n)\s*?$")
_BEGINS_LINE = re.compile(r"^\s*?\r?\n")
_BEGINS_LINE_OR_ALL = re.compile(r"^\s*?(\r?\n|$)")


class StoryStringError(Exception):
    """A template whose blocks do not close."""


@dataclass(slots=True)
class _Text:
    original: str
    value: str = ""

    def __post_init__(self) -> None:
        self.value = self.original


@dataclass(slots=True)
class _Value:
    name: str


@dataclass(slots=True)
class _Block:
    name: str
    negated: bool
    body: "list[_Node]" = field(default_factory=list["_Node"])
    otherwise: "list[_Node] | None" = None


_Node = _Text | _Value | _Block


class StoryString:
    """A template, parsed once."""

    def __init__(self, template: str) -> None:
        """Parse.

        Raises:
            StoryStringError: If a block is not closed, or closed without having begun.
        """
        self.template = template
        self._body = _parse(template)
        _strip_lines(self._body, is_root=True)

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


def _parse(template: str) -> list[_Node]:
    root: list[_Node] = []
    open_blocks: list[tuple[_Block, list[_Node]]] = []
    body, position = root, 0
    squeeze = False  # the tag before takes the white space behind it
    for tag in _TAG.finditer(template):
        _add_text(body, template[position : tag.start()], squeeze, squeezed=bool(tag[1]))
        position, squeeze = tag.end(), bool(tag[3])
        word = tag[2]
        if opening := _OPENING.fullmatch(word):
            block = _Block(opening[2], negated=opening[1] == "unless")
            body.append(block)
            open_blocks.append((block, body))
            body = block.body
        elif word == "else" and open_blocks and open_blocks[-1][0].otherwise is None:
            body = open_blocks[-1][0].otherwise = []
        elif word in {"/if", "/unless"}:
            if not open_blocks:
                raise StoryStringError(f"{{{{{word}}}}} closes nothing")
            body = open_blocks.pop()[1]
        elif not word.startswith("!"):
            body.append(_Value(word))
    if open_blocks:
        raise StoryStringError(f"{{{{#if {open_blocks[-1][0].name}}}}} is not closed")
    _add_text(body, template[position:], squeeze, squeezed=False)
    return root


def _add_text(body: list[_Node], text: str, squeeze: bool, *, squeezed: bool) -> None:
    text = text.lstrip() if squeeze else text
    text = text.rstrip() if squeezed else text
    if text:
        body.append(_Text(text))


def _strip_lines(body: list[_Node], *, is_root: bool) -> None:
    """Take away the lines on which a block's tag stands alone, as Handlebars does."""
    for place, node in enumerate(body):
        if not isinstance(node, _Block):
            continue
        _strip_lines(node.body, is_root=False)
        last = node.body if node.otherwise is None else node.otherwise
        if node.otherwise is not None:
            _strip_lines(node.otherwise, is_root=False)
            if _ends_line(node.body, len(node.body)) and _begins_line(node.otherwise, -1):
                _cut_end(node.body, len(node.body))
                _cut_begin(node.otherwise, -1)
        before = _ends_line(body, place, is_root=is_root)
        if before and _begins_line(node.body, -1):
            _cut_begin(node.body, -1)
            _cut_end(body, place)
        after = _begins_line(body, place, is_root=is_root)
        if after and _ends_line(last, len(last)):
            _cut_begin(body, place)
            _cut_end(last, len(last))


def _ends_line(body: list[_Node], place: int, *, is_root: bool = False) -> bool:
    """Whether only blanks stand before a place in its line."""
    if place == 0:
        return is_root
    node = body[place - 1]
    rule = _ENDS_LINE_OR_ALL if is_root and place == 1 else _ENDS_LINE
    return isinstance(node, _Text) and rule.search(node.original) is not None


def _begins_line(body: list[_Node], place: int, *, is_root: bool = False) -> bool:
    """Whether only blanks stand behind a place in its line."""
    if place + 1 >= len(body):
        return is_root
    node = body[place + 1]
    rule = _BEGINS_LINE_OR_ALL if is_root and place + 2 == len(body) else _BEGINS_LINE
    return isinstance(node, _Text) and rule.search(node.original) is not None


def _cut_begin(body: list[_Node], place: int) -> None:
    node = body[place + 1] if place + 1 < len(body) else None
    if isinstance(node, _Text):
        node.value = re.sub(r"^[ \t]*\r?\n?", "", node.value)


def _cut_end(body: list[_Node], place: int) -> None:
    node = body[place - 1] if place else None
    if isinstance(node, _Text):
        node.value = re.sub(r"[ \t]+$", "", node.value)


def _render(
    body: list[_Node],
    values: Mapping[str, Sequence[Segment]],
    fill: Callable[[str], Sequence[Segment]],
    pieces: list[Segment | None],
) -> None:
    for node in body:
        if isinstance(node, _Text):
            pieces.append(control(node.value))
        elif isinstance(node, _Value):
            if node.name == "trim":
                pieces.append(None)
            else:
                pieces += values[node.name] if node.name in values else fill(f"{{{{{node.name}}}}}")
        else:
            given = any(segment.text for segment in values.get(node.name, ()))
            chosen = node.body if given is not node.negated else node.otherwise
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
