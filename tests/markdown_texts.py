"""Texts whose markup is whole, made of words that hold none, and a check that is not ours."""

import re

from hypothesis import strategies as st

FAMILY = "👩\u200d👩\u200d👧\u200d👦"
FLAG = "🇳🇴"
ATOMS = [
    "[the map](https://example.org/a_b*c)",
    "https://example.org/a_long_road/to~x?y=1",
    "<@123456789012345678>",
    "<#123456789012345678>",
    "<@&123456789012345678>",
    "<a:dancing_cat:123456789012345678>",
    "<t:1700000000:R>",
    "\\*",
    FAMILY,
    FLAG,
]
words = st.sampled_from(
    ["a", "lantern", "the", "swings.", "Nobody", 'answers?"', "“Well,”", *ATOMS]
)
plain = st.lists(words, min_size=1, max_size=8).map(" ".join)


MARKS = ["*", "**", "_", "__", "~~", "||"]
code = st.lists(st.sampled_from(["let", "x", "=", "1;", "*p"]), min_size=1, max_size=20)
inline_code = code.map(lambda tokens: f"`{' '.join(tokens)}`")
simple = st.one_of(plain, inline_code)
styled = st.tuples(st.permutations(MARKS), plain, simple, plain).map(
    lambda made: "{0}{2} {1}{3}{1} {4}{0}".format(*made[0][:2], *made[1:])
)
inline = st.one_of(simple, styled)
line = st.lists(inline, min_size=1, max_size=3).map(" ".join)
fence = st.tuples(st.sampled_from(["", "py", "c++"]), st.lists(code, min_size=1, max_size=8)).map(
    lambda both: f"```{both[0]}\n" + "\n".join("  " + " ".join(row) for row in both[1]) + "\n```"
)
block = st.one_of(
    line,
    fence,
    st.lists(line, min_size=1, max_size=3).map(lambda rows: "\n".join(f"> {row}" for row in rows)),
    st.lists(line, min_size=1, max_size=4).map(lambda rows: "\n".join(f"- {row}" for row in rows)),
)
documents = st.lists(block, min_size=1, max_size=3).map("\n\n".join)

_NOT_MARKED = (
    r"```[\w+.#-]*\n[^`]*?\n```",
    r"(``?)(?!`)[^`]+?\1(?!`)",
    r"\\[^\w\s]",
    r"\[[^\[\]\n]+\]\([^\s]+?\)",
    r"<[^<>\s]+>",
    r"https?://\S+?(?=[*_~|]*(\s|$))",
)
_MARKED = (r"\*\*([^*]+)\*\*", r"__([^_]+)__", r"~~([^~]+)~~", r"\|\|([^|]+)\|\|")
_EMPHASIS = (r"\*(?!\s)([^*]+)(?<!\s)\*", r"(?<![^\W_])_(?!\s)([^_]+)(?<!\s)_(?![^\W_])")


def find_loose_marks(message):
    """What is left of a message when all that is paired is taken away, from the inside out."""
    for pattern in _NOT_MARKED:
        message = re.sub(pattern, "·", message)
    before = None
    while message != before:
        before = message
        for pattern in (*_MARKED, *_EMPHASIS):
            message = re.sub(pattern, r"\1", message)
    return re.findall(r"[*_~|`\\\[\]]+|<[@#a:t]", message)
