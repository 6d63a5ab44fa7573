"""What Discord refuses in application commands and in choices of autocompletion."""

from __future__ import annotations

import re
from typing import Any

from tests.fake_discord.errors import ApiError, check_length, form_error

CHAT_INPUT, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, GROUP = 1, 2
STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(3, 12)
_LIMITS = {CHAT_INPUT: 100, USER_MENU: 15, MESSAGE_MENU: 15}
_NAME = re.compile(r"^[-_'\w]{1,32}$")
_MAX_TOTAL = 8000

Command = dict[str, Any]


def check_all(commands: list[Command]) -> None:
    """Refuse a list of commands that shall replace all others.

    Raises:
        ApiError: With code 50035 or 30032, naming what is wrong.
    """
    for kind, limit in _LIMITS.items():
        if sum(command.get("type", CHAT_INPUT) == kind for command in commands) > limit:
            message = f"Maximum number of application commands reached ({limit})."
            raise ApiError(400, 30032, message)
    seen: set[tuple[int, str]] = set()
    for index, command in enumerate(commands):
        check_command(str(index), command)
        key = (command.get("type", CHAT_INPUT), command["name"])
        if key in seen:
            code = "APPLICATION_COMMANDS_DUPLICATE_NAME"
            message = "Application command names must be unique"
            raise form_error(f"{index}.name", code, message)
        seen.add(key)


def check_command(path: str, command: Command) -> None:
    """Refuse one command.

    Raises:
        ApiError: With code 50035, naming what is wrong.
    """
    kind = command.get("type", CHAT_INPUT)
    if kind not in _LIMITS:
        raise form_error(f"{path}.type", "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3}.")
    if kind != CHAT_INPUT:
        check_length(f"{path}.name", command.get("name"), 32, least=1)
        if command.get("description") or command.get("options"):
            code = "CONTEXT_MENU_DESCRIPTION_NOT_ALLOWED"
            message = "Context menu commands take neither description nor options"
            raise form_error(f"{path}.description", code, message)
        return
    _check_name_and_description(path, command)
    _check_options(f"{path}.options", command.get("options") or [], depth=0)
    if _size(command) > _MAX_TOTAL:
        code = "APPLICATION_COMMAND_TOO_LARGE"
        raise form_error(path, code, f"Command exceeds maximum size ({_MAX_TOTAL})")


def _check_name_and_description(path: str, one: dict[str, Any]) -> None:
    name = check_length(f"{path}.name", one.get("name"), 32, least=1)
    if not _NAME.match(name) or name != name.lower():
        code = "APPLICATION_COMMAND_INVALID_NAME"
        raise form_error(f"{path}.name", code, "Command name is invalid")
    check_length(f"{path}.description", one.get("description"), 100, least=1)


def _check_options(path: str, options: list[dict[str, Any]], *, depth: int) -> None:
    if len(options) > 25:
        raise form_error(path, "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    names = [option.get("name") for option in options]
    if len(set(names)) < len(names):
        code = "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_USED"
        raise form_error(path, code, "Option name already used")
    nested = [option.get("type") in (SUBCOMMAND, GROUP) for option in options]
    if any(nested) and not all(nested):
        code = "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"
        raise form_error(path, code, "Sub-command and sub-command group option types stand alone")
    was_optional = False
    for index, option in enumerate(options):
        where = f"{path}.{index}"
        _check_name_and_description(where, option)
        if option["type"] in (SUBCOMMAND, GROUP):
            _check_nested(where, option, depth=depth)
            continue
        if option.get("required") and was_optional:
            code = "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"
            message = "Required options must be placed before non-required options"
            raise form_error(where, code, message)
        was_optional = was_optional or not option.get("required")
        _check_option(where, option)


def _check_nested(path: str, option: dict[str, Any], *, depth: int) -> None:
    most = 0 if option["type"] == GROUP else 1
    if depth > most:
        code = "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"
        raise form_error(f"{path}.type", code, "Groups are one level deep")
    inner = option.get("options") or []
    if option["type"] == GROUP and not inner:
        raise form_error(f"{path}.options", "BASE_TYPE_REQUIRED", "This field is required")
    _check_options(f"{path}.options", inner, depth=depth + 1 if option["type"] == GROUP else 2)


def _check_option(path: str, option: dict[str, Any]) -> None:
    if option["type"] not in range(STRING, ATTACHMENT + 1):
        raise form_error(f"{path}.type", "BASE_TYPE_CHOICES", "Value must be one of {1, …, 11}.")
    choices = option.get("choices") or []
    if choices and option.get("autocomplete"):
        code = "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE"
        raise form_error(path, code, "Choices and autocomplete exclude each other")
    takes = (STRING, INTEGER, NUMBER)
    if (choices or option.get("autocomplete")) and option["type"] not in takes:
        code = "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"
        raise form_error(path, code, "Only text and numbers take choices or autocomplete")
    check_choices(f"{path}.choices", choices, option["type"])


def check_choices(path: str, choices: list[dict[str, Any]], kind: int) -> None:
    """Refuse choices, of a command or of an answer to autocompletion.

    Raises:
        ApiError: With code 50035, naming what is wrong.
    """
    if len(choices) > 25:
        raise form_error(path, "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    for index, choice in enumerate(choices):
        check_length(f"{path}.{index}.name", choice.get("name"), 100, least=1)
        value = choice.get("value")
        if kind == STRING:
            check_length(f"{path}.{index}.value", value, 100, least=1)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            message = "Could not interpret as number."
            raise form_error(f"{path}.{index}.value", "NUMBER_TYPE_COERCE", message)


def _size(one: dict[str, Any]) -> int:
    own = len(one.get("name", "")) + len(one.get("description", ""))
    values = sum(len(one["name"]) + len(str(one["value"])) for one in one.get("choices") or [])
    return own + values + sum(_size(option) for option in one.get("options") or [])
