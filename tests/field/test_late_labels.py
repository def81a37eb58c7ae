"""Labels that arrive late are looked at in one pass over what was served, of bounded size, whichever signals ask."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pandas as pd
import pytest

from shared.domain.ids import DeploymentName, EndpointName
from shared.engine.monitors.rows.labelled_rows import MOST_LABELLED_BYTES
from shared.store.monitors.reports import MonitorReports
from tests.fakes.data import FakeCollected
from tests.unit.engine.fact_world import MODEL
from tests.unit.engine.monitors.test_run_due import HOUR
from tests.unit.engine.signal_world import PERFORMANCE, ScoredData, SignalWorld


class CountingData(ScoredData):
    """Counts how often each request is read with its answer."""

    def __init__(self) -> None:
        super().__init__()
        self.read: Counter[datetime] = Counter()

    def scored_bytes(self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime) -> int:
        """Return the interval's share of `scored_size`, which is that of all requests."""
        return self.scored_size * sum(start <= at < end for _, at, _ in self.answered) // len(self.answered)

    def scored_batches(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> FakeCollected:
        def frame() -> pd.DataFrame:
            self.read.update(at for _, at, _ in self.answered if start <= at < end)
            return self.collected_predictions(endpoint, deployment, start, end)

        return FakeCollected(frame)


@pytest.fixture
def world() -> SignalWorld:
    """Return a model with every signal that labels inform, that served two thousand rows an hour for half a day."""
    made = SignalWorld("concept_drift: {}", "estimated_performance: {}", PERFORMANCE)
    made.data = CountingData()
    for _ in range(12):
        made.serve_people(1000)
        made.clock.advance(HOUR)
    return made


def read(world: SignalWorld) -> Counter[datetime]:
    assert isinstance(world.data, CountingData)
    reads, world.data.read = world.data.read, Counter()
    return reads


def test_new_labels_are_one_pass_for_performance_concept_drift_and_calibration(world: SignalWorld) -> None:
    world.look()  # nothing has labels: only the window itself is read
    read(world)
    world.labels_arrive(1)
    world.serve_people(1000)
    world.look()
    window = world.clock.now() - HOUR
    times = read(world)
    assert {count for at, count in times.items() if at < window} == {1}
    assert world.verdict_by_signal["performance"] == "no-drift"
    assert world.verdict_by_signal["concept-drift"] == "insufficient-data"  # these rows are its reference


def test_rows_before_and_after_the_reference_are_one_pass_too(world: SignalWorld) -> None:
    world.labels_arrive(1)
    world.look()  # the reference for concept drift
    for _ in range(6):
        world.serve_people(1000)
        world.clock.advance(HOUR)
    world.labels_arrive(2)
    read(world)
    world.look()  # and the rows of these seven hours are its window
    window = world.clock.now() - 7 * HOUR
    assert {count for at, count in read(world).items() if at < window} == {1}
    assert (world.newest["performance"].verdict, world.newest["concept-drift"].verdict) == ("no-drift", "no-drift")
    assert world.newest["concept-drift"].rows < world.newest["performance"].rows


def test_labels_without_a_key_are_an_error_of_each_signal_and_read_once(world: SignalWorld) -> None:
    world.labels = world.labels.rename(columns={"id": "customer"})
    world.labels_arrive(1)
    world.look()
    assert {world.verdict_by_signal[name] for name in ("performance", "concept-drift")} == {"error"}


@pytest.mark.parametrize("times_too_large", [2, 3, 6])
def test_more_than_one_look_can_read_is_thinned_by_whole_hours_and_said(
    world: SignalWorld, times_too_large: int
) -> None:
    for _ in range(12):
        world.serve_people(300)
        world.clock.advance(HOUR)
    world.data.scored_size = times_too_large * MOST_LABELLED_BYTES
    world.labels_arrive(1)
    read(world)
    world.look(timedelta(0))
    assert len(read(world)) == pytest.approx(24 / times_too_large, abs=2)
    report = world.newest["performance"]
    assert report.verdict == "no-drift"
    stored = MonitorReports(world.blobs).last(MODEL)
    assert stored is not None
    (performance,) = (signal for signal in stored.signals if signal.signal == "performance")
    assert performance.findings[-1].startswith(f"one hour in {times_too_large} was read: ")
