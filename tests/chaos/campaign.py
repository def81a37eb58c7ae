"""Sends workers to their deaths, has a fresh one finish what they left, and counts."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from tests.chaos.facts import Fed, Split, a_hint, a_registration, a_release_in_steps, a_request
from tests.chaos.points import Call, Errand, Point, points_of
from tests.chaos.policies import HELD_BACK
from tests.chaos.tally import Tally, count, is_quiet, open_work, traffic_moves
from tests.chaos.town import LEASE_SECONDS, TRAINED, VERSIONS, Town

AT_ONCE = 4
RELEASING_AT_ONCE = 2
MODELS_AT_START = 6
# Nobody sends requests there, so that the watch stays undecided and the earlier version keeps its share.
WATCHED: Split = {"v-2": 100 - HELD_BACK, "v-1": HELD_BACK}
# More than may reach people one by one at the same time, see docs/reference/notices.md.
BURST = 8
TRIES = 10
# A fourth of it is enough on a quiet machine; it is waited to its end only for what would be lost.
SETTLE_SECONDS = 300.0
# Longer than any worker lives.
LONGEST_WAIT_SECONDS = 150
OF_BURSTS = {("send", "notices"), ("create", "outbox/pending"), ("replace", "outbox/in-digest")}
# After the marker of the claim: without it the event brings the fact back, not the sweep.
CLAIMED = Point("before", Call("events", "submit_job", ""))
# What a worker does that is to die on such an errand; nobody takes what another is to die of.
_HABITS: Mapping[Errand, Mapping[str, str]] = {
    "events": {"CHAOS_IDLE_SECONDS": "2", "CHAOS_LEAVES": "releases"},
    # Longer than a burst waits for its digest.
    "notices": {"CHAOS_IDLE_SECONDS": "8", "CHAOS_LEAVES": "releases"},
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
    _frozen: list[int] = field(default_factory=list)
    _models: list[str] = field(default_factory=lambda: list(TRAINED))
    _released: list[str] = field(default_factory=list)
    # Whoever is to die of an event is alone with the queue of events, so that nobody else takes it.
    _alone: threading.Lock = field(default_factory=threading.Lock)

    def feed_request(self, model: str = "") -> None:
        self._feed(a_request(model or self._existing_model()))

    def feed_burst(self) -> None:
        """Have more notices of one kind about one model than people are told one by one."""
        model = self._existing_model()
        for _ in range(BURST):
            self.feed_request(model)

    def feed_release(self) -> bool:
        """Have one more model released in each way; False when the town has none left."""
        facts = []
        if self.town.released:
            self._released.append(self.town.released.pop())
            facts.append(a_registration(self._released[-1], VERSIONS[0]))
        if self.town.in_steps:
            facts.append(a_release_in_steps(self.town.in_steps.pop()))
        for fact in facts:
            self._feed(fact)
        return bool(facts)

    def begin(self) -> None:
        """Have some models trained once, so that there is something to remember of them."""
        for model in self._models[:MODELS_AT_START]:
            self.feed_request(model)
        self._ends(self._fork(CHAOS_IDLE_SECONDS="1"))

    def explore(self) -> list[Point]:
        """Return every point on the way of requests, of a burst, of releases and of a dead worker's fact, by watching
        a worker whom nothing happens to."""
        self._orphan()
        if self.feed_release():
            self._feed(a_hint(self._released[-1], VERSIONS[0]))
        self.feed_burst()
        self.feed_request(self._fresh_model())
        pid = self._fork(CHAOS_TRACE="yes", CHAOS_SWEEPS="yes", CHAOS_IDLE_SECONDS="600", CHAOS_LIFE_SECONDS="600")
        self._wait_until(pid, lambda: is_quiet(self.town, self.fed))
        self._kill(pid)
        return points_of([_read(line["call"]) for line in self.town.journal() if line["what"] == "call"])

    def kill_at(self, points: Iterable[Point]) -> list[Point]:
        """Kill a worker at each point; return the points that no worker came to.

        Releases have lanes of their own, where one worker after the other carries them on to its death.
        """
        by_errand: dict[Errand, list[Point]] = {"sweep": [], "releases": []}
        for point in points:
            by_errand.setdefault(_habit(point), []).append(point)
        of_releases, of_sweeps = by_errand.pop("releases"), by_errand.pop("sweep")
        with ThreadPoolExecutor(1) as one_lane, ThreadPoolExecutor(AT_ONCE) as lanes:
            if of_sweeps:  # before any other worker sweeps, and takes the orphans
                self._orphan(len(of_sweeps))
            missed = self._strike_all(of_sweeps, lanes)
            beside = one_lane.submit(self._end_releasing, "KILL_AT", of_releases)
            for of_errand in by_errand.values():
                missed += self._strike_all(of_errand, lanes)
            return missed + beside.result()

    def _strike_all(self, points: Sequence[Point], lanes: ThreadPoolExecutor) -> list[Point]:
        return [point for point, struck in zip(points, lanes.map(self._strike, points), strict=True) if not struck]

    def _end_releasing(self, how: str, points: Iterable[Point]) -> list[Point]:
        """Have workers carry releases on, each until it comes to one of the points where none was killed or frozen yet;
        return those that none came to while there were releases.

        Args:
            how: KILL_AT or STOP_AT.
        """
        remaining = set(points)

        def lane(_: int) -> None:
            in_vain = 0
            while remaining and in_vain < TRIES:
                where = {how: ",".join(map(str, sorted(remaining)))}
                pid = self._fork(**where, **_HABITS["releases"])
                end = self._ends(pid)
                if end == "ended":
                    in_vain += 1
                    if not self.town.app.releases.open_ids() and not self._release():
                        return
                self.town.killed += [pid] if end == "killed" else []
                self._frozen += [pid] if end == "frozen" else []
                remaining.difference_update(self._struck(pid))

        if remaining:
            self._release()
        with ThreadPoolExecutor(RELEASING_AT_ONCE) as lanes:
            list(lanes.map(lane, range(RELEASING_AT_ONCE)))
        return sorted(remaining)

    def _release(self) -> bool:
        """Have one more model released in each way, as far as its first look; False when the town has none left."""
        with self._alone:
            if not self.feed_release():
                return False
            self._ends(self._fork(**_HABITS["events"]))
            return True

    def _struck(self, pid: int) -> list[Point]:
        return [Point.read(line["point"]) for line in self.town.journal() if line["pid"] == pid and "point" in line]

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
        of_releases = [point for point in points if _habit(point) == "releases"]
        pids = []
        for point in points:
            if point not in of_releases:
                self._feed_for(point)
                pids.append(self._fork(STOP_AT=str(point), **_HABITS[_habit(point)]))
        self._frozen = [pid for pid in pids if self._ends(pid) == "frozen"]
        self._end_releasing("STOP_AT", of_releases)
        self.settle()
        for pid in self._frozen:
            os.kill(pid, signal.SIGCONT)
        for pid in self._frozen:
            self._ends(pid)
        return len(self._frozen)

    def write_traffic_late(self) -> list[Split]:
        """Freeze a worker before it writes the first version's traffic, have the second one released meanwhile, and
        wake it; return what the endpoint's traffic went through.

        There is no compare-and-set on traffic: this write is accepted, and has to be put back.
        """
        model = self.town.late
        for version in VERSIONS:
            self._feed(replace(a_registration(model, version), release="", endpoint="", course=()))
            if version == VERSIONS[0]:
                pid = self._fork(
                    STOP_AT="before:releases:set_traffic:100:1", CHAOS_SWEEPS="yes", CHAOS_IDLE_SECONDS="20"
                )
                if self._ends(pid) != "frozen":
                    raise RuntimeError("no worker came to write the traffic")
            self.settle()
        os.kill(pid, signal.SIGCONT)
        self._ends(pid)
        self.settle(lambda: is_quiet(self.town, self.fed) and traffic_moves(self.town)[model][-1] == WATCHED)
        return traffic_moves(self.town)[model]

    def settle(self, until: Callable[[], bool] | None = None) -> None:
        """Have a fresh worker and the sweep finish everything; return when all is quiet, or as it is to be, or after
        too long."""
        longest = str(self.settle_seconds + 60)
        patience = {"CHAOS_IDLE_SECONDS": longest, "CHAOS_LIFE_SECONDS": longest}
        pid = self._fork(CHAOS_SWEEPS="yes", CHAOS_OVERDUE_SECONDS="2", **patience)
        self._wait_until(pid, until or (lambda: is_quiet(self.town, self.fed)))
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
            if number and _habit(point) == "sweep":
                self._orphan()
            if self._strike_once(point):
                return True
        return False

    def _strike_once(self, point: Point) -> bool:
        with self._alone if _habit(point) == "events" else nullcontext():
            self._feed_for(point)
            pid = self._fork(KILL_AT=str(point), **_HABITS[_habit(point)])
            was_killed = self._ends(pid) == "killed"
        self.town.killed += [pid] if was_killed else []
        return was_killed

    def _feed_for(self, point: Point) -> None:
        """Feed a fact whose handling passes the point."""
        call = point.call
        if call.errand == "events" and (call.method == "model" or call.target.startswith("releases")):
            self._feed(a_hint((self._released or self.town.released)[-1], VERSIONS[0]))
        elif (call.method, call.target) in {("create", "models/"), ("create", "storms/")}:
            self.feed_request(self._fresh_model())
        elif call.errand == "notices" and (call.method, call.target) in OF_BURSTS:
            self.feed_burst()
        elif call.errand in {"events", "notices"}:
            self.feed_request()

    def _fresh_model(self) -> str:
        """Return a model that nothing is remembered of, as long as there are any."""
        return self._models.pop() if len(self._models) > MODELS_AT_START else self._existing_model()

    def _existing_model(self) -> str:
        return self._models[len(self.fed) % MODELS_AT_START]

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

    def _wait_until(self, pid: int, is_settled: Callable[[], bool]) -> None:
        """Return when the worker has done so much, or after too long: what is open then is lost."""
        deadline = time.monotonic() + self.settle_seconds
        while time.monotonic() < deadline and not is_settled():
            if self.town.workers.wait(pid, 0.5).state != "running":
                remaining = "; ".join(open_work(self.town, self.fed))
                raise RuntimeError(f"the worker that finishes has ended with this open: {remaining}")


def _habit(point: Point) -> Errand:
    """Return on what errands a worker comes to the point: sweeps wake releases, if there are any."""
    is_wake = point.call.errand == "sweep" and point.call.target == "releases"
    return "releases" if is_wake else point.call.errand


def _read(call: str) -> Call:
    return Point.read(f"before:{call}").call
