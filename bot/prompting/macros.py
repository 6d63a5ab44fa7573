"""Macros of the card specs, for card text and configuration only.

Never run on what people write in Discord: `{{persona}}` typed by a member would read hidden text.
Source: character card V1 to V3 specs (`{{char}}`/`<BOT>`, `{{user}}`/`<USER>`, any case).
"""

import re

_MACRO = re.compile(r"\{\{(char|user|original)\}\}|<(bot|char|user)>", re.IGNORECASE)


def replace_macros(text: str, *, char: str, user: str, original: str = "") -> str:
    """Put names where the card has macros; unknown macros stay as written.

    `{{original}}` gives the replaced default once, and nothing after that (V2 spec).
    """
    originals = [original]

    def _replace(match: re.Match[str]) -> str:
        word = (match[1] or match[2]).lower()
        if word == "original":
            return originals.pop() if originals else ""
        return user if word == "user" else char

    return _MACRO.sub(_replace, text)
