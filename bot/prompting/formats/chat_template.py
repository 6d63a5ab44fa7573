"""A model's own chat template, rendered as transformers and llama.cpp render it.

Templates are Jinja, and a part of a file that somebody else made: they run in Jinja2's immutable
sandbox and never see what people or cards say. Contents are put in as marks and changed for the
texts afterwards, so that nothing in a text can take part in the template, and everything between
the texts is known to be the template's own.

Settings as in transformers' chat_template_utils and llama.cpp's minja: trimmed blocks, loop
controls, `raise_exception`, `strftime_now`, `tojson` without HTML escaping.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.generation.types import ChatMessage, EndTokens

_MARK: Final = re.compile("\ue000(\\d+)\ue001")
"""Private-use characters, which no template has."""
_REFUSALS = (TemplateError, TypeError, ValueError, AttributeError, LookupError, ArithmeticError)
"""What a template of somebody else's may raise while it runs."""


class ChatTemplateError(Exception):
    """A template that cannot be used, or that refuses these messages."""


def _raise_exception(message: object) -> None:
    """For templates that insist on an order of roles."""
    raise TemplateError(str(message))


def _write_json(value: object, indent: int | None = None, **_: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _strftime_now(layout: str) -> str:
    return datetime.now().astimezone().strftime(layout)


def _make_environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    # Jinja2 types both as bare dictionaries.
    environment.filters["tojson"] = _write_json  # pyright: ignore[reportUnknownMemberType]
    functions = {"raise_exception": _raise_exception, "strftime_now": _strftime_now}
    environment.globals.update(functions)  # pyright: ignore[reportUnknownMemberType]
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
        except (*_REFUSALS, RecursionError) as error:
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
            )
        except (*_REFUSALS, RecursionError) as error:
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
