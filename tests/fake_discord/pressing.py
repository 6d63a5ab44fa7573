"""Finding the button or menu that a person means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_discord.interactions import FakeInteraction
from tests.fake_discord.messages import PRESSABLE, label_of, walk

if TYPE_CHECKING:
    from tests.fake_discord.messages import FakeMessage
    from tests.fake_discord.people import FakePerson


def find_pressable(
    person: FakePerson,
    target: FakeMessage | FakeInteraction,
    *,
    label: str | None,
    custom_id: str | None,
    is_menu: bool = False,
) -> tuple[FakeMessage, dict[str, Any]]:
    """Return the component that a person means, and the message that it sits on.

    A menu needs no name if it is the only one.

    Raises:
        AssertionError: If there is no such component, several, or it cannot be used by this person.
    """
    is_interaction = isinstance(target, FakeInteraction)
    messages = list(reversed(target.messages)) if is_interaction else [target]
    if is_interaction and target.first is not None and target.first not in messages:
        messages.append(target.first)
    for message in messages:
        found = _named(message, label=label, custom_id=custom_id, is_menu=is_menu)
        if found:
            assert len(found) == 1, f"several components of {message!r} are called {label!r}"
            _check_usable(person, message, found[0])
            return message, found[0]
    names = [(one.label, one.custom_id) for message in messages for one in message.buttons]
    raise AssertionError(f"no component {label or custom_id!r} on {target!r}; there are {names}")


def _named(
    message: FakeMessage, *, label: str | None, custom_id: str | None, is_menu: bool
) -> list[dict[str, Any]]:
    found = [one for one in walk(message.components) if one["type"] in PRESSABLE]
    if custom_id is not None:
        found = [one for one in found if one.get("custom_id") == custom_id]
    if label is not None:
        found = [one for one in found if label_of(one) == label]
    if label is None and custom_id is None:
        assert is_menu, "say which button: label=… or custom_id=…"
        found = [one for one in found if one["type"] != 2]
    return found


def _check_usable(person: FakePerson, message: FakeMessage, component: dict[str, Any]) -> None:
    world = person.world
    assert not message.deleted, f"{message!r} is deleted"
    assert not component.get("disabled"), f"{label_of(component)!r} is disabled"
    assert component.get("custom_id") is not None, f"{label_of(component)!r} is a link"
    is_ours = message.author is world.bot_user or message.application_id == world.application_id
    assert is_ours, f"{message!r} belongs to another application"
    if message.ephemeral and message.interaction is not None:
        owner = message.interaction.person
        assert owner.id == person.id, f"only {owner.name} sees {message!r}"
