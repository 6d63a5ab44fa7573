"""Make whole conversations: a persona, one or more people, and some turns."""

# ruff: noqa: PLR2004 (the odds are what this file is made of; a name for each hides them)

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random

from tools.demo_model.grammar import choose, load
from tools.demo_model.layout import Head, Line, Piece, fill_macros, render
from tools.demo_model.people import person_says
from tools.demo_model.replies import LENGTHS, Situation, compose
from tools.demo_model.worlds import (
    BUNDLED_ITEMS,
    Cast,
    Person,
    bundled_cast,
    random_cast,
    random_person,
)

LENGTH_WEIGHTS = dict(zip(LENGTHS, (11, 11, 18, 22, 12, 4, 4, 3, 3, 3), strict=True))
HISTORY_WEIGHTS = {word: LENGTH_WEIGHTS[word] for word in list(LENGTHS)[:5]}
"""The turns of a history are seldom very long."""
BRIEF_WEIGHTS = {"micro": 15, "tiny": 30, "short": 35, "medium": 20}
BRIEF_SHARE = 0.6
TOPIC_WEIGHTS = {
    "greet": 9, "who": 14, "place": 7, "story": 8, "bye": 8, "more": 7, "other": 6, "offtopic": 5,
    "howareyou": 4, "weather": 3, "food": 4, "trade": 4, "quest": 4, "riddle": 3, "sad": 4,
    "happy": 3, "thanks": 3, "item": 4, "work": 3, "past": 3, "like": 3, "fear": 2, "danger": 3,
    "way": 4, "ack": 4, "praise": 2, "insult": 2, "intro": 5, "recall": 4, "gift": 4, "lost": 4,
    "act": 3, "agree": 2, "refuse": 2,
}  # fmt: skip
FIRST_TOPICS = ("greet", "who", "place", "story", "bye")
"""What newcomers begin with: in most of the brief conversations."""
BUNDLED_SHARE = 0.45


@dataclass(frozen=True)
class Conversation:
    """One conversation, up to the answer of its open turn."""

    head: Head
    lines: list[Line]
    length: str | None
    """The length word of the open turn."""

    def pieces(self) -> list[Piece]:
        """Return the rendered text, in stretches to read and stretches to learn."""
        return render(self.head, self.lines, self.length)

    def text(self) -> str:
        """Return the rendered text."""
        return "".join(piece.text for piece in self.pieces())


def pick_length(rng: Random, weights: Mapping[str, int]) -> str:
    """Draw a length word."""
    return rng.choices(list(weights), list(weights.values()))[0]


@dataclass(frozen=True)
class Branch:
    """One way in which a family goes on."""

    lines: list[Line]
    length: str | None
    topic: str
    """What its open turn answers."""


@dataclass(frozen=True)
class Family:
    """A beginning and several ways in which it goes on, each with its own open turn.

    Training reads the beginning once for all of them, so more of its time goes into answers.
    """

    head: Head
    lines: list[Line]
    branches: list[Branch]

    def trunk(self) -> list[Piece]:
        """Return the beginning, rendered."""
        return render(self.head, self.lines, None)

    def one(self) -> Conversation:
        """Return the beginning with the first way on."""
        branch = self.branches[0]
        return Conversation(self.head, [*self.lines, *branch.lines], branch.length)


class Writer:
    """Writes one conversation."""

    def __init__(self, cast: Cast, people: list[Person], rng: Random) -> None:
        self.cast = cast
        self.people = people
        self.rng = rng
        self.lines: list[Line] = []
        self.before = ""
        self._usual = pick_length(rng, HISTORY_WEIGHTS)

    def persona(self, text: str, *, learn: bool) -> None:
        """Add a turn of the persona."""
        self.lines.append(Line("persona", self.cast.name, text, learn=learn))

    def exchange(self, length: str, person: Person, topic: str = "") -> None:
        """Add a person's line and the answer."""
        topic = topic or self.topic()
        text, situation = person_says(topic, self.cast, person, self.rng)
        self.lines.append(Line("person", person.name, text))
        if self.rng.random() < 0.03:
            narration = choose(self.rng.choice(load("openings")["narrator"][">"]), self.rng)
            self.lines.append(Line("narrator", "", narration))
        self.answer(replace(situation, before=self.before), length)

    def answer(self, situation: Situation, length: str) -> None:
        """Add the persona's answer."""
        self.persona(compose(self.cast, situation, length, self.rng), learn=True)
        if situation.topic != "more":
            self.before = situation.topic

    def history_length(self) -> str:
        """Draw the length of an older turn."""
        return self._usual if self.rng.random() < 0.6 else pick_length(self.rng, HISTORY_WEIGHTS)

    def speaker(self) -> Person:
        """Return who writes next: mostly the first person."""
        return self.people[0] if self.rng.random() < 0.7 else self.rng.choice(self.people)

    def topic(self) -> str:
        """Draw what the next line is about."""
        topics = [t for t in TOPIC_WEIGHTS if t not in ("more", "agree", "refuse") or self.before]
        weights = [TOPIC_WEIGHTS[topic] for topic in topics]
        if len(self.lines) < 2 and self.rng.random() < 0.3:
            return "greet"
        return self.rng.choices(topics, weights)[0]


