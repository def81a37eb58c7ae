"""What the past costs: the sweep's timer and the open questions, with the same open work beside a short past and a long
one.

It runs in memory, so that a million facts can be made. What grows with the past are listings, and those are counted as
the service answers them: 5,000 blobs a page. The rival is what the sweep did before records had markers: it listed all.
"""

from __future__ import annotations

import bisect
import gc
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from benchmarks.app import many_models
from benchmarks.harness.spec import Benchmark, Figure, Goal, Run
from benchmarks.harness.timing import seconds
from shared.bootstrap import Workspaces
from shared.domain.fact import Fact, ModelRegistered
from shared.domain.ids import ModelName, ModelVersion, ReleaseId
from shared.domain.notice import Notice, NoticeKind
from shared.domain.reaction import Reaction, ReactionResult
from shared.ports.blobs import Blob, BlobItem, Written
from shared.ports.queues import Waiting
from shared.settings import Settings
from shared.store.facts.ledger import Claimed
from shared.store.facts.quarantine import Quarantined
from shared.store.open_index import OPEN
from tests.fakes.app import MemoryApp
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.queues import FakeQueues
from tests.fakes.releases import a_release
from tests.unit.approvals.questions import a_request

SHORT, LONG, LONGEST = 1_000, 100_000, 1_000_000
# Of the past's facts one in ten opened a release and told people.
FACTS_PER_RELEASE = 10
OPEN_FACTS, OPEN_RELEASES, OPEN_NOTICES = 20, 20, 10
PAGE = 5_000
# Azurite, and a storage account in the region, answer in about so long.
TRIP_SECONDS = 0.002
REPETITIONS = 15
SAMPLE = Path(__file__).resolve().parents[2] / "local.settings.sample.json"
MODEL = ModelName("flight-delay")
PLAN = (Reaction("open-release", MODEL, "model flight-delay 7 was registered"),)
DONE = (ReactionResult("open-release", "done", "release flight-delay-7 opened", "flight-delay-7"),)


@dataclass
class Trips:
    """Counts the requests to storage, blobs and queues; each takes TRIP_SECONDS."""

    count: int = 0

    def take(self) -> None:
        self.count += 1
        time.sleep(TRIP_SECONDS)


class CountedQueues(FakeQueues):
    def __init__(self, clock: FakeClock, trips: Trips) -> None:
        super().__init__(clock)
        self._trips = trips

    def send(self, queue: str, text: str, delay: timedelta = timedelta(0)) -> None:
        self._trips.take()
        super().send(queue, text, delay)

    def peek(self, queue: str) -> tuple[Waiting, ...]:
        self._trips.take()
        return super().peek(queue)

    def length(self, queue: str) -> int:
        self._trips.take()
        return super().length(queue)


class PagedBlobs(MemoryBlobStore):
    """Blobs whose listings look at nothing but their prefix, as the service's do. `copy` takes no request."""

    def __init__(self, clock: FakeClock, trips: Trips) -> None:
        super().__init__(clock.now)
        self._names: list[str] = []
        self._trips = trips

    def get(self, name: str) -> Blob | None:
        self._trips.take()
        return super().get(name)

    def list(self, prefix: str) -> Iterator[BlobItem]:
        start = bisect.bisect_left(self._names, prefix)
        end = bisect.bisect_left(self._names, prefix + "\uffff")
        for first in range(start, max(end, start + 1), PAGE):
            self._trips.take()
            for name in self._names[first : min(first + PAGE, end)]:
                stored = self._blobs[name]
                yield BlobItem(name, stored.last_modified, dict(stored.metadata))

    def delete(self, name: str, etag: str | None = None) -> None:
        self._trips.take()
        super().delete(name, etag)
        if name not in self._blobs and (place := bisect.bisect_left(self._names, name)) < len(self._names):
            del self._names[place : place + (self._names[place] == name)]

    def _write(self, name: str, body: bytes, metadata: Mapping[str, str] | None) -> Written:
        self._trips.take()
        if name not in self._blobs:
            bisect.insort(self._names, name)
        return super()._write(name, body, metadata)

    def copy(self, example: str, pattern: str, count: int) -> None:
        """Store so many more blobs that are like one of them, as many others left them; `{}` is their number."""
        stored = self._blobs[example]
        names = [pattern.format(f"{number:064x}") for number in range(count)]
        self._blobs.update(dict.fromkeys(names, stored))
        self._names = sorted([*self._names, *names])


def fact(number: int) -> Fact:
    version = str(number)
    subject = f"models/{MODEL}:{version}"
    registered = ModelRegistered(MODEL, ModelVersion(version))
    return Fact(registered, "/workspace", subject, (MODEL, version), FakeClock().now(), f"event-{version}")


