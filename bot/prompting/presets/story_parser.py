"""Reads the templates of SillyTavern's context presets.

They are Handlebars without escaping (https://handlebarsjs.com/guide/): `{{name}}`, `{{#if}}`,
`{{#unless}}`, `{{else}}`, `{{else if}}`, `~`. No helper, no path, no loop: none is
used there, and one that is there is refused.

Presets come from strangers: a template is read in linear time, and its size is limited.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_LARGEST: Final = 64 * 1024
"""Characters; the longest in use have four thousand."""
_DEEPEST: Final = 100
_BRACE: Final = re.compile(r"[{}]")
_COMMENT_END: Final = re.compile(r"--~?\}\}")
_OPENING: Final = re.compile(r"(#|else )(if|unless) +(\w+)")
_CLOSING: Final = ("/if", "/unless")
_HELPERS: Final = ("if", "unless", "else", "each", "with", "lookup", "log")
_DOES: Final = "there are only {{#if x}}, {{#unless x}}, {{else}} and {{else if x}}"


class StoryStringError(Exception):
    """A template whose blocks do not close, or that has what is not known here."""


@dataclass(slots=True)
class Text:
    """What is written as it is."""

    original: str
    value: str = ""

    def __post_init__(self) -> None:
        self.value = self.original


@dataclass(slots=True)
class Value:
    """A variable, or a macro."""

    name: str


@dataclass(slots=True)
class Block:
    """What is written if a variable says something, or if it does not."""

    name: str
    kind: str
    """`if` or `unless`."""
    is_chained: bool
    """Whether it is the `else if` of the block that it stands in, which closes both."""
    body: "list[Node]" = field(default_factory=list["Node"])
    otherwise: "list[Node] | None" = None


Node = Text | Value | Block


@dataclass(slots=True)
class _Tag:
    start: int
    end: int
    word: str
    """What stands between the braces, without blanks and `~` around it."""
    before: bool
    """Whether it takes the white space before it."""
    behind: bool


def read_story(template: str) -> list[Node]:
    """Parse a template.

    Raises:
        StoryStringError: If a block is not closed, or closed without having begun; if the template
            is larger or deeper than any in use, or has another helper.
    """
    if len(template) > _LARGEST:
        raise StoryStringError(f"it is longer than {_LARGEST:,} characters")
    body = _Parser(template).parse()
    _strip_lines(body, is_root=True)
    return body


def _list_tags(template: str) -> Iterator[_Tag]:
    """Every tag in order; braces that do not close again stay text. Each character is seen once.

    A comment ends at the first braces, one with dashes at dashes and braces if there are any.
    """
    position, has_dashes = 0, True
    while (found := template.find("{{", position)) >= 0:
        inner = found + 2
        while template.startswith("{", inner):
            inner += 1
        is_triple = inner - found > len("{{")
        word = inner + template.startswith("~", inner)
        end = -1
        if template.startswith("!--", word) and has_dashes:
            close = _COMMENT_END.search(template, word + 3)
            has_dashes = close is not None
            end = close.end() if close else -1
        if end < 0 and template.startswith("!", word):
            end = template.find("}}", word) + 2
            if end < len("}}"):
                return
        if end < 0:
            brace = _BRACE.search(template, word)
            if brace is None:
                return
            position = brace.start()
            if not template.startswith("}}", position):
                position += template[position] == "}"
                continue
            end = position + 2
        closes_triple = is_triple and template.startswith("}", end)
        text = template[word : end - 2]
        yield _Tag(
            start=inner - 2 - closes_triple,
            end=end + closes_triple,
            word=text.removesuffix("~").strip(),
            before=word > inner,
            behind=text.endswith("~"),
        )
        position = end + closes_triple


class _Parser:
    """Builds the tree, block by block."""

    def __init__(self, template: str) -> None:
        self._template = template
        self._body: list[Node] = []
        self._open: list[tuple[Block, list[Node]]] = []

    def parse(self) -> list[Node]:
        root, position, squeeze = self._body, 0, False
        for tag in _list_tags(self._template):
            self._add_text(self._template[position : tag.start], squeeze, squeezed=tag.before)
            position, squeeze = tag.end, tag.behind
            self._add_tag(tag.word)
        if self._open:
            block = self._open[-1][0]
            raise StoryStringError(f"{{{{#{block.kind} {block.name}}}}} is not closed")
        self._add_text(self._template[position:], squeeze, squeezed=False)
        return root

    def _add_text(self, text: str, squeeze: bool, *, squeezed: bool) -> None:
        text = text.lstrip() if squeeze else text
        text = text.rstrip() if squeezed else text
        if text:
            self._body.append(Text(text))

    def _add_tag(self, word: str) -> None:
        if opening := _OPENING.fullmatch(word):
            is_chained = opening[1] != "#"
            if is_chained:
                self._turn(word)
            if len(self._open) >= _DEEPEST:
                raise StoryStringError(f"its blocks are more than {_DEEPEST} deep")
            block = Block(opening[3], kind=opening[2], is_chained=is_chained)
            self._body.append(block)
            self._open.append((block, self._body))
            self._body = block.body
        elif word == "else":
            self._turn(word)
        elif word in _CLOSING:
            self._close(word)
        elif _is_unknown(word):
            raise StoryStringError(f"{{{{{word[:40]}}}}} is not known: {_DOES}")
        elif not word.startswith("!"):
            self._body.append(Value(word))

    def _turn(self, word: str) -> None:
        """To what is written otherwise."""
        if not self._open or self._open[-1][0].otherwise is not None:
            raise StoryStringError(f"{{{{{word}}}}} stands in no block")
        self._body = self._open[-1][0].otherwise = []

    def _close(self, word: str) -> None:
        """A block, and those whose `else if` it is."""
        while self._open and self._open[-1][0].is_chained:
            self._open.pop()
        if not self._open:
            raise StoryStringError(f"{{{{{word}}}}} closes nothing")
        block, self._body = self._open.pop()
        if word != f"/{block.kind}":
            raise StoryStringError(
                f"{{{{#{block.kind} {block.name}}}}} is closed by {{{{{word}}}}}"
            )


def _is_unknown(word: str) -> bool:
    """Whether it is Handlebars' and nothing that is written here; SillyTavern's own are not."""
    if word.startswith("/"):
        return not word.startswith("//")
    return word.startswith(("#", ">", "^", "&", "*")) or word.split(" ", 1)[0] in _HELPERS


def _strip_lines(body: list[Node], *, is_root: bool) -> None:
    """Take away the lines on which a block's tag stands alone, as Handlebars does."""
    for place, node in enumerate(body):
        if not isinstance(node, Block):
            continue
        _strip_lines(node.body, is_root=False)
        last = first = node.body
        if node.otherwise is not None:
            _strip_lines(node.otherwise, is_root=False)
            last, first = node.otherwise, _find_first(node.otherwise)
            if _ends_line(node.body, len(node.body)) and _begins_line(first, -1):
                _cut_end(node.body, len(node.body))
                _cut_begin(first, -1)
        before = _ends_line(body, place, is_root=is_root)
        if before and _begins_line(node.body, -1):
            _cut_begin(node.body, -1)
            _cut_end(body, place)
        after = _begins_line(body, place, is_root=is_root)
        if after and _ends_line(first, len(first)):
            _cut_begin(body, place)
            _cut_end(last, len(last))


