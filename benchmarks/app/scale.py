"""What the past costs: the sweep's timer with the same open work beside a short past and a long one.

It runs in memory, so that a million facts can be made. What grows with the past are listings, and those are counted as
the service answers them: 5,000 blobs a page. The rival is what the sweep did before records had markers: it listed all.
"""

from __future__ import annotations

import bisect
import gc
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from benchmarks.harness.spec import Benchmark, Figure, Goal, Run
from benchmarks.harness.timing import seconds
from shared.domain.fact import Fact, ModelRegistered
from shared.domain.ids import ModelName, ModelVersion, ReleaseId
from shared.domain.notice import Notice, NoticeKind
from shared.domain.reaction import Reaction, ReactionResult
from shared.ports.blobs import Blob, BlobItem, Written
from shared.settings import Settings
from shared.store.facts.ledger import Claimed
from tests.fakes.app import MemoryApp
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.releases import a_release

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


class PagedBlobs(MemoryBlobStore):
    """Blobs whose listings look at nothing but their prefix, as the service's do, and whose requests take TRIP_SECONDS
    each; `trips` counts them. `copy` takes none."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock.now)
        self._names: list[str] = []
        self.trips = 0

    def get(self, name: str) -> Blob | None:
        self._travel()
        return super().get(name)

    def list(self, prefix: str) -> Iterator[BlobItem]:
        start = bisect.bisect_left(self._names, prefix)
        end = bisect.bisect_left(self._names, prefix + "\uffff")
        for first in range(start, max(end, start + 1), PAGE):
            self._travel()
            for name in self._names[first : min(first + PAGE, end)]:
                stored = self._blobs[name]
                yield BlobItem(name, stored.last_modified, dict(stored.metadata))

    def delete(self, name: str, etag: str | None = None) -> None:
        self._travel()
        super().delete(name, etag)
        if name not in self._blobs and (place := bisect.bisect_left(self._names, name)) < len(self._names):
            del self._names[place : place + (self._names[place] == name)]

    def _write(self, name: str, body: bytes, metadata: Mapping[str, str] | None) -> Written:
        self._travel()
        if name not in self._blobs:
            bisect.insort(self._names, name)
        return super()._write(name, body, metadata)

    def _travel(self) -> None:
        self.trips += 1
        time.sleep(TRIP_SECONDS)

    def copy(self, name: str, prefix: str, count: int) -> None:
        """Store so many more blobs that are like one of them, as what many others left."""
        example = self._blobs[name]
        names = [f"{prefix}{number:064x}.json" for number in range(count)]
        self._blobs.update(dict.fromkeys(names, example))
        self._names = sorted([*self._names, *names])


def fact(number: int) -> Fact:
    version = str(number)
    subject = f"models/{MODEL}:{version}"
    registered = ModelRegistered(MODEL, ModelVersion(version))
    return Fact(registered, "/workspace", subject, (MODEL, version), FakeClock().now(), f"event-{version}")


def app_with_past(done: int) -> tuple[MemoryApp, PagedBlobs]:
    """Return an app with so many facts that are done, their releases and notices, and with the open work."""
    clock = FakeClock()
    blobs = PagedBlobs(clock)
    values = json.loads(SAMPLE.read_text(encoding="utf-8"))["Values"]
    app = MemoryApp(Settings.read(values), clock, (), blobs=blobs)
    _settle_one_of_each(app)
    for name in [name for name in blobs._blobs if name.partition("/")[0] in {"ledger", "releases", "outbox"}]:
        room = name.partition("/")[0]
        blobs.copy(name, f"{room}/", done if room == "ledger" else done // FACTS_PER_RELEASE)
    for number in range(OPEN_FACTS):
        app.ledger.claim(fact(1_000 + number), PLAN, ("digest",), ())
    for number in range(OPEN_RELEASES):
        later = clock.now() + timedelta(hours=1)
        app.releases.create(replace(a_release(), id=ReleaseId(f"flight-delay-{number}"), wake_at=later))
    for number in range(OPEN_NOTICES):
        app.outbox_store.create(Notice(NoticeKind.PROMOTED, f"open/{number}", MODEL, {}), clock.now())
    return app, blobs


def _settle_one_of_each(app: MemoryApp) -> None:
    claim = app.ledger.claim(fact(0), PLAN, ("digest",), ())
    assert isinstance(claim, Claimed)
    app.ledger.finish(claim, DONE, ())
    app.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    app.ledger.take_over(fact(0).key)  # as the sweep does: its marker goes
    app.releases.create(replace(a_release(), id=ReleaseId("settled"), is_settled=True))
    name = app.outbox_store.create(Notice(NoticeKind.PROMOTED, "sent", MODEL, {}), app.clock.now())
    stored = app.outbox_store.load(name or "")
    assert stored is not None
    app.outbox_store.note(stored, lambda record: replace(record, deliveries=()))


def sweep(app: MemoryApp) -> None:
    """Run the timer, as the host does."""
    from functions import timers

    with patch("shared.bootstrap.get_app", lambda: app):
        timers.sweep.build().get_user_function()(None)


def list_everything(app: MemoryApp) -> int:
    """Return how much is open, found as the sweep did before: among all that there ever was."""
    blobs: Any = app.blobs
    facts: int = sum(item.metadata.get("state") == "claimed" for item in blobs.list("ledger/"))
    releases = sum(not item.is_settled for item in app.releases.items())
    notices: int = sum(item.metadata.get("state") == "pending" for item in blobs.list("outbox/"))
    return facts + releases + notices


def run(run: Run) -> list[Figure]:
    size = LONGEST if run.is_long else LONG
    times, lists, trips = {}, {}, {}
    for done in (SHORT, size):
        run.progress(f"the sweep beside {done:,} facts that are done")
        app, blobs = app_with_past(done)
        sweep(app)  # what is built at first use is no part of a sweep
        gc.collect()
        gc.freeze()  # the past is the service's memory, not ours
        blobs.trips = 0
        sweep(app)
        trips[done] = blobs.trips
        times[done] = median(seconds(partial(sweep, app)) for _ in range(REPETITIONS)) * 1000
        lists[done] = median(seconds(partial(list_everything, app)) for _ in range(3)) * 1000
        gc.unfreeze()
    return [
        Figure("scale.sweep_ms", times[size], "ms", f"the sweep's timer beside {size:,} facts that are done"),
        Figure("scale.sweep_ratio", times[size] / times[SHORT], "x", f"beside {size:,} / {SHORT:,}", Goal("<=", 1.2)),
        Figure("scale.sweep_calls", trips[size], "", "requests to blob storage of one sweep", Goal("<=", 20)),
        Figure("scale.listing_ms", lists[size], "ms", "listing everything, as before there were markers"),
        Figure("scale.listing_ratio", lists[size] / lists[SHORT], "x", f"the same, beside {size:,} / {SHORT:,}"),
    ]


SPEC = Benchmark("scale", "the sweep beside a short past and a long one", run)