def app_with_past(done: int) -> tuple[MemoryApp, Trips]:
    """Return an app with so many facts that are done, with what they and others left, and with the open work."""
    clock, trips = FakeClock(), Trips()
    blobs, decisions = PagedBlobs(clock, trips), PagedBlobs(clock, trips)
    values = json.loads(SAMPLE.read_text(encoding="utf-8"))["Values"]
    app = MemoryApp(
        Settings.read(values),
        clock,
        (),
        blobs=blobs,
        decision_blobs=decisions,
        dead_letter_blobs=PagedBlobs(clock, trips),
        queue=CountedQueues(clock, trips),
    )
    _settle_one_of_each(app)
    for name in [name for name in blobs._blobs if not name.startswith(OPEN)]:
        folder = name[: name.rindex("/") + 1]
        blobs.copy(name, f"{folder}{{}}.json", done if folder in {"ledger/", "passing/"} else done // FACTS_PER_RELEASE)
    for leaf in ("request", "decision"):
        example, pattern = f"approvals/settled/d1/{leaf}.json", f"approvals/{{}}/d1/{leaf}.json"
        decisions.copy(example, pattern, done // FACTS_PER_RELEASE)
    for number in range(OPEN_FACTS):
        app.ledger.claim(fact(1_000 + number), PLAN, ("digest",), ())
    for number in range(OPEN_RELEASES):
        later = clock.now() + timedelta(hours=1)
        app.releases.create(replace(a_release(), id=ReleaseId(f"flight-delay-{number}"), wake_at=later))
    for number in range(OPEN_NOTICES):
        app.outbox_store.create(Notice(NoticeKind.PROMOTED, f"open/{number}", MODEL, {}), clock.now())
    app.approvals.open(a_request(requested_at=clock.now()))
    return app, trips


def _settle_one_of_each(app: MemoryApp) -> None:
    claim = app.ledger.claim(fact(0), PLAN, ("digest",), ())
    assert isinstance(claim, Claimed)
    app.ledger.finish(claim, DONE, ())
    app.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    app.ledger.take_over(fact(0).key)  # as the sweep does: its marker goes
    app.ledger.claim(fact(1), (), (), ("no policy is about it",))
    app.releases.create(replace(a_release(), id=ReleaseId("settled"), is_settled=True))
    name = app.outbox_store.create(Notice(NoticeKind.PROMOTED, "sent", MODEL, {}), app.clock.now())
    stored = app.outbox_store.load(name or "")
    assert stored is not None
    app.outbox_store.note(stored, lambda record: replace(record, deliveries=()))
    opened = app.quarantine.open(
        app.quarantine.set_aside(Quarantined("event.not_json", "no JSON", "{", app.clock.now()))
    )
    assert opened is not None
    app.quarantine.resolve(opened)
    app.posted_results.keep("monitor", "run", "signal")
    app.approvals.open(a_request("settled"))
    app.approvals.close(ReleaseId("settled"), "d1", "aborted")


def sweep(app: MemoryApp) -> None:
    """Run the timer, as the host does."""
    from functions import timers

    workspaces = Workspaces(app)
    with (
        patch("shared.bootstrap.get_app", lambda: app),
        patch("shared.bootstrap.get_workspaces", lambda: workspaces),
    ):
        timers.sweep.build().get_user_function()(None)


def list_everything(app: MemoryApp) -> int:
    """Return how much is open, found as the sweep did before: among all that there ever was."""
    blobs: Any = app.blobs
    facts: int = sum(item.metadata.get("state") == "claimed" for item in blobs.list("ledger/"))
    releases = sum(not item.is_settled for item in app.releases.items())
    notices: int = sum(item.metadata.get("state") == "pending" for item in blobs.list("outbox/"))
    return facts + releases + notices


def _trips_of(trips: Trips, work: Callable[[], object]) -> int:
    previous = trips.count
    work()
    return trips.count - previous


def run(run: Run) -> list[Figure]:
    size = LONGEST if run.is_long else LONG
    times, lists, calls, question_calls = {}, {}, {}, {}
    for done in (SHORT, size):
        run.progress(f"the sweep beside {done:,} facts that are done")
        app, trips = app_with_past(done)
        sweep(app)  # what is built at first use is no part of a sweep
        gc.collect()
        gc.freeze()  # the past is the service's memory, not ours
        calls[done] = _trips_of(trips, partial(sweep, app))
        question_calls[done] = _trips_of(trips, app.approvals.open_questions)
        times[done] = median(seconds(partial(sweep, app)) for _ in range(REPETITIONS)) * 1000
        lists[done] = median(seconds(partial(list_everything, app)) for _ in range(3)) * 1000
        gc.unfreeze()
    return [
        Figure("scale.sweep_ms", times[size], "ms", f"the sweep's timer beside {size:,} facts that are done"),
        Figure("scale.sweep_ratio", times[size] / times[SHORT], "x", f"beside {size:,} / {SHORT:,}", Goal("<=", 1.2)),
        Figure("scale.sweep_calls", calls[size], "", "requests to blobs and queues of one sweep", Goal("<=", 20)),
        Figure(
            "scale.question_calls", question_calls[size], "", "of listing the open questions: there is 1", Goal("<=", 7)
        ),
        Figure("scale.listing_ms", lists[size], "ms", "listing everything, as before there were markers"),
        Figure("scale.listing_ratio", lists[size] / lists[SHORT], "x", f"the same, beside {size:,} / {SHORT:,}"),
        *many_models.figures(run),
    ]


SPEC = Benchmark(
    "scale", "the sweep beside a short past and a long one, and many models", run, options=many_models.OPTIONS
)
