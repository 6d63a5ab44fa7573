"""Pygmalion's card, also written by Gradio, text-generation-webui's early JSON and oobabot.

Its key is `char_name`. Editors that serve several programs write the keys of V1 beside those of
Pygmalion, so that what Pygmalion has no key for (personality) is taken from there; the first
sample card of the alpaca-roleplay-discordbot mixes both in the same way.
"""

from collections.abc import Mapping

from personas.cards.specs.fields import pick

KIND = "pygmalion"


def is_pygmalion(root: Mapping[str, object]) -> bool:
    """Whether this is a Pygmalion card."""
    return "char_name" in root


def translate(root: Mapping[str, object]) -> dict[str, object]:
    """Give the fields as V2 has them."""
    description = pick(root, "char_persona", "description", "context", "personality")
    personality = pick(root, "personality")
    if isinstance(description, str) and isinstance(personality, str) and personality in description:
        personality = None  # said already: Pygmalion's persona is both in one
    return {
        **root,
        "name": pick(root, "char_name", "name"),
        "description": description,
        "personality": personality,
        "scenario": pick(root, "world_scenario", "scenario"),
        "first_mes": pick(root, "char_greeting", "first_mes", "greeting"),
        "mes_example": pick(root, "example_dialogue", "mes_example"),
    }
