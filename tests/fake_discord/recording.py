"""Requests as they were made, for tests to look at."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fake_discord.messages import FakeFile

_PARAMETER = re.compile(r"\{[^}]*\}")


@dataclass(slots=True, kw_only=True)
class RecordedRequest:
    """One request to the REST API; `ended` and `status` are None while it is in flight."""

    method: str
    path: str
    route: str
    query: dict[str, str]
    headers: dict[str, str]
    started: float
    body: Any = None
    files: dict[int, FakeFile] = field(default_factory=dict)
    ended: float | None = None
    status: int | None = None

    def is_to(self, method: str, route: str) -> bool:
        """Whether it is to this route: a template such as `/channels/{c}/messages`, or a path."""
        if self.method != method.upper():
            return False
        return route == self.path or same_route(route, self.route)

    def __repr__(self) -> str:
        return f"<{self.method} {self.path} -> {self.status or 'in flight'}>"


def same_route(one: str, other: str) -> bool:
    """Whether two route templates mean the same, whatever they call their parameters."""
    return _PARAMETER.sub("{}", one) == _PARAMETER.sub("{}", other)
