"""What Discord's client sends when a person uses a command: typed options, resolved objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_discord import message_payloads, payloads
from tests.fake_discord.command_checks import (
    ATTACHMENT,
    BOOLEAN,
    CHANNEL,
    CHAT_INPUT,
    INTEGER,
    MENTIONABLE,
    NUMBER,
    ROLE,
    STRING,
    USER,
)
from tests.fake_discord.messages import FakeAttachment, FakeFile
from tests.fake_discord.permissions import permissions_in
from tests.fake_discord.posting import attach
from tests.fake_discord.registry import descend
from tests.fake_discord.users import FakeRole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.modals import FakeModal
    from tests.fake_discord.people import FakePerson

Json = dict[str, Any]
_STRING_MENU = 3
_OBJECT_INPUTS = {5, 6, 7, 8, 19}  # users, roles, mentionables, channels, files


def command_data(
    person: FakePerson,
    channel: FakeChannel,
    path: str,
    values: Json,
    *,
    focused: str | None = None,
) -> Json:
    """Return the `data` of a slash command's interaction.

    Args:
        person: Who uses it.
        channel: Where.
        path: Name of the command, with those of its groups: `persona list`.
        values: Values by the option's name.
        focused: The option being typed, for autocompletion.

    Raises:
        AssertionError: If Discord's client would not send this: an unknown command or option, a
            required option missing, a value of the wrong type or not among the choices.
    """
    name, *words = path.removeprefix("/").split()
    command = person.world.registry.find(person, channel, CHAT_INPUT, name)
    leaf, way = descend(command, words)
    known = {one["name"]: one for one in leaf.get("options") or []}
    _check_names(path, known, values, is_complete=focused is None)
    resolved: Json = {}
    rows = []
    for given, value in values.items():
        row = {"name": given, "type": known[given]["type"]}
        if given == focused:
            rows.append(row | {"value": str(value), "focused": True})
        else:
            rows.append(row | {"value": option_value(channel, known[given], value, resolved)})
    for one in reversed(way):
        rows = [{"name": one["name"], "type": one["type"], "options": rows}]
    data: Json = {"id": command["id"], "name": name, "type": CHAT_INPUT, "options": rows}
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    return data | {"resolved": resolved} if resolved else data


def _check_names(path: str, known: Json, values: Json, *, is_complete: bool) -> None:
    for given in values:
        assert given in known, f"/{path} has no option {given!r}; it has {sorted(known)}"
    missing = [one for one, option in known.items() if option.get("required") and one not in values]
    assert not (is_complete and missing), f"/{path} needs {missing}"


def menu_data(channel: FakeChannel, menu: Json, values: Iterable[Any]) -> Json:
    """Return the `data` of a select menu's interaction.

    Raises:
        AssertionError: If the menu does not offer these values, or not so many.
    """
    known = {one["label"]: one["value"] for one in menu.get("options") or []}
    resolved: Json = {}
    chosen = []
    for value in values:
        if menu["type"] == _STRING_MENU:
            chosen.append(known.get(value, value))
            assert chosen[-1] in known.values(), f"the menu offers {known}, not {value!r}"
        else:
            chosen.append(resolve(channel, value, resolved))
    least, most = menu.get("min_values", 1), menu.get("max_values", 1)
    assert least <= len(chosen) <= most, f"the menu takes {least} to {most} values"
    data: Json = {"custom_id": menu["custom_id"], "component_type": menu["type"], "id": menu["id"]}
    return data | {"values": chosen} | ({"resolved": resolved} if resolved else {})


def modal_data(channel: FakeChannel, modal: FakeModal, values: Json) -> Json:
    """Return the `data` of a modal's submission.

    Raises:
        AssertionError: If Discord's client would not let it be submitted.
    """
    filled = modal.fill(values)
    resolved: Json = {}
    for one in modal.inputs:
        if one.type in _OBJECT_INPUTS:
            value = filled[one.custom_id]
            items = value if isinstance(value, list | tuple) else [value]
            filled[one.custom_id] = [resolve(channel, item, resolved) for item in items if item]
    data: Json = {"custom_id": modal.custom_id, "components": modal.submission(filled)}
    return data | {"resolved": resolved} if resolved else data


def option_value(channel: FakeChannel, option: Json, value: Any, resolved: Json) -> Any:
    """Return a value as Discord sends it; objects go into `resolved`, by id.

    Raises:
        AssertionError: If Discord's client would not take this value.
    """
    kind, name = option["type"], option["name"]
    if option.get("choices"):
        by_name = {one["name"]: one["value"] for one in option["choices"]}
        value = by_name.get(value, value)
        assert value in by_name.values(), f"{name!r} offers {by_name}, not {value!r}"
        return value
    if kind in (USER, CHANNEL, ROLE, MENTIONABLE, ATTACHMENT):
        return resolve(channel, value, resolved)
    types = {STRING: str, INTEGER: int, BOOLEAN: bool, NUMBER: (int, float)}[kind]
    is_right = isinstance(value, types) and (kind == BOOLEAN or not isinstance(value, bool))
    assert is_right, f"option {name!r} takes type {kind}, not {value!r}"
    size: Any = len(str(value)) if kind == STRING else value
    least = option.get("min_length" if kind == STRING else "min_value")
    most = option.get("max_length" if kind == STRING else "max_value")
    assert least is None or size >= least, f"{name!r}: {value!r} is below {least}"
    assert most is None or size <= most, f"{name!r}: {value!r} is above {most}"
    assert kind != STRING or size <= 6000, f"{name!r}: over 6000 characters"
    return value


def resolve(channel: FakeChannel, value: Any, resolved: Json) -> str:
    """Put a person, role, channel or file into `resolved`; return its id as text."""
    if isinstance(value, FakeFile):
        value = attach(channel, value)
    key = str(value.id)
    if isinstance(value, FakeAttachment):
        resolved.setdefault("attachments", {})[key] = message_payloads.attachment_json(value)
    elif isinstance(value, FakeRole):
        resolved.setdefault("roles", {})[key] = payloads.role_json(value)
    elif hasattr(value, "all_messages"):
        member = channel.guild.bot_member if channel.guild else None
        resolved.setdefault("channels", {})[key] = payloads.partial_channel_json(value, member)
    else:
        _resolve_user(channel, value, resolved)
    return key


def _resolve_user(channel: FakeChannel, person: Any, resolved: Json) -> None:
    key = str(person.id)
    resolved.setdefault("users", {})[key] = payloads.user_json(person.user)
    member = channel.guild.members.get(person.id) if channel.guild else None
    if member is not None:
        permissions = {"permissions": str(permissions_in(channel, member))}
        data = payloads.member_json(member, with_user=False) | permissions
        resolved.setdefault("members", {})[key] = data
