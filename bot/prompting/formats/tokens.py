"""What looks like a control token in texts that are not known: templates, presets."""

import re
from collections.abc import Iterable
from typing import Final

TOKEN: Final = re.compile(
    r"(<{1,2}[^<>\s{}'\"]{1,40}>{1,2}|\[/?[A-Z_]{2,40}\]|\[\|[^\[\]\s{}]{1,40}\|\]|\[gMASK\])"
)
"""`<…>` as most families have them, `<<SYS>>`, `[INST]`, EXAONE's `[|user|]`, GLM's `[gMASK]`."""


def list_tokens(texts: Iterable[str]) -> list[str]:
    """Every piece that looks like one, once."""
    return list(dict.fromkeys(token for text in texts for token in TOKEN.findall(text)))
