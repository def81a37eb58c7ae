"""The ports of a worker, wired so that one call of many is where it dies or freezes. Production code is unchanged."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from shared.ports.blobs import Blob, Written
from tests.chaos.points import Call, Errand, Moment, Point

T = TypeVar("T")
Labeller = Callable[[tuple[Any, ...]], str]


@dataclass
class Fuse:
    """Counts the calls of each errand and does the deed at one of the points, whichever comes first; afterwards (a
    frozen worker only) it knows.

    Args:
        deed: kills or stops this process.
        tell: takes what happened, for the journal.
    """

    points: Collection[Point]
    deed: Callable[[Point], None]
    tell: Callable[[Mapping[str, object]], None]
    is_traced: bool = False
    has_burnt: bool = False
    errand: Errand = "sweep"
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def begin(self, errand: Errand) -> None:
        self.errand = errand
        self._counts.clear()

    def guard(self, method: str, target: str, work: Callable[[], T]) -> T:
        self._counts[method, target] += 1
        call = Call(self.errand, method, target, self._counts[method, target])
        if self.is_traced:
            self.tell({"what": "call", "call": str(call)})
        self._at("before", call)
        done = work()
        self._at("after", call)
        return done

    def _at(self, moment: Moment, call: Call) -> None:
        point = Point(moment, call)
        if point in self.points and not self.has_burnt:
            self.has_burnt = True
            self.deed(point)


class Wired:
    """A port whose every call passes the fuse."""

    def __init__(self, target: Any, fuse: Fuse, label: Labeller) -> None:
        self._target = target
        self._fuse = fuse
        self._label = label

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._target, name)
        if not callable(attribute):
            return attribute

        def wired(*args: Any, **options: Any) -> Any:
            return self._fuse.guard(name, self._label(args), lambda: attribute(*args, **options))

        return wired


class WiredBlobs(Wired):
    """Blobs, which also tell of late writes: those that a worker that was frozen makes on the strength of what it
    had read before."""

    def __init__(self, target: Any, fuse: Fuse) -> None:
        super().__init__(target, fuse, folder_of)
        self._etags_read: set[str] = set()  # before freezing

    def get(self, name: str) -> Blob | None:
        blob: Blob | None = self._fuse.guard("get", folder_of((name,)), lambda: self._target.get(name))
        self._saw(blob.etag if blob else "")
        return blob

    def create(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Written | None:
        def write() -> Written | None:
            is_late = self._fuse.has_burnt
            return self._noted(is_late, "create", name, self._target.create(name, body, metadata))

        return self._fuse.guard("create", _state_in(name, body, metadata), write)

    def replace(self, name: str, body: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> Written | None:
        def write() -> Written | None:
            is_late = self._fuse.has_burnt and etag in self._etags_read
            return self._noted(is_late, "replace", name, self._target.replace(name, body, etag, metadata))

        return self._fuse.guard("replace", _state_in(name, body, metadata), write)

    def _noted(self, is_late: bool, method: str, name: str, written: Written | None) -> Written | None:
        if is_late:
            self._fuse.tell({"what": "late", "method": method, "name": name, "is_refused": written is None})
        self._saw(written.etag if written else "")
        return written

    def _saw(self, etag: str) -> None:
        if not self._fuse.has_burnt:
            self._etags_read.add(etag)


class WiredWorkspace(Wired):
    """The workspace, which also tells of traffic that a woken worker writes: nobody there refuses it."""

    def __init__(self, target: Any, fuse: Fuse) -> None:
        super().__init__(target, fuse, lambda _: "")

    def set_traffic(self, endpoint: str, traffic: Mapping[str, int], deadline: Any = None) -> None:
        def write() -> None:
            self._target.set_traffic(endpoint, traffic, deadline)
            if self._fuse.has_burnt:
                self._fuse.tell({"what": "late traffic", "endpoint": endpoint, "traffic": dict(traffic)})

        # The new version's share tells the steps apart; its name is the last one.
        self._fuse.guard("set_traffic", str(traffic[max(traffic)]), write)


def _state_in(name: str, body: bytes, metadata: Mapping[str, str] | None) -> str:
    """Return the folder and the state that is written: a release's move to another state or step is another point."""
    folder, state = folder_of((name,)), (metadata or {}).get("state", "")
    if state != "canary":
        return folder + state
    release = json.loads(body)
    return f"{folder}{state} {release['step_index']} {release['phase']}"


def folder_of(args: tuple[Any, ...]) -> str:
    """Return the folder of a blob's name; names differ from fact to fact."""
    folder, slash, _ = str(args[0]).partition("/")
    return folder + slash


def queue_of(args: tuple[Any, ...]) -> str:
    return str(args[0])
