"""A model's own chat template, rendered as transformers and llama.cpp render it.

Templates are Jinja, and a part of a file that somebody else made: they run in Jinja2's immutable
sandbox and never see what people or cards say. Contents are put in as marks and changed for the
texts afterwards, so that nothing in a text can take part in the template, and everything between
the texts is known to be the template's own.

Settings as in transformers' chat_template_utils and llama.cpp's minja: trimmed blocks, loop
controls, `generation` blocks, `raise_exception`, `strftime_now`, `tojson` without HTML escaping.
"""

import json
import re
from collections.abc import Sequence, Sized
from datetime import datetime
from typing import TYPE_CHECKING, Final

from jinja2 import TemplateError
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.generation.types import ChatMessage, EndTokens

if TYPE_CHECKING:
    from jinja2 import nodes
    from jinja2.parser import Parser
    from jinja2.runtime import Context

_MARK: Final = re.compile("\ue000(\\d+)\ue001")
"""Private-use characters, which no template has."""
_REFUSALS = (
    *(TemplateError, TypeError, ValueError, AttributeError, LookupError, ArithmeticError),
    *(MemoryError, RecursionError, SyntaxError),
)
"""What a template of somebody else's may raise: Jinja makes Python of it, which may be too deep to
compile, and it may ask for more memory than there is."""
_MOST_ITEMS: Final = 100_000
"""Of all ranges together in one rendering, so that loops in loops come to an end."""
_LARGEST_PRODUCT: Final = 10_000
"""Characters or items of what a template multiplies, and bits of its numbers."""


class ChatTemplateError(Exception):
    """A template that cannot be used, or that refuses these messages."""


def _raise_exception(message: object) -> None:
    """For templates that insist on an order of roles."""
    raise TemplateError(str(message))


def _write_json(value: object, indent: int | None = None, **_: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _strftime_now(layout: str) -> str:
    return datetime.now().astimezone().strftime(layout)


class _Ranges:
    """`range`, as far as it goes in one rendering."""

    def __init__(self) -> None:
        self._left = _MOST_ITEMS

    def __call__(self, *borders: int) -> range:
        items = range(*borders)
        self._left -= len(items)
        if self._left < 0:
            raise TemplateError(f"its loops count further than {_MOST_ITEMS:,}")
        return items


class _Generation(Extension):
    """`{% generation %}`: what a trainer would learn from; here its body as it is."""

    tags = {"generation"}  # noqa: RUF012 - Jinja's own type

    def parse(self, parser: "Parser") -> "list[nodes.Node]":
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, with a limit to what can be multiplied."""

    intercepted_binops = frozenset(("*", "**"))

    def call_binop(self, context: "Context", operator: str, left: object, right: object) -> object:
        if operator == "*":
            size = max(_measure(left, right), _measure(right, left))
        else:
            size = _measure_power(left, right)
        if size > _LARGEST_PRODUCT:
            raise TemplateError("it multiplies to more than any prompt is")
        return super().call_binop(context, operator, left, right)


def _measure(repeated: object, times: object) -> int:
    if isinstance(repeated, Sized) and isinstance(times, int):
        return len(repeated) * times
    return 0


def _measure_power(base: object, exponent: object) -> int:
    if isinstance(base, int) and isinstance(exponent, int):
        return base.bit_length() * abs(exponent)
    return 0


def _make_environment() -> ImmutableSandboxedEnvironment:
    environment = _Environment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _Generation]
    )
    # Jinja2 types both as bare dictionaries.
    environment.filters["tojson"] = _write_json  # pyright: ignore[reportUnknownMemberType]
    functions = {"raise_exception": _raise_exception, "strftime_now": _strftime_now}
    environment.globals.update(functions)  # pyright: ignore[reportUnknownMemberType]
    # It writes as much as it is told to.
    environment.globals.pop("lipsum")  # pyright: ignore[reportUnknownMemberType]
    return environment


class ChatTemplate:
    """A template, compiled once."""

    def __init__(self, text: str, end_tokens: EndTokens) -> None:
        """Compile.

        Raises:
            ChatTemplateError: If it is no Jinja that can be read.
        """
        try:
            self._template = _make_environment().from_string(text)
        except _REFUSALS as error:
            raise ChatTemplateError(f"it cannot be read: {error}") from error
        self._end_tokens = end_tokens

    def render(self, messages: Sequence[ChatMessage], *, opens_reply: bool = True) -> str:
        """Render messages; the start token is taken off, because the engine adds it.

        Args:
            messages: In order.
            opens_reply: Whether the prompt ends where the model begins to answer.

        Raises:
            ChatTemplateError: If the template refuses them.
        """
        try:
            text = self._template.render(
                messages=[{"role": each.role, "content": each.content} for each in messages],
                add_generation_prompt=opens_reply,
                bos_token=self._end_tokens.bos,
                eos_token=self._end_tokens.eos,
                enable_thinking=False,
                tools=None,
                documents=None,
                range=_Ranges(),
            )
        except _REFUSALS as error:
            raise ChatTemplateError(str(error)) from error
        return text.removeprefix(self._end_tokens.bos)

    def render_around(
        self, messages: Sequence[ChatMessage], *, opens_reply: bool = True
    ) -> list[str | int]:
        """Render what stands around the messages' contents.

        Returns:
            The template's own texts, and between them the places of messages in the order given.
            White space at both ends of a content is the template's to keep or to drop.

        Raises:
            ChatTemplateError: If the template refuses the messages, or leaves one out.
        """
        marked = [
            ChatMessage(role=each.role, content=_mark(each.content, place))
            for place, each in enumerate(messages)
        ]
        parts = _MARK.split(self.render(marked, opens_reply=opens_reply))
        places = [int(place) for place in parts[1::2]]
        if places != list(range(len(messages))):
            raise ChatTemplateError("it leaves messages out, or says them twice")
        return [int(part) if number % 2 else part for number, part in enumerate(parts)]


def _mark(content: str, place: int) -> str:
    """A content's mark, with the white space around it, which templates may trim."""
    begin = content[: len(content) - len(content.lstrip())]
    end = content[len(content.rstrip()) :] if content.strip() else ""
    return f"{begin}\ue000{place}\ue001{end}"
