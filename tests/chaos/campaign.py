"""Sends workers to their deaths, has a fresh one finish what they left, and counts."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from tests.chaos.facts import Fed, a_hint, a_registration, a_request
from tests.chaos.points import Call, Errand, Point, points_of
from tests.chaos.tally import Split, Tally, count, is_quiet, traffic_moves, what_is_left
from tests.chaos.town import LEASE_SECONDS, TRAINED, VERSIONS, Town

AT_ONCE = 4
TRIES = 3
SETTLE_SECONDS = 90.0
# Longer than any worker lives.
LONGEST_WAIT_SECONDS = 150
CLAIMED = Point("after", Call("events", "create", "ledger/claimed"))
# What a worker does that is to die on such an errand; nobody takes what another is to die of.
_HABITS: Mapping[Errand, Mapping[str, str]] = {
    "events": {"CHAOS_IDLE_SECONDS": "2", "CHAOS_LEAVES": "releases"},
    "notices": {"CHAOS_IDLE_SECONDS": "2", "CHAOS_LEAVES": "releases"},
    "releases": {"CHAOS_IDLE_SECONDS": "5", "CHAOS_LEAVES": "events,notices", "CHAOS_SWEEPS": "yes"},
    "sweep": {"CHAOS_IDLE_SECONDS": "3", "CHAOS_LEAVES": "events,notices,releases", "CHAOS_SWEEPS": "yes"},
}


@dataclass
class Campaign:
    """One town's misfortunes.

    Args:
        broken: name of the way in which every worker is broken, see tests/chaos/breaks.py; "" for none.
        hidden_seconds: after how long a dead worker's message comes back. Beyond the lease, it takes its fact up
            again; within it, it finds the fact busy and is acknowledged, so that only the sweep is left.
    """

    town: Town
    broken: str = ""
    hidden_seconds: int = LEASE_SECONDS + 1
    settle_seconds: float = SETTLE_SECONDS
    fed: list[Fed] = field(default_factory=list)
    _unreleased: list[str] = field(default_factory=list)
    _models: list[str] = field(default_factory=lambda: list(TRAINED))

    def __post_init__(self) -> None:
        self._unreleased = list(self.town.released)

    def feed_request(self, model: str = "") -> None:
        self._feed(a_request(model or self._models[len(self.fed) % 2]))

    def feed_release(self) -> bool:
        """Have one more model released; False when the town has none left."""
        if not self._unreleased:
            return False
        self._feed(a_registration(self._unreleased.pop(), VERSIONS[0]))
        return True

    def begin(self) -> None:
        """Have two models trained once, so that there is something to remember of them."""
        for model in self._models[:2]:
            self.feed_request(model)
        self._ends(self._fork(CHAOS_IDLE_SECONDS="1"))

    def explore(self) -> list[Point]:
        """Return every point on the way of a request, of a release and of a dead worker's fact, by watching a worker
        whom nothing happens to."""
        self._orphan()
        if self.feed_release():
            self._feed(a_hint(self.town.released[-1], VERSIONS[0]))
        for model in (self._models[0], self._fresh_model()):
            self.feed_request(model)
        pid = self._fork(CHAOS_TRACE="yes", CHAOS_SWEEPS="yes", CHAOS_IDLE_SECONDS="60")
        self._wait_until_quiet(pid)
        self._kill(pid)
        return points_of([_read(line["call"]) for line in self.town.journal() if line["what"] == "call"])

    def kill_at(self, points: Iterable[Point]) -> list[Point]:
        """Kill a worker at each point; return the points that no worker came to.

        Releases have a lane of their own, where one worker after the other carries one release on to its death.
        """
        by_errand: dict[Errand, list[Point]] = {}
        for point in points:
            by_errand.setdefault(_habit(point), []).append(point)
        of_releases = by_errand.pop("releases", [])
        with ThreadPoolExecutor(1) as one_lane, ThreadPoolExecutor(AT_ONCE) as lanes:
            beside = one_lane.submit(self._kill_releasing, of_releases)
            missed: list[Point] = []
            for errand, of_errand in by_errand.items():
                if errand == "sweep":
                    beside.result()  # its workers sweep too, and would take the orphans
                    self._orphan(len(of_errand))
                struck = list(lanes.map(self._strike, of_errand))
                missed += [point for point, was_struck in zip(of_errand, struck, strict=True) if not was_struck]
            return missed + beside.result()

    def _kill_releasing(self, points: Sequence[Point]) -> list[Point]:
        if points:
            self._begin_release()
        return [point for point in points if not self._strike(point)]

    def _begin_release(self) -> None:
        """Have a release opened that waits for its first look."""
        if self.feed_release():
            self._ends(self._fork(**_HABITS["events"], KILL_AT="after:events:send:releases:1"))

    def kill_anytime(self, times: int, chance: random.Random) -> None:
        """Kill so many workers from outside, each at a moment of its first second."""

        def once(seconds: float) -> None:
            self.feed_request()
            pid = self._fork(CHAOS_SWEEPS="yes")
            time.sleep(seconds)
            self._kill(pid)

        with ThreadPoolExecutor(AT_ONCE) as lanes:
            list(lanes.map(once, [chance.uniform(0.02, 0.6) for _ in range(times)]))

    def freeze_at(self, points: Sequence[Point]) -> int:
        """Freeze a worker at each point past its lease, have others do its work, and wake it; return how many were
        frozen."""
        pids = []
        for point in points:
            self._feed_for(point)
            pids.append(self._fork(STOP_AT=str(point), **_HABITS[_habit(point)]))
        frozen = [pid for pid in pids if self._ends(pid) == "frozen"]
        self.settle()
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
        for pid in frozen:
            self._ends(pid)
        return len(frozen)

    def write_traffic_late(self) -> list[Split]:
        """Freeze a worker before it writes the first version's traffic, have the second one released meanwhile, and
        wake it; return what the endpoint's traffic went through.

        There is no compare-and-set on traffic: this write is accepted, and has to be put back.
        """
        model = self._unreleased.pop()
        for version in VERSIONS:
            fact = replace(a_registration(model, version), endpoint="")
            self._feed(fact)
            if version == VERSIONS[0]:
                pid = self._fork(STOP_AT="before:releases:set_traffic::1", CHAOS_SWEEPS="yes", CHAOS_IDLE_SECONDS="20")
                if self._ends(pid) != "frozen":
                    raise RuntimeError("no worker came to write the traffic")
            self.settle()
        os.kill(pid, signal.SIGCONT)
        self._ends(pid)
        # Nobody sends requests, so that the watch stays undecided and the earlier version keeps its share.
        newest = {f"v-{VERSIONS[-1]}": 95, f"v-{VERSIONS[0]}": 5}
        self.settle(lambda: traffic_moves(self.town)[model][-1] == newest)
        return traffic_moves(self.town)[model]

    def settle(self, is_settled: Callable[[], bool] = lambda: True) -> None:
        """Have a fresh worker and the sweep finish everything; return when all is quiet, or after too long."""
        pid = self._fork(CHAOS_SWEEPS="yes", CHAOS_IDLE_SECONDS="100", CHAOS_OVERDUE_SECONDS="2")
        self._wait_until_quiet(pid, is_settled)
        self._kill(pid)

    def tally(self) -> Tally:
        return count(self.town, self.fed)

    def _orphan(self, facts: int = 1) -> None:
        """Have workers die right after claiming, and let their leases run out."""
        with ThreadPoolExecutor(AT_ONCE) as lanes:
            list(lanes.map(self._strike_once, [CLAIMED] * facts))
        time.sleep(LEASE_SECONDS + 1)

    def _strike(self, point: Point) -> bool:
        for number in range(TRIES):
            for _ in range(number):  # others took what was meant for this one
                self._feed_for(point)
            if number and _habit(point) == "releases":
                self._begin_release()
            if number and _habit(point) == "sweep":
                self._orphan()
            if self._strike_once(point):
                return True
        return False

    def _strike_once(self, point: Point) -> bool:
        self._feed_for(point)
        pid = self._fork(KILL_AT=str(point), **_HABITS[_habit(point)])
        was_killed = self._ends(pid) == "killed"
        self.town.killed += [pid] if was_killed else []
        return was_killed

    def _feed_for(self, point: Point) -> None:
        """Feed a fact whose handling passes the point."""
        call = point.call
        if call.errand == "events" and (call.method == "model" or call.target.startswith("releases")):
            self._feed(a_hint(self.town.released[-1], VERSIONS[0]))
        elif call.errand == "events" and (call.method, call.target) == ("create", "models/"):
            self.feed_request(self._fresh_model())
        elif call.errand in {"events", "notices"}:
            self.feed_request()

    def _fresh_model(self) -> str:
        """Return a model that nothing is remembered of, as long as there are any."""
        return self._models.pop() if len(self._models) > 2 else self._models[0]

    def _feed(self, fact: Fed) -> None:
        self.fed.append(fact)
        for body in fact.bodies:
            self.town.send(body)

    def _fork(self, **environment: str) -> int:
        own = {"CHAOS_BREAK": self.broken, "CHAOS_HIDDEN_SECONDS": str(self.hidden_seconds)}
        return self.town.workers.fork(**own, **environment)

    def _ends(self, pid: int) -> str:
        """Return how the worker ended: "killed", "frozen", or "ended" for want of work.

        Raises:
            RuntimeError: it ended by a mistake of its own.
        """
        end = self.town.workers.wait(pid, LONGEST_WAIT_SECONDS)
        if end.is_mistaken:
            raise RuntimeError(f"a worker is {end}: {self.town.workers.log_tail()}")
        return end.state

    def _kill(self, pid: int) -> None:
        """Kill the worker, which has not ended by itself.

        Raises:
            RuntimeError: it has.
        """
        if (end := self.town.workers.wait(pid, 0)).state != "running":
            raise RuntimeError(f"a worker is {end}: {self.town.workers.log_tail()}")
        os.kill(pid, signal.SIGKILL)
        self._ends(pid)
        self.town.killed.append(pid)

    def _wait_until_quiet(self, pid: int, is_settled: Callable[[], bool] = lambda: True) -> None:
        """Return when the worker has nothing left to do, or after too long: what is open then is lost."""
        deadline = time.monotonic() + self.settle_seconds
        while time.monotonic() < deadline and not (is_quiet(self.town, self.fed) and is_settled()):
            if self.town.workers.wait(pid, 0.2).state != "running":
                left = "; ".join(what_is_left(self.town, self.fed))
                raise RuntimeError(f"the worker that finishes has ended with this left: {left}")


def _habit(point: Point) -> Errand:
    """Return on what errands a worker comes to the point: sweeps wake releases, if there are any."""
    is_wake = point.call.errand == "sweep" and point.call.target == "releases"
    return "releases" if is_wake else point.call.errand


def _read(call: str) -> Call:
    return Point.read(f"before:{call}").call
