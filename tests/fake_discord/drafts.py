"""The body of a message before it is posted: read, and refused where Discord refuses it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fake_discord.component_checks import check_components
from tests.fake_discord.embed_checks import check_embeds
from tests.fake_discord.errors import ApiError, check_length, empty_message, form_error
from tests.fake_discord.messages import (
    COMPONENTS_V2,
    EPHEMERAL,
    SUPPRESS_EMBEDS,
    SUPPRESS_NOTIFICATIONS,
    FakeFile,
)

if TYPE_CHECKING:
    from tests.fake_discord.interactions import FakeInteraction
    from tests.fake_discord.messages import FakeMessage, FakePoll
    from tests.fake_discord.users import FakeUser
    from tests.fake_discord.webhooks import FakeWebhook

MAX_CONTENT = 2000
MAX_CONTENT_OF_PEOPLE = 4000  # with Nitro
MAX_FILES = 10
MAX_FILE_BYTES = 10 * 1024 * 1024
_SETTABLE_FLAGS = SUPPRESS_EMBEDS | EPHEMERAL | SUPPRESS_NOTIFICATIONS | COMPONENTS_V2


@dataclass(slots=True, kw_only=True)
class Draft:
    """What a message shall hold. In an edit, None leaves that part as it is."""

    content: str | None = None
    embeds: list[dict[str, Any]] | None = None
    components: list[dict[str, Any]] | None = None
    files: list[FakeFile] = field(default_factory=list)
    kept_attachments: list[int] | None = None
    flags: int | None = None
    allowed_mentions: dict[str, Any] | None = None
    also_mentioned: list[FakeUser] = field(default_factory=list)
    stickers: list[str] = field(default_factory=list)
    poll: FakePoll | None = None
    forwarded: FakeMessage | None = None
    reply_to: int | None = None
    fail_if_not_exists: bool = True
    nonce: str | int | None = None
    enforce_nonce: bool = False
    webhook: FakeWebhook | None = None
    interaction: FakeInteraction | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        shown = self.content or self.embeds or self.components or self.files
        return not (shown or self.stickers or self.poll or self.forwarded)


def read_draft(
    body: Any, files: dict[int, FakeFile], *, edited: FakeMessage | None = None
) -> Draft:
    """Check the body of a request that makes a message, or changes `edited`.

    Raises:
        ApiError: If Discord would refuse it: too long, a malformed component, too many files.
    """
    if not isinstance(body, dict):
        raise ApiError(400, 50109, "The request body contains invalid JSON.")
    flags = body.get("flags")
    draft = Draft(
        content=_read_content(body, is_edit=edited is not None),
        embeds=_read_embeds(body),
        flags=flags & _SETTABLE_FLAGS if flags is not None else None,
        allowed_mentions=_read_allowed_mentions(body),
        nonce=body.get("nonce"),
        enforce_nonce=bool(body.get("enforce_nonce")),
    )
    if draft.nonce is not None and len(str(draft.nonce)) > 25:
        raise form_error("nonce", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    if body.get("components") is not None:
        components = copy.deepcopy(body["components"])
        all_flags = (flags or 0) | (edited.flags if edited is not None else 0)
        check_components(components, is_v2=bool(all_flags & COMPONENTS_V2))
        draft.components = components
    _read_reference(body, draft)
    _read_attachments(body, files, draft)
    _check_layout_alone(draft)
    return draft


def _read_content(body: dict[str, Any], *, is_edit: bool) -> str | None:
    if "content" not in body:
        return None
    content = body["content"]
    if content is None:
        return "" if is_edit else None
    check_length("content", content, MAX_CONTENT)
    return content.strip()


def _read_embeds(body: dict[str, Any]) -> list[dict[str, Any]] | None:
    embeds = body.get("embeds")
    if embeds is None:
        return None
    check_embeds(embeds)
    return [{"type": "rich", **embed} for embed in copy.deepcopy(embeds)]


def _read_allowed_mentions(body: dict[str, Any]) -> dict[str, Any] | None:
    allowed = body.get("allowed_mentions")
    if allowed is None:
        return None
    parse = allowed.get("parse") or []
    for kind in ("users", "roles"):
        listed = allowed.get(kind) or []
        if kind in parse and listed:
            code, message = "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", "mutually exclusive"
            raise form_error("allowed_mentions", code, f'parse:["{kind}"] and {kind} are {message}')
        if len(listed) > 100:
            message = "Must be 100 or fewer in length."
            raise form_error(f"allowed_mentions.{kind}", "BASE_TYPE_MAX_LENGTH", message)
    return allowed


def _read_reference(body: dict[str, Any], draft: Draft) -> None:
    reference = body.get("message_reference")
    if reference:
        draft.reply_to = int(reference["message_id"])
        draft.fail_if_not_exists = reference.get("fail_if_not_exists", True)


def _read_attachments(body: dict[str, Any], files: dict[int, FakeFile], draft: Draft) -> None:
    listed = body.get("attachments")
    if listed is not None:
        draft.kept_attachments = [int(one["id"]) for one in listed if int(one["id"]) not in files]
    described = {int(one["id"]): one for one in listed or []}
    for index, file in files.items():
        if len(file.data) > MAX_FILE_BYTES:
            raise ApiError(413, 40005, "Request entity too large")
        extra = described.get(index, {})
        draft.files.append(
            FakeFile(
                extra.get("filename") or file.filename,
                file.data,
                file.content_type,
                extra.get("description"),
            )
        )
    if len(draft.files) + len(draft.kept_attachments or []) > MAX_FILES:
        raise ApiError(400, 30015, "Maximum number of attachments in a message reached (10)")


def _check_layout_alone(draft: Draft) -> None:
    if (draft.flags or 0) & COMPONENTS_V2 and (draft.content or draft.embeds):
        code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
        message = "content and embeds cannot be used with MessageFlags.IS_COMPONENTS_V2"
        raise form_error("content", code, message)


def require_something(draft: Draft) -> None:
    """Refuse a new message with nothing in it.

    Raises:
        ApiError: With code 50006.
    """
    if draft.is_empty:
        raise empty_message()
