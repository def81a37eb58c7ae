"""Whole releases through the reconciler: what both versions suffer at once, and ends that nothing proves."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.ids import DeploymentName, ReleaseId
from shared.domain.releases.measurement import Interval
from shared.domain.releases.release import Release, ReleaseState
from shared.release.core.judgements import serves_unproven
from tests.unit.engine.release_world import ENDPOINT, MINUTE, World

AT_ONCE: dict[str, Any] = {"strategy": "all-at-once", "steps": (100,)}
SWITCHED: dict[str, Any] = {"strategy": "blue-green", "steps": (100,)}


class Town(World):
    """A world whose endpoint gets so many requests a minute, and in which both versions may have trouble at once."""

    def __init__(self, per_minute: float = 600) -> None:
        super().__init__()
        self.per_minute, self.shared_errors, self.shared_slowdown = per_minute, 0.0, 1.0
        # Within so long traffic falls to a tenth and rises again, and latency with it.
        self.rhythm, self.began = timedelta(0), self.clock.now()

    def _measure(self) -> None:
        if self._into_minute():
            return
        turns = (self.clock.now() - self.began) / self.rhythm if self.rhythm else 0.25
        busy = 0.55 + 0.45 * math.sin(2 * math.pi * turns)
        load = math.log(80 * self.shared_slowdown) + math.log(busy) / 2
        for name, share in self.traffic.items():
            requests = int(self.random.poisson(self.per_minute * busy * share / 100))
            failing = min(1.0, self.error_share.get(name, 0.0) + self.shared_errors)
            latency = load + math.log(self.slowdown.get(name, 1.0)) + float(self.random.normal(0, 0.03))
            if requests:
                errors = int(self.random.binomial(requests, failing))
                self.telemetry.record(
                    ENDPOINT, Interval(DeploymentName(name), self.clock.now(), requests, errors, latency)
                )

    def watched(self, **plan: Any) -> ReleaseId:
        release = self.open(**plan)
        self.run(until=lambda: self.release(release).state is ReleaseState.WATCHING)
        return release

    def release_after(self, release: ReleaseId, minutes: int) -> Release:
        self.run(longest=minutes * MINUTE)
        return self.release(release)


@pytest.mark.parametrize("holdback", [5, 0])
@pytest.mark.parametrize(
    ("errors", "slowdown"),
    [pytest.param(0.6, 1.0, id="outage"), pytest.param(0.0, 1.8, id="slowdown"), pytest.param(0.15, 1.3, id="both")],
)
def test_what_both_versions_suffer_while_watching_takes_nothing_back(
    holdback: int, errors: float, slowdown: float
) -> None:
    town = Town()
    release = town.watched(holdback=holdback, watch_for=timedelta(hours=1))
    town.release_after(release, 10)
    town.shared_errors, town.shared_slowdown = errors, slowdown

    updated = town.release_after(release, 45)

    assert (updated.state, town.traffic["v-2"]) == (ReleaseState.WATCHING, 100 - holdback)


@pytest.mark.parametrize("hours", [2, 4, 8])
def test_the_rhythm_of_the_day_takes_nothing_back_while_the_champion_keeps_a_share(hours: int) -> None:
    town = Town()
    release = town.watched(holdback=5)
    town.rhythm = timedelta(hours=hours)
    ended = town.release_after(release, 150)
    assert (ended.state, ended.has_passed) == (ReleaseState.FINISHED, True)


def test_an_outage_of_both_calls_people_and_takes_nothing_back_after_it_either() -> None:
    town = Town()
    release = town.watched(watch_for=timedelta(minutes=40))
    town.shared_errors = 0.6
    assert town.release_after(release, 8).held_because
    assert "release-held" in town.outbox.kinds
    town.shared_errors = 0.0
    assert town.release_after(release, 60).state in {ReleaseState.FINISHED, ReleaseState.WATCHING}
    assert town.traffic["v-2"] >= 95


def test_what_only_the_new_version_suffers_is_taken_back() -> None:
    town = Town()
    release = town.watched(watch_for=timedelta(hours=2))
    town.error_share["v-2"] = 0.2
    assert town.release_after(release, 60).state is ReleaseState.ROLLED_BACK
    assert town.traffic == {"v-1": 100}


@pytest.mark.parametrize("plan", [AT_ONCE, SWITCHED], ids=["all_at_once", "blue_green"])
@pytest.mark.parametrize("per_minute", [2, 20])
def test_a_version_that_fails_half_its_requests_never_finishes(plan: dict[str, Any], per_minute: int) -> None:
    town = Town(per_minute)
    town.error_share["v-2"] = 0.5
    release = town.watched(**plan, holdback=10, watch_for=timedelta(minutes=30))

    updated = town.release_after(release, 40)

    if updated.state is ReleaseState.WATCHING:
        assert updated.held_because
        assert "release-held" in town.outbox.kinds
        updated = town.release_after(release, 26 * 60)
    assert updated.state in {ReleaseState.ROLLED_BACK, ReleaseState.ABORTED}
    assert town.traffic == {"v-1": 100}


@pytest.mark.parametrize("plan", [AT_ONCE, SWITCHED], ids=["all_at_once", "blue_green"])
def test_a_few_requests_prove_nothing_and_people_are_asked(plan: dict[str, Any]) -> None:
    town = Town(per_minute=0.2)
    release = town.watched(**plan, watch_for=timedelta(minutes=30))

    updated = town.release_after(release, 35)

    assert (updated.state, updated.phase) == (ReleaseState.WATCHING, "asking")
    assert "not proven" in updated.held_because
    town.desk.request_promotion(release, updated.step_index, "ana@example.com", "it is a demo")
    promoted = town.release_after(release, 5)
    assert promoted.state is ReleaseState.FINISHED
    assert serves_unproven(promoted)


def test_traffic_does_not_go_back_to_a_champion_that_fails() -> None:
    town = Town()
    town.error_share["v-1"] = 0.64
    town.slowdown["v-2"] = 3.0
    town.error_share["v-2"] = 0.9
    release = town.open()
    town.run(until=lambda: town.release(release).phase == "baking")

    updated = town.release_after(release, 39)

    assert (updated.state, town.traffic) == (ReleaseState.CANARY, {"v-1": 90, "v-2": 10})
    assert "champion" in updated.held_because
    assert "release-held" in town.outbox.kinds
    # The deadline passes, and it still holds; people are called again.
    later = town.release_after(release, 45)
    assert later.state is ReleaseState.CANARY
    assert town.outbox.kinds.count("release-held") >= 2


def test_an_alert_on_a_failing_endpoint_moves_nothing_to_the_failing_champion_but_a_person_may() -> None:
    town = Town()
    town.error_share["v-1"] = town.error_share["v-2"] = 0.5
    release = town.open()
    town.run(until=lambda: town.release(release).phase == "baking")
    town.release_after(release, 10)
    town.desk.request_abort(release, "alert errors", "half of the requests fail", is_automatic=True)
    assert town.release_after(release, 5).state is ReleaseState.CANARY

    town.desk.request_abort(release, "ana@example.com", "I know")
    ended = town.release_after(release, 5)
    assert ended.state is ReleaseState.ABORTED
    assert "the champion is in trouble" in ended.reason
