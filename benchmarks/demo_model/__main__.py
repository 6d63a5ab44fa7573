"""Measure the demo model. Usage: python -m benchmarks.demo_model [--seed 1] [--model FILE].

The table compares with the aims that were set before the model was trained; nothing fails.
"""

import argparse
import asyncio
from collections import defaultdict
from pathlib import Path

from benchmarks.demo_model.judge import (
    Reply,
    fits_topic,
    mean_words,
    read_held_out,
    repeats_sentence,
    says_name,
    share,
    speaks_for_person,
)
from benchmarks.demo_model.play import list_questions, open_player
from bot.generation.config import DEMO_MODEL


async def ask_everything(seed: int, model: Path) -> list[Reply]:
    """Return all replies, in order."""
    held_out = read_held_out()
    questions = list(list_questions(held_out))
    async with open_player(held_out, model) as player:
        return [await player.ask(asked, seed + n) for n, asked in enumerate(questions)]


def write_table(replies: list[Reply]) -> str:
    """Return the figures as a Markdown table."""
    rules = read_held_out()["topics"]
    groups: dict[str, list[Reply]] = defaultdict(list)
    for reply in replies:
        groups[reply.asked.group].append(reply)
    topics = groups["topic"]
    rows = [
        ("replies that end by themselves", "99 %", [r.ended for r in replies]),
        ("replies that speak for the person", "under 1 %", [speaks_for_person(r) for r in replies]),
        ("replies that say a sentence twice", "under 5 %", [repeats_sentence(r) for r in replies]),
        ("right name, bundled personas", "95 %", [says_name(r) for r in groups["who bundled"]]),
        ("right name, unseen plain names", "85 %", [says_name(r) for r in groups["who plain"]]),
        ("right name, unseen complex names", "60 %", [says_name(r) for r in groups["who complex"]]),
        ("replies that fit the topic", "75 %", [fits_topic(r, rules) for r in topics]),
    ]
    lines = ["| what | aim | result | replies |", "| --- | --- | --- | --- |"]
    lines += [f"| {w} | {aim} | {share(flags):.1f} % | {len(flags)} |" for w, aim, flags in rows]
    by_topic: dict[str, list[bool]] = defaultdict(list)
    for reply in topics:
        by_topic[reply.asked.topic].append(fits_topic(reply, rules))
    fitting = ", ".join(f"{topic} {sum(f)}/{len(f)}" for topic, f in by_topic.items())
    words = mean_words(groups["length"])
    head, rule = " | ".join(words), " | ".join("---" for _ in words)
    means = " | ".join(f"{mean:.1f}" for mean in words.values())
    lines += ["", f"Fitting, by topic: {fitting}.", ""]
    lines += [f"| length | {head} |", f"| --- | {rule} |", f"| mean words | {means} |"]
    return "\n".join(lines)


def write_reply(reply: Reply) -> str:
    """Return one exchange, as it came."""
    asked = reply.asked
    about = f"{asked.group} {asked.topic}".strip()
    return (
        f"[{about}, {asked.length}] {asked.person}: {asked.text}\n{asked.persona}: {reply.text}\n"
    )


def main() -> None:
    """Ask, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--model", type=Path, default=DEMO_MODEL, help="a GGUF file; the shipped one"
    )
    parser.add_argument("--replies", type=Path, help="write every reply to this file, to be read")
    chosen = parser.parse_args()
    replies = asyncio.run(ask_everything(chosen.seed, chosen.model))
    if chosen.replies:
        text = "\n".join(write_reply(reply) for reply in replies)
        chosen.replies.write_text(text, encoding="utf-8")
    print(write_table(replies))


if __name__ == "__main__":
    main()
