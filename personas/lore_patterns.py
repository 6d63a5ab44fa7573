r"""Keys of lore that are regular expressions, on an engine whose time is linear in the text.

Cards come from strangers, and one pattern such as `(a+)+$` keeps Python's own engine busy for
years. RE2 has neither look-around nor back-references for that reason; a key that needs them
matches nothing, which is what the V3 spec asks of an invalid pattern.
"""

import re
from typing import Final

import re2

MAX_PATTERN_CHARACTERS: Final = 1_000
_MEMORY_BYTES: Final = 128 * 1024
"""Of one pattern: a short one such as `(\\pL{99}){9}` can be large, and slow for its size."""

_DELIMITED = re.compile(r"/(?P<pattern>.+)/(?P<flags>[a-z]{0,8})", re.DOTALL)
_UNICODE_ESCAPE = re.compile(r"(\\\\)|\\u\{?([0-9A-Fa-f]{4,6})\}?")


class LorePatternError(ValueError):
    """A key is no pattern that can be run."""


def is_delimited(key: str) -> bool:
    """Whether a key is written `/pattern/flags`, as SillyTavern marks regular expressions."""
    return _DELIMITED.fullmatch(key.strip()) is not None


def compile_pattern(key: str, *, is_case_sensitive: bool = False) -> "re2.Pattern":
    """Make a key's pattern ready to search with; flags of its own (`i`, `m`, `s`) count.

    Raises:
        LorePatternError: If it cannot be run in linear time, is too large, or is no pattern.
    """
    if len(key) > MAX_PATTERN_CHARACTERS:
        message = f"it has more than {MAX_PATTERN_CHARACTERS:,} characters"
        raise LorePatternError(message)
    delimited = _DELIMITED.fullmatch(key.strip())
    pattern = delimited["pattern"] if delimited else key
    flags = delimited["flags"] if delimited else ("" if is_case_sensitive else "i")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    options.case_sensitive = "i" not in flags
    options.dot_nl = "s" in flags
    options.never_capture = True
    # RE2 knows line starts by a flag in the pattern only; the Unicode escapes are JavaScript's.
    prefix = "(?m)" if "m" in flags else ""
    try:
        return re2.compile(prefix + _UNICODE_ESCAPE.sub(_write_escape, pattern), options)
    except re2.error as error:
        message = "RE2 cannot run it (it knows no look-around and no back-references)"
        raise LorePatternError(message) from error


def _write_escape(match: re.Match[str]) -> str:
    return match[1] or f"\\x{{{match[2]}}}"
