"""What Discord refuses in embeds."""

from __future__ import annotations

from typing import Any

from tests.fake_discord.errors import check_length, form_error

_MAX_EMBEDS = 10
_MAX_FIELDS = 25
_MAX_TOTAL = 6000
_SHOWN = ("title", "description", "fields", "image", "thumbnail", "author", "footer", "video")


def check_embeds(embeds: list[dict[str, Any]]) -> None:
    """Refuse embeds that are too many, too long or empty.

    Raises:
        ApiError: With code 50035, naming the field.
    """
    if len(embeds) > _MAX_EMBEDS:
        raise form_error("embeds", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    total = sum(_check_embed(f"embeds.{index}", embed) for index, embed in enumerate(embeds))
    if total > _MAX_TOTAL:
        message = f"Embed size exceeds maximum size of {_MAX_TOTAL}"
        raise form_error("embeds", "MAX_EMBED_SIZE_EXCEEDED", message)


def _check_embed(path: str, embed: dict[str, Any]) -> int:
    if not any(embed.get(key) for key in _SHOWN):
        raise form_error(f"{path}.description", "BASE_TYPE_REQUIRED", "This field is required")
    fields = embed.get("fields") or []
    if len(fields) > _MAX_FIELDS:
        message = f"Must be {_MAX_FIELDS} or fewer in length."
        raise form_error(f"{path}.fields", "BASE_TYPE_MAX_LENGTH", message)
    author, footer = embed.get("author") or {}, embed.get("footer") or {}
    texts = [
        ("title", embed.get("title"), 256),
        ("description", embed.get("description"), 4096),
        ("author.name", author.get("name"), 256),
        ("footer.text", footer.get("text"), 2048),
    ]
    for index, field in enumerate(fields):
        for key, limit in (("name", 256), ("value", 1024)):
            check_length(f"{path}.fields.{index}.{key}", field.get(key), limit, least=1)
            texts.append((f"fields.{index}.{key}", field[key], limit))
    for key, text, limit in texts:
        if text is not None:
            check_length(f"{path}.{key}", text, limit)
    return sum(len(text) for _, text, _ in texts if text)
