"""How much of the window is whose, counted by the engine's own tokenizer."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

_CACHED_TEXTS = 4096
_LARGEST_REPLY_SHARE = 4
"""The reply's share that is kept free is at most a quarter of the window."""


class CountTokens(Protocol):
    """Counts a text, or a whole prompt with the start token it gets."""

    def __call__(self, text: str, *, whole: bool = False) -> Awaitable[int]:
        """Return a number of tokens."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBudget:
    """The window and what is kept free in it, in tokens."""

    context_length: int
    reply_tokens: int
    """The longest reply that is asked for."""

    @property
    def prompt_tokens(self) -> int:
        """What a prompt may have: the reply's share is reserved first."""
        reserved = min(self.reply_tokens, self.context_length // _LARGEST_REPLY_SHARE)
        return self.context_length - reserved


class TokenCounter:
    """Remembers what a text counted, because a scene's older turns never change."""

    def __init__(self, count_tokens: Callable[..., Awaitable[int]]) -> None:
        self._count_tokens = count_tokens
        self._known: OrderedDict[str, int] = OrderedDict()

    async def __call__(self, text: str, *, whole: bool = False) -> int:
        """Count a piece from memory or a whole prompt anew."""
        if whole:
            return await self._count_tokens(text, whole=True)
        if text in self._known:
            self._known.move_to_end(text)
            return self._known[text]
        count = await self._count_tokens(text)
        self._known[text] = count
        if len(self._known) > _CACHED_TEXTS:
            self._known.popitem(last=False)
        return count
