"""Whole releases of a plainly broken version beside little traffic: how many finish without an approval.

They go through the release's own steps and judge, as in `vigia simulate`. The rivals' rules look at the same watch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.rivals import rules
from benchmarks.rivals.streams import REQUEST_SPREAD, Streams
from shared.domain.releases.plan import ApprovalPlan, DeploymentPlan, JudgePlan, ReleasePlan
from shared.domain.releases.release import ReleaseState
from shared.simulate.engine import simulate
from shared.simulate.measurements import Change
from shared.simulate.traffic import constant

if TYPE_CHECKING:
    from numpy.typing import NDArray

MINUTE = timedelta(minutes=1)
WATCH = 30
RATES = (2, 5, 10, 20, 60)
BROKEN, GOOD = Change("half of its requests fail", errors=0.5), Change("no difference")
STRATEGIES: Mapping[str, tuple[int, ...]] = {"at_once": (100,), "canary": (10, 50, 100)}
RULES: Mapping[str, tuple[str, rules.Rule]] = {
    "argo": ("Argo, failureLimit 3", rules.argo),
    "cloudwatch": ("alarm 3 of 3", rules.cloudwatch),
    "kayenta": ("Kayenta each minute", rules.kayenta),
}


@dataclass(frozen=True, slots=True)
class Ends:
    """Percent of the releases that ended so: finished without an approval, taken back, or with a question to people."""

    finished: float
    taken_back: float
    asking: float


def plan_of(strategy: str) -> ReleasePlan:
    return ReleasePlan(
        policy_digest="",
        evaluation=None,
        gates=(),
        approval=ApprovalPlan("never", (), 1, timedelta(hours=24), submitter_may_approve=False),
        steps=STRATEGIES[strategy],
        bake=15 * MINUTE,
        decide_within=60 * MINUTE,
        watch_for=WATCH * MINUTE,
        judge=JudgePlan(0.01, 1.25, 0.01, "hold", MINUTE, latency_warm_up=10 * MINUTE),
        deployment=DeploymentPlan(),
        holdback=10,
        on_undecided="ask",
    )


def ends(strategy: str, change: Change, per_minute: float, releases: int, seed: int) -> Ends:
    ended = simulate(plan_of(strategy), constant(per_minute), change, releases, seed)
    finished = sum(release.state is ReleaseState.FINISHED for release in ended)
    watching = sum(release.state is ReleaseState.WATCHING for release in ended)
    return Ends(*(100 * count / releases for count in (finished, releases - finished - watching, watching)))


def passed_by_rivals(per_minute: float, releases: int, seed: int) -> dict[str, float]:
    """Return in what percent of the watches each rival's rule never fails the broken version."""
    random, shape = np.random.default_rng(seed), (releases, WATCH)

    def arm(rate: float, share: float) -> tuple[NDArray[np.float64], ...]:
        requests = np.maximum(random.poisson(rate, shape), 1)
        errors = random.binomial(requests, share)
        return requests.astype(float), errors.astype(float), random.normal(4.5, REQUEST_SPREAD / np.sqrt(requests))

    (n_c, k_c, slow_c), (n_b, k_b, slow_b) = arm(0.9 * per_minute, 0.5), arm(0.1 * per_minute, 0.002)
    streams = Streams(n_c, k_c, n_b, k_b, slow_c, slow_b)
    return {name: 100 * float(np.isinf(rule(streams)).mean()) for name, (_, rule) in RULES.items()}
