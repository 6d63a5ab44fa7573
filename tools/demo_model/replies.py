"""Compose one reply of a persona: the topic, the voice and the length decide.

Speech stands in straight quotes and actions between asterisks. No sentence comes twice.
"""

# ruff: noqa: PLR2004 (the odds are what this file is made of; a name for each hides them)

import re
from dataclasses import dataclass
from random import Random

from tools.demo_model.grammar import Section, ask, choose, fill, load, load_voices, sentences
from tools.demo_model.worlds import Cast, Slots

LENGTHS: dict[str, tuple[int, int]] = {
    "micro": (1, 5),
    "tiny": (5, 10),
    "short": (12, 20),
    "medium": (25, 35),
    "long": (42, 50),
    "massive": (58, 66),
    "huge": (75, 83),
    "enormous": (89, 96),
    "humongous": (101, 107),
    "unlimited": (112, 118),
}
"""Length word: fewest and most words we aim at. Our own choice; LimaRP's table is a picture."""
TOPICS_THAT_ASK = {"greet", "who", "howareyou", "trade", "quest", "other", "intro", "agree", "food"}
ROLE = re.compile(r"\{(a_)?role")
FEWEST_FOR_A_TALE = 38
"""From so many words on a story is one of the longer ones."""
MOST_NAMES = 2
"""How often one reply may say the person's name."""


@dataclass(frozen=True)
class Situation:
    """What a reply answers."""

    topic: str
    user: str
    said: str = ""
    """The item the person spoke of, if any."""
    given: str = ""
    goal: str = ""
    before: str = ""
    """The topic before this one, for a follow-up."""


class Composer:
    """Draws the lines of one reply and remembers what was said."""

    def __init__(self, cast: Cast, situation: Situation, rng: Random) -> None:
        self.rng = rng
        self.cast = cast
        self.situation = situation
        spoken = {"user": situation.user, "given": situation.given or "that"}
        if situation.said:
            spoken["thing"] = situation.said
        if situation.goal:
            spoken["goal"] = situation.goal
        self.slots = Slots(rng, cast.slots | spoken)
        self._said: set[str] = set()
        self._lines: set[str] = set()
        self._names = 0
        self._next: dict[str, int] = {}
        self._own_first = load(cast.voice) if cast.bundled else load_voices()[cast.voice][1]
        self._common = {} if cast.bundled else load("common")

    def lines(self, topic: str, kind: str) -> list[str]:
        """Return the lines of a topic in this voice, the voice's own ones counting twice."""
        empty: Section = {}
        own = self._own_first.get(topic, empty).get(kind, [])
        return own * (1 if self.cast.bundled else 2) + self._common.get(topic, empty).get(kind, [])

    def order(self, topic: str, kind: str) -> list[str]:
        """Return the lines in the order in which to try them.

        Remarks and actions are a ring: a reply enters it anywhere and then only goes forward.
        So the last remark tells which ones are still fresh, and a small network can learn never
        to say one twice; with free order it must remember them all.
        """
        lines = self.lines(topic, kind)
        if kind not in "-*" or not lines:
            return self.rng.sample(lines, len(lines))
        first = self.rng.choice(lines)
        ring = list(dict.fromkeys(lines))
        key = f"{kind}{topic}"
        start = self._next.get(key, ring.index(first)) + self.rng.choice((0, 0, 1, 2))
        return [ring[(start + step) % len(ring)] for step in range(len(ring))]

    def draw(self, topic: str, kind: str, *, most: int = 99) -> str:
        """Return an expanded line that says nothing twice, or nothing."""
        for line in self.order(topic, kind):
            if line in self._lines or ("{Thing}" in line and not self.situation.said):
                continue
            if not self.cast.has_role and ROLE.search(line):
                continue
            for _ in range(3):
                text = fill(ask(choose(line, self.rng)), self.slots)
                if len(text.split()) <= most and self._fresh(text, line):
                    if kind in "-*":
                        ring = list(dict.fromkeys(self.lines(topic, kind)))
                        self._next[f"{kind}{topic}"] = ring.index(line) + 1
                    return self._keep(text, line)
        return ""

    def tale(self, most: int) -> list[str]:
        """Return the sentences of a story of about so many words at most; it is never cut."""
        lines = self.lines("tale" if most >= FEWEST_FOR_A_TALE else "smalltale", ">")
        for name in ("thing", "thing2", "thing3", "person", "person2", "animal", "beast", "food"):
            if name != "thing" or not self.situation.said:
                self.slots.pop(name, None)
        beast = self.slots["beast"]
        self.slots["animal"] = f"{'an' if beast[0] in 'aeiou' else 'a'} {beast}"
        for line in self.rng.sample(lines, len(lines)):
            if line in self._lines:
                continue
            text = fill(choose(line, self.rng), self.slots)
            if self._fresh(text.replace(" / ", " "), line):
                return self._keep(text, line).split(" / ")
        return []

    def action(self) -> str:
        """Return an action in the third person, sometimes with the persona's name."""
        text = self.draw("any", "*")
        first, _, rest = text.partition(" ")
        if first in {"She", "He", "It"} and self.rng.random() < 0.25:
            text = f"{self.cast.name} {rest}"
        return f"*{text}.*" if text else ""

    def opener(self, *, most: int = 99) -> str:
        """Return the sentence or two that answer the person."""
        text = ""
        if self.rng.random() < 0.35 and most > 20:
            text = self.draw("pre", ">")
        answer = self.draw(self.situation.topic, ">", most=most)
        if text.rstrip(".!") and answer.startswith(text.rstrip(".!")):
            return answer
        return f"{text} {answer}".strip()

    def _fresh(self, text: str, line: str) -> bool:
        if "{user}" in line and self._names >= MOST_NAMES:
            return False
        new = [s.strip('"*').lower() for s in sentences(text)]
        return len(set(new)) == len(new) and not self._said.intersection(new)

    def _keep(self, text: str, line: str) -> str:
        self._said.update(s.strip('"*').lower() for s in sentences(text))
        self._lines.add(line)
        self._names += "{user}" in line
        return text


