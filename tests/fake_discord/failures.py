"""Failures that a test orders: the next requests to a route fail or are slow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fake_discord.recording import same_route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fake_discord.recording import RecordedRequest


@dataclass(slots=True, kw_only=True)
class Failure:
    """What happens to the next requests to one route."""

    method: str
    route: str
    status: int | None = 429
    """The answer; None means that the request is carried out after `delay`."""
    times: int = 1
    retry_after: float = 0.3
    """Seconds that a 429 asks the client to wait; real ones, the pace does not shorten them."""
    delay: float = 0.0
    """Seconds before the answer; real ones."""
    channel_id: int | None = None
    """Only requests that concern this channel; None: all."""
    global_: bool = False
    """Whether a 429 says that it is for the whole bot."""
    code: int = 0
    """Discord's error code in the body."""
    carried_out: bool = False
    """Whether the request takes effect although its answer is the failure."""


class Failures:
    """The failures that are still to come."""

    def __init__(self) -> None:
        self._pending: list[Failure] = []

    def add(self, failure: Failure) -> None:
        """Order a failure; several to one route come one after the other."""
        self._pending.append(failure)

    def take(self, request: RecordedRequest, channel_ids: Mapping[str, int]) -> Failure | None:
        """Return the failure meant for this request, and count it down."""
        for failure in self._pending:
            if request.method != failure.method:
                continue
            if failure.route != request.path and not same_route(failure.route, request.route):
                continue
            if failure.channel_id not in (None, *channel_ids.values()):
                continue
            failure.times -= 1
            if failure.times <= 0:
                self._pending.remove(failure)
            return failure
        return None
