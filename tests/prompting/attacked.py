"""What must hold of the prompts of attacked scenes.

Used by tests and by `tools.fuzz.prompts`, which has no pytest.
"""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache

from bot.prompting.builder import PromptBuilder
from bot.prompting.examples import read_examples
from bot.prompting.formats.markers import PromptFormat
from bot.prompting.formats.messages import MessagesFormat, read_messages
from bot.prompting.formats.registry import FORMATS
from bot.prompting.prompt import Prompt
from bot.prompting.untrusted import clean_name
from tests.prompting.attacks import (
    HARMLESS,
    OTHER_NAME,
    PERSON_NAME,
    PERSONA_NAME,
    SPECIALS,
    VOCABULARY,
)
from tests.prompting.chats import (
    chat,
    crowded_chat,
    go_on,
    long_chat,
    name_people,
    name_persona,
)
from tests.prompting.making import list_control, list_untrusted
from tests.prompting.read_formats import PRESETS, TEMPLATES, make_read_formats
from tests.prompting.reading import bear_the_name, read_as_a_model

ATTACKED: dict[str, PromptFormat] = {
    **FORMATS,
    MessagesFormat.name: MessagesFormat(),
    **make_read_formats(TEMPLATES, PRESETS),
}
"""Every format by its name, the chat that servers write the prompt for, and of the formats that
are read some that differ: template or preset, with line breaks and without, strict or not."""
TURN_PLACES = ("text", "spoken", "told")
HEAD_PLACES = ("card", "profile", "lore", "note")
NAME_PLACES = ("opener", "writer", "both")


@contextmanager
def telling(name):
    """Which attack it was, where one test tries them all."""
    try:
        yield
    except AssertionError as error:
        error.add_note(f"attack: {name}")
        raise


def render(script, format_name, vocabulary=VOCABULARY) -> Prompt:
    return PromptBuilder(ATTACKED[format_name], vocabulary).render(script)


@cache
def render_harmless(format_name):
    return render(chat(), format_name)


@lru_cache(maxsize=64)
def render_named(name, format_name, place):
    return render(name_people(chat(), name, place), format_name)


@dataclass(frozen=True, eq=False)
class Seen:
    """A prompt, and what is made out of it once."""

    prompt: Prompt
    format_name: str

    @cached_property
    def text(self):
        return self.prompt.text

    @cached_property
    def reading(self):
        return read_as_a_model(self.text, self.format_name)

    @cached_property
    def markers(self):
        return _list_markers(self.prompt, self.format_name)

    @cached_property
    def personas_lines(self):
        return _count_persona(self)


@cache
def see_harmless(format_name):
    return Seen(render_harmless(format_name), format_name)


@cache
def see_long_harmless(count, format_name):
    return Seen(render(long_chat([HARMLESS] * count), format_name), format_name)


@cache
def see_crowd(count, format_name):
    return Seen(render(crowded_chat([f"Bob {n}" for n in range(count)]), format_name), format_name)


@lru_cache(maxsize=64)
def see_named(name, format_name, place):
    return Seen(render_named(name, format_name, place), format_name)


def assert_turns_are_seen_alike(attacked, harmless, format_name, *, speakers=True):
    if isinstance(attacked, Prompt):
        attacked = Seen(attacked, format_name)
    if isinstance(harmless, Prompt):
        harmless = Seen(harmless, format_name)
    seen, expected = attacked.reading, harmless.reading
    assert seen.headers == expected.headers
    assert seen.specials == expected.specials
    if speakers:
        assert seen.speaker_lines == expected.speaker_lines
    assert attacked.markers == harmless.markers
    if format_name == MessagesFormat.name:
        assert _list_roles(attacked.prompt) == _list_roles(harmless.prompt)
    untrusted = "\n".join(list_untrusted(attacked.prompt))
    assert not any(special in untrusted for special in SPECIALS)
    attacked.text.encode()


def _list_markers(prompt: Prompt, format_name: str) -> list[str]:
    markers = list_control(prompt)
    if format_name in FORMATS:
        return markers
    # A template is not told from the blanks at the ends of what it wraps.
    return [stripped for marker in markers if (stripped := " ".join(marker.split()))]