def _count(parts: list[str]) -> int:
    return sum(len(part.split()) for part in parts)


def _join(parts: list[str], paragraph: int) -> str:
    """Put speech into quotes and actions between, in paragraphs of about so many words."""
    out: list[str] = []
    speech: list[str] = []
    words = 0
    for part in [*parts, ""]:
        if part and not part.startswith("*"):
            speech.append(part)
            continue
        if speech:
            out.append('"' + " ".join(speech) + '"')
            words += _count(speech)
            speech = []
        if part:
            if words >= paragraph:
                out.append("\n\n")
                words = 0
            out.append(part)
    return " ".join(out).replace(" \n\n ", "\n\n")


def _small(composer: Composer, length: str) -> list[str]:
    """Return a reply of one line."""
    topic = composer.situation.topic
    if length == "micro":
        return [composer.draw(topic, "=", most=5) or composer.draw("ack", "=", most=5) or "Yes."]
    text = composer.opener(most=10)
    if len(text.split()) < LENGTHS["tiny"][0]:
        more = composer.draw(topic, "=", most=6)
        text = f"{text} {more}".strip()
    return [text]


def _body(composer: Composer, target: int) -> list[str]:
    """Return what comes after the opener, up to about so many words."""
    rng, situation = composer.rng, composer.situation
    topic = situation.before if situation.topic == "more" and situation.before else situation.topic
    parts: list[str] = []
    if topic == "story" or (target > 60 and rng.random() < 0.45):
        tale = composer.tale(target)
        parts += tale if topic == "story" else [composer.draw(topic, "-"), composer.action(), *tale]
    while _count(parts) < target - 5:
        room = max(6, target - _count(parts) + 4)
        text = composer.draw(topic, "-", most=room) or composer.draw("any", "-", most=room)
        if not text:
            break
        parts.append(text)
        since = next((i for i, p in enumerate(reversed(parts)) if p.startswith("*")), len(parts))
        if since >= rng.choice((2, 3, 4)) and target - _count(parts) > 10:
            parts.append(composer.action())
    return [part for part in parts if part]


def compose(cast: Cast, situation: Situation, length: str, rng: Random) -> str:
    """Return one reply."""
    composer = Composer(cast, situation, rng)
    if length in {"micro", "tiny"}:
        return _join(_small(composer, length), 99)
    target = rng.randint(*LENGTHS[length])
    parts: list[str] = []
    if rng.random() < (0.55 if length == "short" else 0.85):
        parts.append(composer.action())
    room = target - _count(parts) + 3
    parts.append(composer.opener(most=room) or composer.opener() or composer.draw("ack", ">"))
    asks = situation.topic not in {"bye", "more"} and rng.random() < (
        0.6 if situation.topic in TOPICS_THAT_ASK else 0.3
    )
    question = ""
    if asks and target - _count(parts) > 4:
        question = composer.draw(situation.topic, "?") or composer.draw("any", "?")
    parts += _body(composer, target - _count(parts) - len(question.split()))
    if parts[-1].startswith("*") and not question:
        parts.pop()
    return _join([part for part in [*parts, question] if part], 45)
