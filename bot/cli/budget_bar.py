"""What takes how much of a window, drawn for the terminal."""

from bot.prompting.prompt import Prompt
from bot.text import draw_bar

_CELLS = 60
_MARKS = "█▓▒░·"
"""Persona, examples, story, kept for the reply, free."""


def write_budget(prompt: Prompt, context_length: int, *, format_name: str) -> str:
    """Draw a bar of the window and list its parts, in tokens and as shares of the window."""
    shares = prompt.shares
    if shares is None:
        return ""
    used = shares.head + shares.examples + shares.turns
    parts = [
        ("persona", shares.head),
        ("examples", shares.examples),
        ("story", shares.turns),
        ("kept for the reply", shares.reply),
        ("free", max(0, context_length - used - shares.reply)),
    ]
    sizes = {mark: tokens for mark, (_, tokens) in zip(_MARKS, parts, strict=True)}
    lines = [
        f"window {context_length:,} tokens, format {format_name}",
        draw_bar(sizes, context_length, cells=_CELLS),
    ]
    for mark, (name, tokens) in zip(_MARKS, parts, strict=True):
        lines.append(_write_line(f"{mark} {name}", tokens, context_length))
        if name == "persona":
            head = [(f"    {each}", count) for each, count in shares.head_parts]
            rest = shares.head - sum(count for _, count in shares.head_parts)
            if head and rest > 0:
                head.append(("    the format's own words", rest))
            lines += [_write_line(each, count, context_length) for each, count in head]
    if prompt.anchor_turn_id is not None:
        lines.append("The story does not fit whole: its older turns are left out.")
    return "\n".join(lines) + "\n"


def _write_line(name: str, tokens: int, context_length: int) -> str:
    return f"{name:<34}{tokens:>7,}{100 * tokens / context_length:>7.1f} %"
