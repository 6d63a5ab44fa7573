"""Tells the spec of a card object by what is in it, and finds the object that holds its fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from personas.cards.specs import agnai, flat, ooba, pygmalion
from personas.cards.specs.fields import as_list, as_object, name_type
from personas.errors import InvalidCardError

_KINDS_BY_SPEC = {"chara_card_v2": "v2", "chara_card_v3": "v3"}
_NEWEST_SPEC_VERSION = 3.0
# A lorebook may have a name and a description of its own, so these tell it from a V1 card.
_NEVER_IN_A_LOREBOOK = flat.V1_TEXTS - {"description"}
_KEYS_SHOWN = 10
_KEY_CHARACTERS_SHOWN = 40

_FIELD_NAMES = "name, description, personality, scenario, first_mes, mes_example"
_EXPORT_AGAIN = "Export the character again as a Tavern card (V1, V2 or V3), as JSON or PNG."
_WHERE_LORE_GOES = (
    "Use the character's own card: a lorebook belongs into its `character_book`, from where it is "
    "read with it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardBody:
    """The fields of a card, under the names of V2 whatever the spec."""

    kind: str
    """v1, v2, v3, pygmalion, ooba, agnai or janitorai."""
    fields: Mapping[str, object]


# Asked in this order, the specs with a mark of their own before those told by common words.
_FOREIGN: tuple[
    tuple[
        Callable[[Mapping[str, object]], bool],
        Callable[[Mapping[str, object]], str],
        Callable[[Mapping[str, object]], dict[str, object]],
    ],
    ...,
] = (
    (pygmalion.is_pygmalion, lambda _: pygmalion.KIND, pygmalion.translate),
    (agnai.is_agnai, lambda _: agnai.KIND, agnai.translate),
    (flat.is_flat, flat.kind_of, flat.translate),
    (ooba.is_ooba, lambda _: ooba.KIND, ooba.translate),
)


def find_body(card: object, *, source: str, notes: list[str]) -> CardBody:
    """Tell the spec of the card, and give its fields.

    Raises:
        InvalidCardError: If it is no character card; it says what it seems to be.
    """
    root = as_object(card)
    if root is None:
        found = f"JSON that is {name_type(card)} and not an object"
        raise InvalidCardError(source=source, found=found, remedy=_EXPORT_AGAIN)
    body = as_object(root.get("data"))
    spec = root.get("spec")
    if spec:
        kind = _KINDS_BY_SPEC.get(spec.strip().lower()) if isinstance(spec, str) else None
        if kind is None:
            raise _refusal_of(root, source=source)
        _note_newer(root.get("spec_version"), notes)
        return CardBody(kind=kind, fields=root if body is None else body)
    if body is not None and "name" in body:
        notes.append("the card does not name its spec; it is read as V2")
        return CardBody(kind="v2", fields=body)
    if not is_lorebook(root):
        for is_spec, kind_of, translate in _FOREIGN:
            if is_spec(root):
                return CardBody(kind=kind_of(root), fields=translate(root))
    raise _refusal_of(root, source=source)


def is_lorebook(root: Mapping[str, object]) -> bool:
    """Whether this is a lorebook: V3's own form, a card's book, or SillyTavern's world info."""
    if root.get("spec") == "lorebook_v3":
        return True
    return "entries" in root and _NEVER_IN_A_LOREBOOK.isdisjoint(root)


def _refusal_of(root: Mapping[str, object], *, source: str) -> InvalidCardError:
    """Say which other thing this object seems to be."""
    spec = root.get("spec")
    remedy = _EXPORT_AGAIN
    if is_lorebook(root):
        found = "a lorebook and not a character"
        if as_object(root.get("entries")) is not None:
            found = "a lorebook (SillyTavern's world info) and not a character"
        remedy = _WHERE_LORE_GOES
    elif spec:
        found = f"a card of an unknown spec, {str(spec)[:_KEY_CHARACTERS_SHOWN]!r}"
    elif {"bio", "messageExamples"} & root.keys():
        found = f"an elizaOS character ({_keys_of(root)})"
    elif as_list(root.get("turns")) is not None or "story_string" in root:
        found = f"a preset or a chat, not a character ({_keys_of(root)})"
    else:
        found = f"an object that is not a character card ({_keys_of(root)})"
        remedy = f"A card has a name and at least one of the other fields: {_FIELD_NAMES}."
    return InvalidCardError(source=source, found=found, remedy=remedy)


def _keys_of(root: Mapping[str, object]) -> str:
    if not root:
        return "it is empty"
    # repr, because a stranger's keys end up in the operator's log.
    shown = [f"{key[:_KEY_CHARACTERS_SHOWN]!r}" for key in list(root)[:_KEYS_SHOWN]]
    more = f" and {len(root) - _KEYS_SHOWN} more" if len(root) > _KEYS_SHOWN else ""
    return f"its keys are {', '.join(shown)}{more}"


def _note_newer(spec_version: object, notes: list[str]) -> None:
    """Note a version that we do not know: the V3 spec forbids refusing a card for it."""
    if not isinstance(spec_version, str | int | float):
        return
    try:
        version = float(spec_version)
    except (ValueError, OverflowError):
        return
    if version > _NEWEST_SPEC_VERSION:
        notes.append(f"the card is of spec version {version}, newer than we know")
