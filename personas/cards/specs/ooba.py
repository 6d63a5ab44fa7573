"""The character files of text-generation-webui, in YAML or JSON; oobabot reads the same.

The name has had several keys. Description and personality are both in `context`.
"""

from collections.abc import Mapping

from personas.cards.specs.fields import pick

KIND = "ooba"


def is_ooba(root: Mapping[str, object]) -> bool:
    """Whether this is such a file. Asked last: its keys are words that others use too."""
    return isinstance(root.get("context"), str) or isinstance(root.get("greeting"), str)


def translate(root: Mapping[str, object]) -> dict[str, object]:
    """Give the fields as V2 has them.

    White space around the context is the file's (YAML ends a block of lines with one more), and
    text-generation-webui takes it away too.
    """
    context = root.get("context")
    return {
        **root,
        "name": pick(root, "name", "bot", "<|bot|>", "char_name"),
        "description": context.strip() if isinstance(context, str) else context,
        "first_mes": root.get("greeting"),
        "mes_example": root.get("example_dialogue"),
    }