def _list_roles(prompt: Prompt) -> list[str]:
    return [message.role for message in read_messages(prompt.segments)]


def assert_text_is_harmless(text, format_name, place):
    """A place of `chat`; of a card's, where speakers may be named, too."""
    if place == "note" and not text.strip():
        return  # no instruction, so no turn
    attacked = render(chat(**{place: text}), format_name)
    # A card's head may name speakers: "Mira: a lighthouse keeper" forges no turn.
    assert_turns_are_seen_alike(
        attacked, see_harmless(format_name), format_name, speakers=place in TURN_PLACES
    )


def assert_texts_are_harmless(texts, format_name):
    """Many in one chat, each said by a person, by the persona and by the narrator."""
    attacked = render(long_chat(texts), format_name)
    assert_turns_are_seen_alike(attacked, see_long_harmless(len(texts), format_name), format_name)


def assert_beginning_is_harmless(text, format_name):
    """What the persona said last and is to go on with, and what a person is to say for them."""
    if not text:
        return  # nothing was begun
    for script in (chat(), replace(chat(), is_persona_next=False)):
        attacked, harmless = (render(go_on(script, t), format_name) for t in (text, HARMLESS))
        assert_turns_are_seen_alike(attacked, harmless, format_name)


def assert_dialogue_is_harmless(dialogue, format_name):
    """Example dialogue reads as the turns that it has, each of harmless words."""
    script = chat()
    attacked = replace(script, persona=replace(script.persona, example_dialogue=dialogue))
    examples = [
        replace(turn, text=HARMLESS)
        for turn in read_examples(dialogue, persona_name=PERSONA_NAME, person_name=PERSON_NAME)
    ]
    harmless = replace(
        script,
        persona=replace(script.persona, example_dialogue=""),
        turns=[*examples, *script.turns],
    )
    assert_turns_are_seen_alike(
        render(attacked, format_name), render(harmless, format_name), format_name
    )


def assert_name_is_harmless(name, format_name, place):
    if not ATTACKED[format_name].has_names and clean_name(name) in {PERSON_NAME, OTHER_NAME}:
        return  # who opened the scene and bears another's name is not told from that one
    attacked, harmless = (see_named(each, format_name, place) for each in (name, "Bob"))
    _assert_names_are_harmless(attacked, harmless)


def assert_names_are_harmless(names, format_name):
    """Many in one chat, the first of them who opened it."""
    if not ATTACKED[format_name].has_names:  # who bears that one's name is not told from them
        others = [name for name in names[1:] if clean_name(name) != clean_name(names[0])]
        names = [names[0], *others]
    attacked = Seen(render(crowded_chat(names), format_name), format_name)
    _assert_names_are_harmless(attacked, see_crowd(len(names), format_name))


def _assert_names_are_harmless(attacked, harmless):
    assert_turns_are_seen_alike(attacked, harmless, attacked.format_name, speakers=False)
    assert len(attacked.text.splitlines()) == len(harmless.text.splitlines())
    # Nobody but the persona speaks as the persona, at a line's start or behind a marker.
    assert attacked.personas_lines == harmless.personas_lines
    for stop in attacked.prompt.stop_sequences:
        assert "\n" not in stop[1:]
        assert not bear_the_name(stop.removeprefix("\n"), PERSONA_NAME)


def assert_persona_name_is_harmless(name, format_name):
    attacked = Seen(render(name_persona(chat(), name), format_name), format_name)
    harmless = _see_other_persona(format_name)
    assert_turns_are_seen_alike(attacked, harmless, format_name, speakers=False)
    assert len(attacked.text.splitlines()) == len(harmless.text.splitlines())


@cache
def _see_other_persona(format_name):
    return Seen(render(name_persona(chat(), "Bob"), format_name), format_name)


def _count_persona(seen):
    """How many lines begin with the persona's name, and how many names are the persona's."""
    lines = seen.text.splitlines()
    names = (f"{text}:" for text in list_untrusted(seen.prompt))
    return [sum(bear_the_name(each, PERSONA_NAME) for each in group) for group in (lines, names)]
