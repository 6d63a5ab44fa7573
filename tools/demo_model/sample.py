"""Play the bundled personas on a GGUF file, print the replies and measure them.

Usage: python -m tools.demo_model.sample MODEL.gguf [--seeds 4] [--quiet]
"""

import argparse
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.demo_model.gguf_server import GgufServer
from tools.demo_model.grammar import sentences
from tools.demo_model.layout import Head, Line, fill_macros, render_head, render_lines
from tools.demo_model.replies import LENGTHS
from tools.demo_model.worlds import BUNDLED_ITEMS, Cast, bundled_cast

FIRST_MESSAGES = ("hi", "who are you?", "what is this place?", "tell me a story", "bye")
PEOPLE = ("Robin", "nightowl_7", "Marigold Quill", "T'Lann")
SAMPLING: dict[str, Any] = {
    "temperature": 0.5,
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.05,
    "repeat_penalty": 1.0,
    "n_predict": 320,
    "stop": ["\n### Input", "\n### Response", "\n### Instruction"],
}


@dataclass(frozen=True)
class Reply:
    """What came back, and how it ended."""

    persona: str
    person: str
    asked: str
    length: str | None
    text: str
    ended: bool
    """By the end token, not by a stop string or the limit."""

    @property
    def speaks_for_person(self) -> bool:
        """Whether a line of the reply is the person's."""
        return f"\n{self.person}:" in self.text

    @property
    def repeats(self) -> bool:
        """Whether a sentence comes twice."""
        said = [sentence.strip('"*').lower() for sentence in sentences(self.text)]
        return len(set(said)) < len(said)


def card_prompt(cast: Cast, person: str, message: str, length: str | None) -> str:
    """Return the prompt of a scene that has just begun: card, greeting, first message."""
    head = Head(cast.name, person, cast.description, cast.personality, cast.scenario)
    lines = [
        line
        for said, answer in cast.examples
        for line in (
            Line("person", person, fill_macros(said, head)),
            Line("persona", cast.name, fill_macros(answer, head)),
        )
    ]
    lines.append(Line("persona", cast.name, fill_macros(cast.greetings[0], head)))
    lines.append(Line("person", person, message))
    lines.append(Line("persona", cast.name, "", learn=True))
    return render_lines(lines, length, start=render_head(head))[0].text


class Player:
    """Asks one model."""

    def __init__(self, model: Path) -> None:
        self._server = GgufServer(model)

    def ask(self, cast: Cast, person: str, message: str, length: str | None, seed: int) -> Reply:
        """Return the reply to a first message."""
        prompt = card_prompt(cast, person, message, length)
        answer = self._server.complete(prompt, seed=seed, **SAMPLING)
        ended = answer.get("stop_type") == "eos"
        return Reply(cast.name, person, message, length, answer["content"].strip(), ended)


def share(flags: list[bool]) -> str:
    """Return how many of the flags are set, as a percentage."""
    return f"{100 * sum(flags) / len(flags):.1f} %"


def report(first: list[Reply], by_length: list[Reply]) -> None:
    """Print the figures."""
    everything = first + by_length
    who = [r.persona in r.text for r in first if r.asked == "who are you?"]
    print(f"replies: {len(everything)}")
    print(f"ended by themselves: {share([r.ended for r in everything])}")
    print(f"spoke for the person: {share([r.speaks_for_person for r in everything])}")
    print(f"repeated a sentence: {share([r.repeats for r in everything])}")
    print(f"'who are you?' with the right name: {share(who)}")
    words: dict[str | None, list[int]] = defaultdict(list)
    for reply in by_length:
        words[reply.length].append(len(reply.text.split()))
    for length, counts in words.items():
        print(f"mean words, {length}: {sum(counts) / len(counts):.1f}")


def main() -> None:
    """Sample and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--quiet", action="store_true", help="only the figures")
    chosen = parser.parse_args()
    player = Player(chosen.model)
    casts = [bundled_cast(stem) for stem in BUNDLED_ITEMS]
    first: list[Reply] = []
    by_length: list[Reply] = []
    for seed in range(1, chosen.seeds + 1):
        person = PEOPLE[seed % len(PEOPLE)]
        for cast in casts:
            for message in FIRST_MESSAGES:
                first.append(player.ask(cast, person, message, "medium", seed))
                if not chosen.quiet:
                    print(f"{person}: {message}\n{cast.name}: {first[-1].text}\n")
            message = ("hello", "how is the weather?", "what do you do?")[seed % 3]
            by_length += [player.ask(cast, person, message, word, seed) for word in LENGTHS]
    report(first, by_length)


if __name__ == "__main__":
    main()
