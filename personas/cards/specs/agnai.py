"""Agnai's own export. Its `description` holds the creator's notes; the persona is in `persona`."""

from collections.abc import Mapping

from personas.cards.specs.fields import as_list, as_object

KIND = "agnai"

_MARKS = frozenset({"persona", "sampleChat"})


def is_agnai(root: Mapping[str, object]) -> bool:
    """Whether this is an Agnai character."""
    return root.get("kind") == "character" or root.keys() >= _MARKS


def translate(root: Mapping[str, object]) -> dict[str, object]:
    """Give the fields as V2 has them."""
    book = as_object(root.get("characterBook"))
    return {
        **root,
        "description": _write_persona(root.get("persona"), str(root.get("name") or "")),
        "first_mes": root.get("greeting"),
        "mes_example": root.get("sampleChat"),
        "system_prompt": root.get("systemPrompt"),
        "post_history_instructions": root.get("postHistoryInstructions"),
        "alternate_greetings": root.get("alternateGreetings"),
        "creator_notes": root.get("description"),
        "character_version": root.get("characterVersion"),
        "character_book": None if book is None else _translate_book(book),
        "extensions": _translate_extensions(root),
    }


def _write_persona(persona: object, name: str) -> object:
    """Write a persona's attributes as Agnai writes them into its prompts."""
    described = as_object(persona)
    if described is None:
        return persona
    attributes = {
        key: [str(value) for value in as_list(values) or [values] if value not in (None, "")]
        for key, values in (as_object(described.get("attributes")) or {}).items()
    }
    match described.get("kind"):
        case "wpp":
            lines = [f"{key}({_quote(values, ' + ')})" for key, values in attributes.items()]
            return "\n".join([f'[character("{name}") {{', *lines, "}]"])
        case "sbf":
            parts = [f"{key}: {_quote(values, ', ')}" for key, values in attributes.items()]
            return f'[ character: "{name}"; {"; ".join(parts)} ]'
        case "boostyle":
            return " + ".join(
                [name, *(value for values in attributes.values() for value in values)]
            )
        case "attributes":
            return "\n".join(f"{key}: {', '.join(values)}" for key, values in attributes.items())
        case _:
            return "\n".join(value for values in attributes.values() for value in values)


def _quote(values: list[str], between: str) -> str:
    return between.join(f'"{value}"' for value in values)


def _translate_book(book: Mapping[str, object]) -> dict[str, object]:
    """Bring a memory book to V2's form; one that has it already stays as it is."""
    entries = [
        entry if "keys" in entry else _translate_entry(entry)
        for entry in map(as_object, as_list(book.get("entries")) or [])
        if entry is not None
    ]
    return {
        "name": book.get("name"),
        "description": book.get("description"),
        "scan_depth": book.get("scanDepth", book.get("scan_depth")),
        "token_budget": book.get("tokenBudget", book.get("token_budget")),
        "recursive_scanning": book.get("recursiveScanning", book.get("recursive_scanning")),
        "extensions": book.get("extensions") or {},
        "entries": entries,
    }


def _translate_entry(entry: Mapping[str, object]) -> dict[str, object]:
    return {
        "name": entry.get("name"),
        "keys": entry.get("keywords") or [],
        "content": entry.get("entry"),
        "priority": entry.get("priority"),
        "insertion_order": entry.get("weight"),
        "enabled": entry.get("enabled", True),
        "extensions": {},
    }


def _translate_extensions(root: Mapping[str, object]) -> dict[str, object]:
    extensions = dict(as_object(root.get("extensions")) or {})
    insert = as_object(root.get("insert"))
    if insert is not None:
        # The name that SillyTavern and others give the same thing.
        extensions.setdefault("depth_prompt", insert)
    return extensions
