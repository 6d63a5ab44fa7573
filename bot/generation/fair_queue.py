"""Who is next, as pure bookkeeping: fair to people and to scenes, in order within a scene.

Start-time fair queueing (Goyal, Vin, Cheng 1996) with every generation costing one: what is asked
has a start tag, at least the round in which it came and at least one more than the tags under
which its person and its scene were served last; the smallest tag is next. So a person with ten
scenes and a scene with ten people each wait for the others' turns. The round goes up with every
service by the share that one person has of it: newcomers cannot overtake anybody for ever.
"""

from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

_WARM_BONUS = 0.5
"""A scene whose prefix is still in a slot goes before others of the same round, never of an
earlier one: each time it is served its tag grows by one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ticket:
    """A place in the queue."""

    number: int
    """In the order of coming."""
    scene: Hashable
    person: Hashable
    round: float
    """When it came."""


class FairQueue:
    """Tickets that wait, and the scenes that are being served."""

    def __init__(self) -> None:
        self._waiting: list[Ticket] = []
        self._serving: list[Ticket] = []
        self._served: dict[tuple[str, Hashable], float] = {}
        """Person or scene: the tag that its next ticket has at least."""
        self._round = 0.0
        self._numbers = 0
        self._warm: deque[Hashable] = deque(maxlen=1)

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def serving(self) -> int:
        """How many are being served."""
        return len(self._serving)

    def keep_warm(self, slots: int) -> None:
        """Say for how many scenes the engine holds a prefix that costs nothing."""
        if self._warm.maxlen != slots:
            self._warm = deque(self._warm, maxlen=slots)

    def add(self, *, scene: Hashable, person: Hashable) -> Ticket:
        """Take a place."""
        self._numbers += 1
        ticket = Ticket(number=self._numbers, scene=scene, person=person, round=self._round)
        self._waiting.append(ticket)
        return ticket

    def take(self) -> Ticket | None:
        """Serve the next ticket; None if none waits or all are of scenes that are being served."""
        ticket = self._find_next(self._served, {t.scene for t in self._serving}, use_warm=True)
        if ticket is None:
            return None
        people = {t.person for t in (*self._waiting, *self._serving)}
        self._waiting.remove(ticket)
        self._serving.append(ticket)
        self._note(ticket, self._served)
        self._round += 1 / len(people)
        if ticket.scene in self._warm:
            self._warm.remove(ticket.scene)
        self._warm.append(ticket.scene)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give a place or a slot back; can be called twice."""
        if ticket in self._waiting:
            self._waiting.remove(ticket)
        if ticket in self._serving:
            self._serving.remove(ticket)
        # What is behind the round says nothing any more, and all of it once nobody is here.
        idle = not self._waiting and not self._serving
        self._served = {k: tag for k, tag in self._served.items() if tag > self._round and not idle}

    def order(self) -> Iterator[Ticket]:
        """Yield those who wait in the order in which they would be served if nobody else came."""
        served, left = dict(self._served), list(self._waiting)
        while ticket := self._find_next(served, set(), use_warm=False, among=left):
            left.remove(ticket)
            self._note(ticket, served)
            yield ticket

    def _find_next(
        self,
        served: dict[tuple[str, Hashable], float],
        busy: set[Hashable],
        *,
        use_warm: bool,
        among: list[Ticket] | None = None,
    ) -> Ticket | None:
        first: dict[Hashable, Ticket] = {}
        for ticket in self._waiting if among is None else among:
            first.setdefault(ticket.scene, ticket)

        def rank(ticket: Ticket) -> tuple[float, int]:
            bonus = _WARM_BONUS if use_warm and ticket.scene in self._warm else 0.0
            return _tag(ticket, served) - bonus, ticket.number

        return min((t for t in first.values() if t.scene not in busy), key=rank, default=None)

    @staticmethod
    def _note(ticket: Ticket, served: dict[tuple[str, Hashable], float]) -> None:
        tag = _tag(ticket, served) + 1
        served["person", ticket.person] = served["scene", ticket.scene] = tag


def _tag(ticket: Ticket, served: dict[tuple[str, Hashable], float]) -> float:
    """The round in which a ticket is due."""
    return max(
        ticket.round,
        served.get(("person", ticket.person), 0.0),
        served.get(("scene", ticket.scene), 0.0),
    )
