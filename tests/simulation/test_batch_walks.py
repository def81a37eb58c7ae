"""Random walks of releases on batch endpoints: whatever is observed, these things hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest

from shared.domain.ids import DeploymentName, JobName, ModelVersion
from shared.domain.releases.batch import BatchPlan, BatchResources, BatchTolerances
from shared.domain.releases.release import Release, ReleaseState, Serving, Undo
from shared.domain.releases.verdict import Judgement, Verdict
from shared.ports.jobs import JobRecord
from shared.release.advance import advance
from shared.release.core.actions import ScoreBatch, SendProbes, SetMirror, SetTraffic
from shared.release.core.observation import Observation
from shared.release.core.transitions import ReleaseUpdate, go_on, move
from shared.release.states import batch
from shared.release.states.batch import COMPARE_STEP, begin_comparing
from tests.fakes.releases import NOW, a_plan, a_release
from tests.simulation.test_release_walks import (
    ENDPOINT,
    LONG_WALKS,
    V1,
    V2,
    VERDICTS,
    WALKS,
    _check_memory,
    _check_terminal,
    is_one_in,
    later,
    observe,
    walk_all,
)

PLAN = BatchPlan("azureml:s@latest", BatchResources("c"), BatchTolerances(changed_at_most=0.02))
DEFAULTS = [{V1: 100}, {V1: 100}, {V2: 100}, {DeploymentName("v-9"): 100}, {}]
STATUSES = [None, "Running", "Completed", "Completed", "Completed", "Failed", "Canceled"]
SWAPPED = {ReleaseState.CANARY, ReleaseState.WATCHING, ReleaseState.ROLLING_BACK}


def observe_batch(chance: Random, release: Release, written: SetTraffic | None) -> Observation:
    observation = observe(chance, release, written)
    statuses_by_name = {name: chance.choice(STATUSES) for name in (V1, V2)}
    if observation.endpoint is not None:
        traffic = dict(written.traffic) if written and not is_one_in(chance, 4) else chance.choice(DEFAULTS)
        observation = replace(observation, endpoint=replace(observation.endpoint, traffic=traffic, mirror_traffic={}))
    return replace(
        observation,
        sample=chance.choice(["", "azureml:s:7"]),
        problem="the workspace has no data asset",
        scored={
            name: JobRecord(JobName(f"job-{name}"), status, {}, "")
            for name, status in statuses_by_name.items()
            if status
        },
        judgement=None if is_one_in(chance, 5) else Judgement(chance.choice(VERDICTS), "compared"),
    )


def _start(chance: Random) -> Release:
    """Return a release at its beginning, or where it compares, or about to swap: few walks come so far."""
    plan = a_plan(
        strategy="batch",
        steps=(100,),
        batch=PLAN,
        on_hand_edit=chance.choice(["hold", "repair"]),
        on_new_version=chance.choice(["queue", "replace", "refuse"]),
    )
    release = a_release(plan=plan)
    if is_one_in(chance, 5):
        release = replace(release, undo=Undo("ana", "because", NOW))
    state = chance.choice([ReleaseState.OPENED, ReleaseState.COMPARING, ReleaseState.CANARY])
    if state is ReleaseState.OPENED:
        return release
    up = replace(release, champion=Serving(V1, ModelVersion("1")))
    up = begin_comparing(move(up, ReleaseState.DEPLOYING, "to begin with", NOW), "it is up", NOW)
    if state is ReleaseState.COMPARING:
        return up
    return replace(move(up, ReleaseState.CANARY, "to begin with", NOW), phase="shifting", step_index=0)


def walk(chance: Random) -> None:
    release, now = _start(chance), NOW
    written: SetTraffic | None = SetTraffic(ENDPOINT, {V1: 100})
    for _ in range(50):
        observation = observe_batch(chance, release, written)
        update = advance(release, observation, now)
        check(release, observation, update)
        _check_terminal(release, update.release)
        _check_memory(release, update.release)
        written = next((action for action in update.actions if isinstance(action, SetTraffic)), written)
        release = replace(update.release, posted=len(update.release.notices))
        now = later(chance, now, update)
        if release.is_settled:
            return


def test_a_release_on_a_batch_endpoint_keeps_its_promises_whatever_it_sees(is_long: bool) -> None:
    walk_all(walk, LONG_WALKS if is_long else WALKS)


def check(release: Release, observation: Observation, update: ReleaseUpdate) -> None:
    for action in update.actions:
        assert not isinstance(action, SetMirror | SendProbes)
        if isinstance(action, SetTraffic):
            _check_swap(release, action)
        if isinstance(action, ScoreBatch):
            _check_scoring(release, observation, action)
    if release.state is ReleaseState.COMPARING:
        _check_comparison(release, observation, update.release)


def _check_swap(release: Release, action: SetTraffic) -> None:
    """There is one default, and it is the challenger only once the comparison is over."""
    deployments = {release.challenger.deployment} | ({release.champion.deployment} if release.champion else set())
    assert list(action.traffic.values()) == [100]
    assert set(action.traffic) <= deployments
    if release.challenger.deployment in action.traffic:
        assert release.state in SWAPPED - {ReleaseState.ROLLING_BACK}
    else:
        # Putting back what a person changed, or rolling back.
        assert release.state in {ReleaseState.COMPARING, ReleaseState.ROLLING_BACK}


def _check_scoring(release: Release, observation: Observation, action: ScoreBatch) -> None:
    """Both score the version of the batch that was noted, into files of their own; nobody scores it again."""
    assert release.state is ReleaseState.COMPARING
    assert action.request.data == release.sample != ""
    assert action.request.deployment not in observation.scored
    assert action.request.output.endswith(f"-{action.request.deployment}/predictions.csv")


def _check_comparison(release: Release, observation: Observation, updated: Release) -> None:
    """What ends the comparison well: a pass after both have scored, or a person; nothing after a failure."""
    assert updated.traffic_steps == release.traffic_steps
    if updated.state is not ReleaseState.CANARY:
        return
    both = [observation.scored.get(name) for name in (V1, V2)]
    have_scored = all(job is not None and job.has_succeeded for job in both)
    verdict = observation.judgement.verdict if observation.judgement and have_scored else Verdict.INCONCLUSIVE
    request = observation.request
    promotes = request is not None and request.kind == "promote" and request.step == COMPARE_STEP
    assert verdict is Verdict.PASS or (promotes and verdict is not Verdict.FAIL)
    assert not (request and request.kind in {"hold", "abort"})
    assert observation.traffic == release.traffic_at(COMPARE_STEP)
    assert release.sample


def test_a_comparison_that_nobody_hinders_ends_by_its_deadline() -> None:
    release = begin_comparing(replace(a_release(plan=a_plan(batch=PLAN)), champion=Serving(V1, None)), "up", NOW)
    update = advance(release, Observation(), NOW + release.plan.decide_within + timedelta(seconds=1))
    assert update.release.state.is_terminal


def test_the_walks_find_a_comparison_that_passes_what_is_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    def bold(release: Release, judgement: Judgement, observation: Observation, now: datetime) -> ReleaseUpdate:
        return go_on(batch.begin_swap(release, judgement.reason, now), now)

    monkeypatch.setattr(batch, "_decide", bold)
    with pytest.raises(AssertionError):  # four walks in a thousand come past the place
        walk_all(walk, LONG_WALKS)
