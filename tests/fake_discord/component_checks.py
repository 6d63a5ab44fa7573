"""What Discord refuses in components: rows, buttons, menus, layouts, and the inputs of modals."""

from __future__ import annotations

from typing import Any

from tests.fake_discord.errors import check_length, form_error
from tests.fake_discord.messages import walk

ROW, BUTTON, TEXT_INPUT, LABEL = 1, 2, 4, 18
SELECTS = {3, 5, 6, 7, 8}
_LAYOUT = {9, 10, 12, 13, 14, 17}  # section, text, gallery, file, separator, container
_MODAL_INPUTS = {3, 4, 5, 6, 7, 8, 19, 21, 22, 23}
_LINK, _PREMIUM = 5, 6
_STYLES = range(1, 7)
_MAX_V2, _MAX_V2_TEXT = 40, 4000

Component = dict[str, Any]


def check_components(components: list[Component], *, is_v2: bool) -> None:
    """Refuse components that no client could show, and number the rest as Discord does.

    Raises:
        ApiError: With code 50035, naming the component.
    """
    if is_v2:
        _check_layout(components)
    elif len(components) > 5:
        raise form_error("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    _check_list("components", components, {ROW} | (_LAYOUT if is_v2 else set()))
    _check_custom_ids(components)
    _number(components)


def _check_layout(components: list[Component]) -> None:
    every = list(walk(components))
    if len(every) > _MAX_V2:
        message = f"The total number of components cannot exceed {_MAX_V2}"
        raise form_error("components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", message)
    if sum(len(one["content"]) for one in every if one.get("type") == 10) > _MAX_V2_TEXT:
        message = f"The total displayable text must not exceed {_MAX_V2_TEXT}"
        raise form_error("components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", message)


def _check_list(path: str, components: list[Component], allowed: set[int]) -> None:
    for index, component in enumerate(components):
        where = f"{path}.{index}"
        kind = component.get("type")
        if kind not in allowed:
            message = f'Value of field "type" must be one of {sorted(allowed)}.'
            raise form_error(f"{where}.type", "UNION_TYPE_CHOICES", message)
        if kind == ROW:
            _check_row(where, component)
        elif kind == BUTTON:
            _check_button(where, component)
        elif kind in SELECTS:
            _check_select(where, component)
        elif kind == 10:
            check_length(f"{where}.content", component.get("content"), _MAX_V2_TEXT, least=1)
        elif kind == 9:
            _check_section(where, component)
        elif kind == 17:
            inner = component.get("components") or []
            _check_list(f"{where}.components", inner, {ROW, *_LAYOUT} - {17})


def _check_row(path: str, row: Component) -> None:
    inner = row.get("components") or []
    has_menu = any(one.get("type") in SELECTS for one in inner)
    if not 1 <= len(inner) <= (1 if has_menu else 5):
        message = "Must be between 1 and 5 in length (a menu stands alone)."
        raise form_error(f"{path}.components", "BASE_TYPE_BAD_LENGTH", message)
    _check_list(f"{path}.components", inner, {BUTTON, *SELECTS})


def _check_section(path: str, section: Component) -> None:
    inner = section.get("components") or []
    if not 1 <= len(inner) <= 3:
        message = "Must be between 1 and 3 in length."
        raise form_error(f"{path}.components", "BASE_TYPE_BAD_LENGTH", message)
    _check_list(f"{path}.components", inner, {10})
    _check_list(f"{path}.accessory", [section.get("accessory") or {}], {BUTTON, 11})


def _check_button(path: str, button: Component) -> None:
    style = button.get("style")
    if style not in _STYLES:
        raise form_error(f"{path}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, …, 6}.")
    if style == _PREMIUM:
        return
    if not button.get("label") and not button.get("emoji"):
        message = "A button must have a label or an emoji."
        raise form_error(f"{path}.label", "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", message)
    if button.get("label") is not None:
        check_length(f"{path}.label", button["label"], 80)
    if style == _LINK:
        check_length(f"{path}.url", button.get("url"), 512, least=1)
    else:
        check_length(f"{path}.custom_id", button.get("custom_id"), 100, least=1)


def _check_select(path: str, menu: Component) -> None:
    check_length(f"{path}.custom_id", menu.get("custom_id"), 100, least=1)
    if menu.get("placeholder") is not None:
        check_length(f"{path}.placeholder", menu["placeholder"], 150)
    least, most = menu.get("min_values", 1), menu.get("max_values", 1)
    if not (0 <= least <= 25 and 1 <= most <= 25 and least <= most):
        message = "min_values and max_values must be in 0…25 and in order."
        raise form_error(f"{path}.max_values", "NUMBER_TYPE_MAX", message)
    if menu["type"] != 3:
        return
    options = menu.get("options") or []
    if not 1 <= len(options) <= 25:
        message = "Must be between 1 and 25 in length."
        raise form_error(f"{path}.options", "BASE_TYPE_BAD_LENGTH", message)
    for index, option in enumerate(options):
        for key in ("label", "value"):
            check_length(f"{path}.options.{index}.{key}", option.get(key), 100, least=1)
        if option.get("description") is not None:
            check_length(f"{path}.options.{index}.description", option["description"], 100)
    if len({option["value"] for option in options}) < len(options):
        message = "The specified option value is already used"
        raise form_error(f"{path}.options", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message)


def _check_custom_ids(components: list[Component]) -> None:
    seen: set[str] = set()
    for component in walk(components):
        custom_id = component.get("custom_id")
        if custom_id is None:
            continue
        if custom_id in seen:
            message = "Component custom id cannot be duplicated"
            raise form_error("components", "COMPONENT_CUSTOM_ID_DUPLICATED", message)
        seen.add(custom_id)


def _number(components: list[Component]) -> None:
    taken = {one["id"] for one in walk(components) if one.get("id")}
    free = (number for number in range(1, 1000) if number not in taken)
    for component in walk(components):
        if not component.get("id"):
            component["id"] = next(free)


def check_modal(data: dict[str, Any]) -> None:
    """Refuse a modal that no client could show.

    Raises:
        ApiError: With code 50035, naming the field.
    """
    check_length("data.title", data.get("title"), 45, least=1)
    check_length("data.custom_id", data.get("custom_id"), 100, least=1)
    components = data.get("components") or []
    if not 1 <= len(components) <= 5:
        message = "Must be between 1 and 5 in length."
        raise form_error("data.components", "BASE_TYPE_BAD_LENGTH", message)
    for index, component in enumerate(components):
        _check_modal_part(f"data.components.{index}", component)
    _check_custom_ids(components)
    _number(components)


def _check_modal_part(path: str, component: Component) -> None:
    kind = component.get("type")
    if kind == 10:
        check_length(f"{path}.content", component.get("content"), _MAX_V2_TEXT, least=1)
        return
    if kind == LABEL:
        check_length(f"{path}.label", component.get("label"), 45, least=1)
        if component.get("description") is not None:
            check_length(f"{path}.description", component["description"], 100)
        item = component.get("component") or {}
    elif kind == ROW and len(component.get("components") or []) == 1:
        item = component["components"][0]
        check_length(f"{path}.components.0.label", item.get("label"), 45, least=1)
    else:
        message = "A modal takes labels, texts, and rows of one text input."
        raise form_error(f"{path}.type", "UNION_TYPE_CHOICES", message)
    if item.get("type") not in (_MODAL_INPUTS if kind == LABEL else {TEXT_INPUT}):
        raise form_error(f"{path}.type", "UNION_TYPE_CHOICES", "No such input in modals.")
    check_length(f"{path}.custom_id", item.get("custom_id"), 100, least=1)
    if item["type"] == TEXT_INPUT:
        _check_text_input(path, item)


def _check_text_input(path: str, item: Component) -> None:
    if item.get("style") not in (1, 2):
        raise form_error(f"{path}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2}.")
    if item.get("placeholder") is not None:
        check_length(f"{path}.placeholder", item["placeholder"], 100)
    most = item.get("max_length") or 4000
    least = item.get("min_length") or 0
    if not (0 <= least <= 4000 and 1 <= most <= 4000 and least <= most):
        message = "min_length and max_length must be in 0…4000 and in order."
        raise form_error(f"{path}.max_length", "NUMBER_TYPE_MAX", message)
    if item.get("value"):
        check_length(f"{path}.value", item["value"], most)
