"""Where a worker is to die or to freeze: right before or right after one of its calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Moment = Literal["before", "after"]
# What a worker is doing: handling a message of one of the queues, or sweeping.
Errand = Literal["events", "releases", "notices", "sweep"]
# Calls that change nothing: dying at one is dying after the last change, or before the next.
READS = frozenset(
    {
        "get",
        "list",
        "model",
        "models",
        "job",
        "jobs",
        "recent_jobs",
        "deployments",
        "look_through",
        "endpoint",
        "endpoints",
        "data_uri",
        "pinned_data",
        "peek",
        "length",
    }
)


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """A call through a port while one errand is run.

    Args:
        method: of the port, e.g. "create".
        target: what it is called on, without what differs from fact to fact: "ledger/", "notices", "".
        number: the how many-th such call of the errand, from 1.
    """

    errand: Errand
    method: str
    target: str
    number: int = 1

    @property
    def is_write(self) -> bool:
        return self.method not in READS

    def __str__(self) -> str:
        return f"{self.errand}:{self.method}:{self.target}:{self.number}"


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """A moment at a call."""

    moment: Moment
    call: Call

    def __str__(self) -> str:
        return f"{self.moment}:{self.call}"

    @classmethod
    def read(cls, text: str) -> Point:
        """Return the point written as MOMENT:ERRAND:METHOD:TARGET:NUMBER, e.g. "after:events:create:ledger/:1".

        Raises:
            ValueError: it is not written like this.
        """
        parts = text.split(":")
        if len(parts) != 5 or parts[0] not in get_args(Moment) or parts[1] not in get_args(Errand):
            raise ValueError(f"{text!r} is no point; write e.g. after:events:create:ledger/:1")
        moment, errand, method, target, number = parts
        return cls(moment, Call(errand, method, target, int(number)))  # type: ignore[arg-type] # checked above


def points_of(calls: list[Call]) -> list[Point]:
    """Return the points before and after every call that changes something, in their order, each once.

    A release is looked at again and again, a sweep meets fact after fact: the first call of each kind
    will do. A blob in no folder is the only one of its kind, and its first write may never come again.
    """
    points: dict[Point, None] = {}
    for call in calls:
        is_repeated = call.number > 1 and call.errand in {"releases", "sweep"}
        if call.is_write and not is_repeated and not call.target.endswith(".json"):
            points |= {Point("before", call): None, Point("after", call): None}
    return list(points)