def _begin(writer: Writer, head: Head) -> None:
    """Add the card's examples and its greeting."""
    rng, cast = writer.rng, writer.cast
    if cast.bundled and rng.random() < 0.9:
        for said, answer in cast.examples:
            writer.lines.append(Line("person", head.user, fill_macros(said, head)))
            writer.persona(fill_macros(answer, head), learn=False)
    elif not cast.bundled and rng.random() < 0.45:
        for _ in range(rng.choice((1, 1, 2, 3))):
            writer.exchange(writer.history_length(), writer.people[0])
    if rng.random() > 0.8:
        return
    if cast.bundled:
        writer.persona(
            fill_macros(rng.choice(cast.greetings[:1] * 2 + cast.greetings), head), learn=False
        )
    else:
        greeting = Situation("greet", head.user)
        writer.persona(compose(cast, greeting, writer.history_length(), rng), learn=False)


def _branch(writer: Writer, topic: str, weights: Mapping[str, int]) -> Branch:
    """Add an open turn and its answer, and take both away from the writer again."""
    rng, before = writer.rng, len(writer.lines)
    length = pick_length(rng, weights) if rng.random() < 0.85 else None
    speaker, previous = writer.speaker(), writer.before
    if rng.random() < 0.03 and writer.lines and writer.lines[-1].role == "persona":
        topic = "more"
        more = Situation(topic, speaker.name, before=previous or "other")
        writer.answer(more, length or writer.history_length())
    else:
        writer.exchange(length or writer.history_length(), speaker, topic)
    lines = writer.lines[before:]
    del writer.lines[before:]
    writer.before = previous
    return Branch(lines, length, topic)


def make_family(rng: Random, branches: int, *, brief: bool = False) -> Family:
    """Make a beginning with so many ways on, everything drawn from the generator given.

    A brief one has little before its open turns, and short answers: nearly every word of it tells
    whether the person was understood, where in long ones the model mostly learns to go on.
    """
    bundled = rng.random() < BUNDLED_SHARE
    cast = bundled_cast(rng.choice(list(BUNDLED_ITEMS))) if bundled else random_cast(rng)
    people = [random_person(rng) for _ in range(rng.choices((1, 2, 3), (85, 12, 3))[0])]
    writer = Writer(cast, people, rng)
    head = Head(
        cast.name, people[0].name, cast.description,
        cast.personality if rng.random() < 0.9 else "",
        cast.scenario if rng.random() < 0.9 else "", people[0].description,
    )  # fmt: skip
    _begin(writer, head)
    turns = rng.choices((0, 1, 2, 3, 5), (44, 26, 15, 10, 5))[0]
    for _ in range(min(turns, 1) if brief else turns):
        writer.exchange(writer.history_length(), writer.speaker())
    topics = [topic for topic in FIRST_TOPICS if brief and rng.random() < 0.6]
    while len(topics) < branches:
        topic = writer.topic()
        if topic not in topics:
            topics.append(topic)
    weights = BRIEF_WEIGHTS if brief else LENGTH_WEIGHTS
    return Family(head, writer.lines, [_branch(writer, topic, weights) for topic in topics])


def families(seed: int) -> Iterator[Family]:
    """Yield families without end, the same ones for the same seed."""
    rng = Random(seed)
    while True:
        if rng.random() < BRIEF_SHARE:
            yield make_family(rng, rng.choice((9, 11, 13, 15)), brief=True)
        else:
            yield make_family(rng, rng.choice((4, 5, 6, 7, 8)))


def conversations(seed: int) -> Iterator[Conversation]:
    """Yield single conversations without end, the same ones for the same seed."""
    rng = Random(seed)
    while True:
        yield make_family(rng, 1).one()
