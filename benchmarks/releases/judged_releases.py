"""Whole releases through the function that the app calls, beside the rivals' rules.

The looks of many releases are found at once, by what `vigia simulate` calls. Each look that would fail a release is
then taken by `judged`, over the Telemetry port and with rows that arrive late: its word is the one that counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.rivals import rules
from benchmarks.rivals.releases import (
    CHALLENGER,
    CHAMPION,
    MINUTE,
    START,
    Day,
    RecordedTelemetry,
    Stage,
    recorded_intervals,
    stages,
)
from shared.domain.ids import EndpointName, FactKey, ModelName, ModelVersion
from shared.domain.releases.plan import ApprovalPlan, DeploymentPlan, JudgePlan, ReleasePlan
from shared.domain.releases.release import Release, ReleaseState, Serving
from shared.domain.releases.verdict import Judgement, Verdict
from shared.engine.releases.judge import judged
from shared.judge.evidence.streams import Tolerances, tolerances_of
from shared.release.open_release import Opening, new_release
from shared.simulate.measurements import look

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Tight tolerances: at the policy's own, 1.25 times and 1 point, there is less to find.
JUDGE = JudgePlan(0.005, 1.10, 0.01, "hold", MINUTE, latency_warm_up=10 * MINUTE)
DELAY = 3 * MINUTE
RULES: Mapping[str, rules.Rule] = {"kayenta": rules.kayenta, "argo": rules.argo, "naive": rules.naive}
# Of the looks that would fail a release: the first ones, and then some.
MOST_LOOKS, EVERY = 2, 40


def release_of(stage: Stage) -> Release:
    """Return a release at this stage, since `START`."""
    state = ReleaseState.WATCHING if stage.is_watch else ReleaseState.CANARY
    return replace(release_at_first_step(JUDGE, stage.measured.requests.shape[1]), state=state, step_index=stage.number)


def release_at_first_step(judge: JudgePlan, minutes: int) -> Release:
    """Return a release with its first traffic, since `START`, that is looked at for so many minutes in each stage."""
    plan = ReleasePlan(
        policy_digest="",
        evaluation=None,
        gates=(),
        approval=ApprovalPlan("never", (), 1, timedelta(hours=24), submitter_may_approve=False),
        steps=(10, 50, 100),
        bake=15 * MINUTE,
        decide_within=minutes * MINUTE,
        watch_for=minutes * MINUTE,
        judge=judge,
        deployment=DeploymentPlan(),
        holdback=5,
    )
    version = ModelVersion("2")
    opening = Opening(ModelName("model"), version, EndpointName("endpoint"), FactKey("benchmark"), None, "benchmark")
    return replace(
        new_release(opening, plan, START),
        champion=Serving(CHAMPION, None),
        challenger=Serving(CHALLENGER, version),
        state=ReleaseState.CANARY,
        step_index=0,
        traffic_since=START,
    )


def tolerances(stage: Stage) -> Tolerances:
    return tolerances_of(JUDGE, stage.measured.requests.shape[1], release_of(stage).budget)


def judged_at(stage: Stage, row: int, minute: int, delay: timedelta = DELAY) -> Judgement:
    """Return the app's judgement of one release when so many minutes have arrived."""
    now = START + minute * MINUTE + delay
    telemetry = RecordedTelemetry(recorded_intervals(stage, row), now, delay)
    judgement = judged(telemetry, None, release_of(stage), START, timedelta(0), now)
    assert judgement
    return judgement


def rolled_back(day: Day, releases: int, seed: int) -> dict[str, float]:
    """Return the percent of the releases that each rule rolls back, ours first."""
    random = np.random.default_rng(seed)
    batch = stages(day, releases, random)
    back = {"ours": 100 * float(np.logical_or.reduce([_ours(stage) for stage in batch]).mean())}
    for name, rule in RULES.items():
        few = [_first(stage, releases // 4) for stage in batch]
        fails = [np.isfinite(rule(stage.streams)) for stage in few]
        back[name] = 100 * float(np.logical_or.reduce(fails).mean())
    return back


def _ours(stage: Stage) -> NDArray[np.bool_]:
    fails = look(stage.measured, tolerances(stage), JUDGE.errors_at_most).verdicts < 0
    back = np.zeros(len(fails), dtype=bool)
    for row in np.flatnonzero(fails.any(axis=1)):
        back[row] = any(_goes_back(judged_at(stage, int(row), minute)) for minute in _taken(fails[row]))
    return back


def _goes_back(judgement: Judgement) -> bool:
    """Return whether a release goes back: never to a champion that is sick itself."""
    return judgement.verdict is Verdict.FAIL and not judgement.champion_is_sick


def _taken(fails: NDArray[np.bool_]) -> Iterator[int]:
    minutes = np.flatnonzero(fails) + 1
    yield from map(int, [*minutes[:MOST_LOOKS], *minutes[MOST_LOOKS::EVERY], minutes[-1]])


def _first(stage: Stage, releases: int) -> Stage:
    streams = stage.streams
    few = type(streams)(*(getattr(streams, name)[:releases] for name in type(streams).__slots__))
    return replace(stage, streams=few)


def agreement(days: Sequence[Day], seed: int) -> float:
    """Return the percent of looks, at one release a stage, at which `judged` says what was found for all at once."""
    same = total = 0
    words = {-1: Verdict.FAIL, 0: Verdict.INCONCLUSIVE, 1: Verdict.PASS}
    for day in days:
        for stage in stages(day, 1, np.random.default_rng(seed)):
            minutes = stage.measured.requests.shape[1]
            verdicts = look(stage.measured, tolerances(stage), JUDGE.errors_at_most).verdicts[0]
            for minute in range(1, minutes + 1):
                judgement = judged_at(stage, 0, minute)
                # That the champion is sick, too, is for the app to see.
                same += judgement.verdict is words[int(verdicts[minute - 1])] or judgement.champion_is_sick
                total += 1
    return 100 * same / total