def _find_first(otherwise: list[Node]) -> list[Node]:
    """What stands right behind `{{else}}` or `{{else if}}`."""
    first = otherwise[0] if otherwise else None
    return first.body if isinstance(first, Block) and first.is_chained else otherwise


def _ends_line(body: list[Node], place: int, *, is_root: bool = False) -> bool:
    """Whether only blanks stand before a place in its line."""
    if place == 0:
        return is_root
    node = body[place - 1]
    if not isinstance(node, Text):
        return False
    rest = node.original.rstrip()
    return "\n" in node.original[len(rest) :] or (is_root and place == 1 and not rest)


def _begins_line(body: list[Node], place: int, *, is_root: bool = False) -> bool:
    """Whether only blanks stand behind a place in its line."""
    if place + 1 >= len(body):
        return is_root
    node = body[place + 1]
    if not isinstance(node, Text):
        return False
    rest = node.original.lstrip()
    blanks = node.original[: len(node.original) - len(rest)]
    return "\n" in blanks or (is_root and place + 2 == len(body) and not rest)


def _cut_begin(body: list[Node], place: int) -> None:
    node = body[place + 1] if place + 1 < len(body) else None
    if isinstance(node, Text):
        rest = node.value.lstrip(" \t")
        node.value = rest.removeprefix("\r\n") if rest[:2] == "\r\n" else rest.removeprefix("\n")


def _cut_end(body: list[Node], place: int) -> None:
    node = body[place - 1] if place else None
    if isinstance(node, Text):
        node.value = node.value.rstrip(" \t")
