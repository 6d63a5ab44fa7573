"""Reads SillyTavern's card extension `depth_prompt`: an instruction inside the story."""

from typing import TYPE_CHECKING

from personas.cards.specs.fields import FieldReader, as_object
from personas.errors import InvalidCardError
from personas.persona import DepthPrompt, is_blank

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROLES = {"system": "narrator", "user": "person", "assistant": "persona"}
_USUAL_DEPTH = 4
_LARGEST_DEPTH = 10_000


def read_depth_prompt(extensions: object, *, source: str, notes: list[str]) -> DepthPrompt | None:
    """Read the instruction; None if there is none, or it is nothing that can be read."""
    body: Mapping[str, object] = as_object((as_object(extensions) or {}).get("depth_prompt")) or {}
    fields = FieldReader(body, source=source, notes=[])
    try:
        text = fields.text("prompt")
        role = fields.text("role").strip().lower()
    except InvalidCardError:
        notes.append("the extension `depth_prompt` is no text with a depth; it is left out")
        return None
    if is_blank(text):
        return None
    depth = fields.integer("depth")
    return DepthPrompt(
        text=text,
        depth=min(max(_USUAL_DEPTH if depth is None else depth, 0), _LARGEST_DEPTH),
        role=_ROLES.get(role, "narrator"),
    )
