"""What each scene's last prompt and reply were, to find them again in the engine's cache.

llama.cpp keeps what it has evaluated in host memory and takes an entry back if at least a quarter
of it stands at the beginning of a new prompt. After a block of old turns was cut, only the head
does: the entry is passed over, although chunk reuse could move all of it. Asking for the former
text itself brings it back.
"""

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.generation.engine import Endpoint

_SCENES = 256
"""So many scenes at most are remembered, some 20 kB each."""
_SURE_CHARACTERS = 200
"""A stretch of so many characters that is found again is no coincidence."""


class SceneTexts:
    """The last text of each scene that went through the engine, the latest scenes only."""

    def __init__(self) -> None:
        """Begin with none."""
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._endpoint: Endpoint | None = None

    def keep(self, endpoint: "Endpoint", affinity: str, text: str) -> None:
        """Remember a scene's prompt and reply; of too many the one asked longest ago is forgotten.

        Args:
            endpoint: Whose cache it is in; what was in another's is forgotten.
            affinity: The scene's; nothing is kept without one.
            text: What was evaluated.
        """
        if endpoint != self._endpoint:
            self._texts.clear()
            self._endpoint = endpoint
        if not affinity:
            return
        self._texts[affinity] = text
        self._texts.move_to_end(affinity)
        if len(self._texts) > _SCENES:
            self._texts.popitem(last=False)

    def find_uncut(self, endpoint: "Endpoint", affinity: str, prompt: str) -> str | None:
        """Find the former text that a prompt was cut from.

        Returns:
            The text; None where the prompt only goes on, or has nothing to do with it.
        """
        former = self._texts.get(affinity) if endpoint == self._endpoint else None
        if former is None:
            return None
        common = _count_common(former, prompt)
        stretch = prompt[common : common + _SURE_CHARACTERS]
        if len(stretch) < _SURE_CHARACTERS or former.find(stretch, common) < 0:
            return None
        return former


def _count_common(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginnings, by halving."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
