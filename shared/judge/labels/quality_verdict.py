"""What arriving labels add to the judgement of a challenger."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shared.domain.outcome import Compared, QualityPlan, Totals, is_higher_better
from shared.domain.verdict import Judgement, Verdict
from shared.judge.evidence.quality import FEWEST_ROWS, log_e_of_means, log_e_of_shares
from shared.judge.evidence.streams import FALSE_PASSES, Tolerances
from shared.judge.labels.outcome_metrics import row_values, totals
from shared.judge.labels.outcome_rows import Arm, UnusableOutcomeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


def compared(plan: QualityPlan, labels: str, challenger: Arm, champion: Arm) -> Compared:
    """Return what the labelled rows of both versions show, in the metric's own unit."""
    try:
        found = [totals(row_values(plan.metric, arm)) if arm.keys else None for arm in (challenger, champion)]
    except UnusableOutcomeError as exc:
        return Compared(labels, problem=str(exc))
    return Compared(labels, found[0], found[1])


def with_quality(judgement: Judgement, plan: QualityPlan, found: Compared, tolerances: Tolerances) -> Judgement:
    """Return the judgement with what is known of quality.

    Worse quality fails whatever else is known. Unusable labels hold. Too few labels, or nothing proven, hold only
    where the plan requires quality: labels that come late are no news.
    """
    judgement = replace(judgement, quality=found)
    if found.problem:
        return _held(judgement, f"{plan.metric} cannot be compared: {found.problem}")
    rows = min(each.rows if each else 0 for each in (found.challenger, found.champion))
    if found.challenger is None or found.champion is None or rows < FEWEST_ROWS:
        return _held(judgement, f"{_known(found)} rows have labels, too few to tell quality", plan.required)
    fails, passes = log_evidence(plan, found.challenger, found.champion)
    said = _words(plan, found.challenger, found.champion)
    judgement = replace(judgement, numbers={**judgement.numbers, **_numbers(found, fails, passes)})
    if fails >= tolerances.enough_to_fail:
        return replace(
            judgement,
            verdict=Verdict.FAIL,
            reason=f"{said}: quality beyond the tolerance; {judgement.reason}",
            has_data=True,
        )
    is_proven = passes >= math.log(1 / FALSE_PASSES)
    ending = "within the tolerance" if is_proven else "not proven within the tolerance yet"
    return _held(judgement, f"{said}: {ending}", plan.required and not is_proven)


def log_evidence(plan: QualityPlan, challenger: Totals, champion: Totals) -> tuple[float, float]:
    """Return ln of the e-values against "within the tolerance" and "beyond it"."""
    sign = -1.0 if is_higher_better(plan.metric, plan.better) else 1.0
    if plan.metric == "accuracy":
        wrong = [(each.rows, each.rows * (1 - each.mean)) for each in (challenger, champion)]
        counts = np.array([[[*wrong[0], *wrong[1]]]], dtype=np.float64)
        paths = log_e_of_shares(counts, min(plan.worse_by_at_most, 1.0))
    else:
        arms = [np.array([[[each.rows, sign * each.mean, each.variance]]]) for each in (challenger, champion)]
        paths = log_e_of_means(arms[0], arms[1], plan.worse_by_at_most)
    return float(paths[0][0, 0]), float(paths[1][0, 0])


def _held(judgement: Judgement, said: str, holds: bool = True) -> Judgement:
    verdict = Verdict.INCONCLUSIVE if holds and judgement.verdict is Verdict.PASS else judgement.verdict
    return replace(judgement, verdict=verdict, reason=f"{judgement.reason}; {said}")


def _known(found: Compared) -> str:
    counts = [each.rows if each else 0 for each in (found.challenger, found.champion)]
    return f"{counts[0]:,} of the challenger's and {counts[1]:,} of the champion's"


def _words(plan: QualityPlan, challenger: Totals, champion: Totals) -> str:
    what = plan.metric if plan.metric != "mean" else f"the mean of {plan.labels.label}"
    return (
        f"{what} {challenger.mean:.4g} on {challenger.rows:,} labelled rows, the champion's {champion.mean:.4g} on "
        f"{champion.rows:,} (may be worse by {plan.worse_by_at_most:g})"
    )


def _numbers(found: Compared, fails: float, passes: float) -> dict[str, float]:
    numbers = {"quality_fail_log10_e": fails / math.log(10), "quality_pass_log10_e": passes / math.log(10)}
    for name, each in (("quality", found.challenger), ("champion_quality", found.champion)):
        if each:
            numbers |= {name: each.mean, f"{name}_rows": float(each.rows)}
    return numbers
