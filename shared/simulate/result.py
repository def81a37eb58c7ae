"""What many simulated releases came to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.domain.releases.plan import JudgePlan, ReleasePlan
from shared.domain.releases.release import ReleaseState
from shared.simulate.engine import Ended, simulate
from shared.simulate.measurements import Change
from shared.simulate.traffic import Traffic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

SAME = Change("no difference")
# A plan decides when at least so many percent of the good versions get through, and at most so many of the bad ones.
DECIDES_FROM = 80.0
MISSES_AT_MOST = 20.0
# So many times beyond the tolerance a version is plainly bad.
PLAINLY = 2.0


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """What became of the releases of challengers that differ in one way.

    Args:
        finished, rolled_back, undecided: percent of the releases; `undecided` ran into a deadline, or ended with a
            question to people.
        is_tolerated: whether the policy allows the difference, so that finishing is right.
        is_plainly_bad: whether it is so far beyond the tolerance that finishing is a failure of the plan.
        rolled_back_after: minutes of traffic until then, median; None when none was.
        promoted_after, promoted_after_p90: minutes from the first traffic to all of it; None when none got there.
        bad_requests: mean number of requests that were failed or slowed by the difference before it was over.
        promotions, roll_backs: minutes of each, ascending.
    """

    change: Change
    runs: int
    finished: float
    rolled_back: float
    undecided: float
    is_tolerated: bool
    is_plainly_bad: bool
    rolled_back_after: float | None
    promoted_after: float | None
    promoted_after_p90: float | None
    bad_requests: float
    promotions: tuple[float, ...] = ()
    roll_backs: tuple[float, ...] = ()

    @property
    def decides(self) -> bool:
        """Return whether most of the releases got through."""
        return self.finished >= DECIDES_FROM

    @property
    def is_missed(self) -> bool:
        """Return whether plainly bad versions got through too often."""
        return self.is_plainly_bad and self.finished > MISSES_AT_MOST


def changes_for(judge: JudgePlan) -> tuple[Change, ...]:
    """Return the differences that every plan is asked about, and ones well beyond its own tolerances."""
    changes = [SAME, Change("latency +10 %", latency=1.10), Change("errors +1 %", errors=0.01)]
    if judge.latency_ratio_at_most is not None:
        ratio = 1 + 2 * max(judge.latency_ratio_at_most - 1, 0.1)
        changes.append(Change(f"latency +{100 * (ratio - 1):.0f} %", latency=ratio))
    if judge.errors_worse_by_at_most is not None or judge.errors_ratio_at_most is not None:
        share = 3 * max(judge.errors_worse_by_at_most or 0.01, 0.01)
        changes.append(Change(f"errors +{100 * share:.3g} %", errors=share))
    return tuple(dict.fromkeys(changes))


def simulate_change(plan: ReleasePlan, traffic: Traffic, change: Change, runs: int, seed: int) -> SimulationResult:
    """Return what becomes of that many releases."""
    ended = simulate(plan, traffic, change, runs, seed)
    promotions = _sorted(end.promoted_after for end in ended)
    roll_backs = _sorted(end.minutes for end in ended if end.state is ReleaseState.ROLLED_BACK)
    return SimulationResult(
        change=change,
        runs=runs,
        finished=_percent(ended, ReleaseState.FINISHED),
        rolled_back=_percent(ended, ReleaseState.ROLLED_BACK),
        undecided=_percent(ended, ReleaseState.ABORTED) + _percent(ended, ReleaseState.WATCHING),
        is_tolerated=_is_tolerated(change, plan.judge, traffic),
        is_plainly_bad=is_plainly_bad(change, plan.judge),
        rolled_back_after=_quantile(roll_backs, 0.5),
        promoted_after=_quantile(promotions, 0.5),
        promoted_after_p90=_quantile(promotions, 0.9),
        bad_requests=_bad_share(change) * float(np.mean([end.requests for end in ended])),
        promotions=promotions,
        roll_backs=roll_backs,
    )


def _is_tolerated(change: Change, judge: JudgePlan, traffic: Traffic) -> bool:
    latency, share, ratio = judge.latency_ratio_at_most, judge.errors_worse_by_at_most, judge.errors_ratio_at_most
    if latency is not None and change.latency > latency:
        return False
    if ratio is not None:
        return traffic.errors + change.errors <= ratio * traffic.errors
    return share is None or change.errors <= share


def is_plainly_bad(change: Change, judge: JudgePlan) -> bool:
    """Return whether the change is so far beyond the tolerance that it must not get through."""
    latency, share = judge.latency_ratio_at_most, judge.errors_worse_by_at_most
    is_slow = latency is not None and change.latency - 1 >= PLAINLY * max(latency - 1, 0.1)
    return is_slow or (share is not None and change.errors >= PLAINLY * max(share, 0.01))


def _bad_share(change: Change) -> float:
    return 1.0 if change.latency > 1 else change.errors


def _percent(ended: Sequence[Ended], state: ReleaseState) -> float:
    return 100 * sum(end.state is state for end in ended) / len(ended)


def _sorted(minutes: Iterable[float | None]) -> tuple[float, ...]:
    return tuple(sorted(value for value in minutes if value is not None))


def _quantile(values: Sequence[float], share: float) -> float | None:
    return float(np.quantile(values, share)) if values else None
