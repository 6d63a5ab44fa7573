"""Rate limits: fixed windows that begin with the first request in them, as Discord's do."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_GLOBAL_LIMIT = 50
_GLOBAL_WINDOW = 1.0


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests in so many seconds, counted apart for each value of the named parameters."""

    requests: int
    seconds: float
    per: tuple[str, ...]


LIMITS = {
    ("POST", "/channels/{c}/messages"): Limit(5, 5.0, ("c",)),
    ("PATCH", "/channels/{c}/messages/{m}"): Limit(5, 5.0, ("c",)),
    ("DELETE", "/channels/{c}/messages/{m}"): Limit(5, 1.0, ("c",)),
    ("POST", "/channels/{c}/messages/bulk-delete"): Limit(1, 1.0, ("c",)),
    ("POST", "/channels/{c}/typing"): Limit(5, 5.0, ("c",)),
    ("PUT", "/channels/{c}/messages/{m}/reactions/{e}/@me"): Limit(1, 0.25, ("c",)),
    ("DELETE", "/channels/{c}/messages/{m}/reactions/{e}/@me"): Limit(1, 0.25, ("c",)),
    ("POST", "/webhooks/{w}/{t}"): Limit(5, 2.0, ("w", "t")),
    ("PATCH", "/webhooks/{w}/{t}/messages/{m}"): Limit(5, 2.0, ("w", "t")),
    ("PATCH", "/webhooks/{w}/{t}/messages/@original"): Limit(5, 2.0, ("w", "t")),
    ("DELETE", "/webhooks/{w}/{t}/messages/{m}"): Limit(5, 2.0, ("w", "t")),
}


@dataclass(slots=True)
class Window:
    """How much of a limit is used, and until when."""

    limit: int
    resets_at: float
    bucket: str
    used: int = 0

    def headers(self) -> dict[str, str]:
        """Return the headers by which a client paces itself."""
        left = max(0.0, self.resets_at - time.monotonic())
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "X-RateLimit-Reset": f"{time.time() + left:.3f}",
            "X-RateLimit-Reset-After": f"{_up(left):.3f}",
            "X-RateLimit-Bucket": self.bucket,
        }


class RateLimits:
    """Counts requests and says when one is too many."""

    def __init__(self, pace: float) -> None:
        self._pace = pace
        self._windows: dict[tuple[str, ...], Window] = {}
        self._global = Window(_GLOBAL_LIMIT, 0.0, "global")

    def window(self, method: str, route: str, params: Mapping[str, str]) -> Window | None:
        """Return the window that a request falls into now; None for a route without a limit."""
        limit = LIMITS.get((method, route))
        if limit is None:
            return None
        key = (method, route, *(params[name] for name in limit.per))
        window = self._windows.get(key)
        if window is None or window.resets_at <= time.monotonic():
            resets_at = time.monotonic() + limit.seconds * self._pace
            window = self._windows[key] = Window(limit.requests, resets_at, _bucket(method, route))
        return window

    def count(self, method: str, route: str, params: Mapping[str, str]) -> Window | None:
        """Count one request and return its window; it is too many if `used` is above `limit`."""
        window = self.window(method, route, params)
        if window is not None:
            window.used += 1
        return window

    def count_global(self) -> float:
        """Count one request of the bot; return for how long it must wait, 0 if it need not."""
        now = time.monotonic()
        if self._global.resets_at <= now:
            self._global = Window(_GLOBAL_LIMIT, now + _GLOBAL_WINDOW * self._pace, "global")
        self._global.used += 1
        return self._global.resets_at - now if self._global.used > _GLOBAL_LIMIT else 0.0


def too_many(
    retry_after: float, *, is_global: bool = False, scope: str = "user"
) -> tuple[dict[str, object], dict[str, str]]:
    """Return body and headers of a 429.

    Without `Via` discord.py takes it for a ban by Cloudflare and gives up at once.
    """
    body: dict[str, object] = {
        "message": "You are being rate limited.",
        "retry_after": _up(retry_after),
        "global": is_global,
    }
    headers = {
        "Via": "1.1 google",
        "Retry-After": str(math.ceil(retry_after)),
        "X-RateLimit-Scope": "global" if is_global else scope,
    }
    if is_global:
        headers["X-RateLimit-Global"] = "true"
    return body, headers


def _up(seconds: float) -> float:
    """Round up to milliseconds: a client that waits exactly this long must not be early."""
    return math.ceil(seconds * 1000) / 1000


def _bucket(method: str, route: str) -> str:
    return hashlib.sha256(f"{method} {route}".encode()).hexdigest()[:32]
