"""Modals, as a person sees and fills them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.fake_discord.messages import FakeAttachment, walk

_TEXT, _FILES, _CHECKBOX, _RADIO = 4, 19, 23, 21
_LABEL, _ROW, _PLAIN_TEXT = 18, 1, 10


@dataclass(frozen=True, slots=True)
class ModalInput:
    """One thing to fill in."""

    custom_id: str
    label: str
    type: int
    required: bool
    raw: dict[str, Any]

    @property
    def value(self) -> Any:
        """What is in it before the person touches it."""
        if self.type == _TEXT:
            return self.raw.get("value") or ""
        if self.type == _CHECKBOX:
            return bool(self.raw.get("default"))
        options = self.raw.get("options") or []
        chosen = [one["value"] for one in options if one.get("default")]
        return (chosen[0] if chosen else None) if self.type == _RADIO else chosen


class FakeModal:
    """A modal that the bot opened."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.title: str = data["title"]
        self.custom_id: str = data["custom_id"]
        self.components: list[dict[str, Any]] = data["components"]

    @property
    def inputs(self) -> list[ModalInput]:
        """What can be filled in, in the order in which it is shown."""
        labels = {
            part["component"]["custom_id"]: part["label"]
            for part in self.components
            if part["type"] == _LABEL
        }
        return [
            ModalInput(
                custom_id=one["custom_id"],
                label=labels.get(one["custom_id"]) or one.get("label") or "",
                type=one["type"],
                required=one.get("required", True) is not False,
                raw=one,
            )
            for one in walk(self.components)
            if one.get("custom_id") is not None
        ]

    @property
    def text(self) -> str:
        """What it says beside its inputs."""
        texts = [one["content"] for one in self.components if one["type"] == _PLAIN_TEXT]
        return "\n".join(texts)

    def find(self, name: str) -> ModalInput:
        """Return the input with this custom_id or label.

        Raises:
            AssertionError: If there is none.
        """
        for one in self.inputs:
            if name in (one.custom_id, one.label):
                return one
        names = [one.label or one.custom_id for one in self.inputs]
        raise AssertionError(f"{self!r} has no input {name!r}; it has {names}")

    def fill(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values of a submission by custom_id; what is not named keeps its own.

        Raises:
            AssertionError: If Discord's client would not let it be submitted like this.
        """
        filled = {one.custom_id: one.value for one in self.inputs}
        for name, value in values.items():
            filled[self.find(name).custom_id] = value
        for one in self.inputs:
            _check(one, filled[one.custom_id])
        return filled

    def submission(self, filled: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the components of the MODAL_SUBMIT for these values."""
        return [_submit_part(part, filled) for part in self.components]

    def __repr__(self) -> str:
        return f"<FakeModal {self.title!r}: {[one.label or one.custom_id for one in self.inputs]}>"


def _check(one: ModalInput, value: Any) -> None:
    name = one.label or one.custom_id
    assert value or not one.required or one.type == _CHECKBOX, f"{name!r} must be filled in"
    if one.type == _TEXT:
        assert isinstance(value, str), f"{name!r} takes a text, not {value!r}"
        least = one.raw.get("min_length") or 0
        most = one.raw.get("max_length") or 4000
        fits = least <= len(value) <= most or not (value or one.required)
        assert fits, f"{name!r} takes {least} to {most} characters, not {len(value)}"
    elif one.raw.get("options") and value:
        known = {option["value"] for option in one.raw["options"]}
        chosen = set(value) if isinstance(value, list | tuple) else {value}
        assert chosen <= known, f"{name!r} offers {sorted(known)}, not {value!r}"


def _submit_part(part: dict[str, Any], filled: dict[str, Any]) -> dict[str, Any]:
    if part["type"] == _PLAIN_TEXT:
        return {"type": _PLAIN_TEXT, "id": part["id"]}
    if part["type"] == _LABEL:
        return {
            "type": _LABEL,
            "id": part["id"],
            "component": _submit_input(part["component"], filled),
        }
    inner = [_submit_input(one, filled) for one in part["components"]]
    return {"type": _ROW, "id": part["id"], "components": inner}


def _submit_input(one: dict[str, Any], filled: dict[str, Any]) -> dict[str, Any]:
    value = filled[one["custom_id"]]
    data = {"type": one["type"], "id": one["id"], "custom_id": one["custom_id"]}
    if one["type"] in (_TEXT, _CHECKBOX, _RADIO):
        return data | {"value": value}
    values = value if isinstance(value, list | tuple) else [value]
    return data | {"values": [_id_or_value(item) for item in values]}


def _id_or_value(item: Any) -> str:
    is_object = isinstance(item, FakeAttachment) or hasattr(item, "mention")
    return str(item.id) if is_object else str(item)
