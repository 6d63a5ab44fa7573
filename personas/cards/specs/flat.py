"""Cards whose fields are at the root: V1, and those that give some of its fields other names.

JanitorAI's export calls the greeting `first_message` and the examples `example_dialogs`; the
alpaca-roleplay-discordbot's character.json calls the scenario `world_scenario`.
"""

from collections.abc import Mapping

V1_KIND = "v1"
JANITOR_KIND = "janitorai"

V1_TEXTS = frozenset({"description", "personality", "scenario", "first_mes", "mes_example"})
_JANITOR_KEYS = frozenset({"first_message", "example_dialogs"})
_OTHER_NAMES = {
    "scenario": ("world_scenario",),
    "first_mes": ("first_message", "greeting", "char_greeting"),
    "mes_example": ("example_dialogs", "example_dialogue"),
}


def is_flat(root: Mapping[str, object]) -> bool:
    """Whether this is a V1 card or one of its relatives."""
    return "name" in root and not V1_TEXTS.isdisjoint(root)


def kind_of(root: Mapping[str, object]) -> str:
    """Tell V1 from JanitorAI."""
    return V1_KIND if _JANITOR_KEYS.isdisjoint(root) else JANITOR_KIND


def translate(root: Mapping[str, object]) -> dict[str, object]:
    """Give the fields as V1 names them; what has the right name stays as it is."""
    body = dict(root)
    for field, others in _OTHER_NAMES.items():
        found = next((other for other in others if other in root), None)
        if field not in root and found is not None:
            body[field] = root[found]
    return body
