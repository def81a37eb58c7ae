"""What arriving labels add to the judgement of a challenger."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shared.domain.releases.outcome import Compared, QualityPlan, Totals
from shared.domain.releases.verdict import Judgement, Verdict
from shared.judge.evidence.quality import FEWEST_ROWS, log_e_of_means, log_e_of_shares
from shared.judge.evidence.streams import FALSE_PASSES, Tolerances
from shared.judge.labels.outcome_metrics import measure_of, row_values, totals
from shared.judge.labels.outcome_rows import Arm
from shared.metrics.estimates import UnusableEvidenceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


def compared(plan: QualityPlan, labels: str, challenger: Arm, champion: Arm) -> Compared:
    """Return what the labelled rows of both versions show, in the metric's own unit."""
    try:
        metric = measure_of(plan.metric, plan.better)
        arms = [totals(row_values(metric, arm)) if arm.keys else None for arm in (challenger, champion)]
    except UnusableEvidenceError as exc:
        return Compared(labels, problem=str(exc))
    return Compared(labels, arms[0], arms[1])


def with_quality(judgement: Judgement, plan: QualityPlan, comparison: Compared, tolerances: Tolerances) -> Judgement:
    """Return the judgement with the comparison of quality added.

    Worse quality fails whatever the other metrics show. Unusable labels hold. Too few labels, or nothing proven, hold
    only where the plan requires quality: late labels are neither good nor bad news.
    """
    judgement = replace(judgement, quality=comparison)
    # Holds even where quality is optional: labels that cannot be compared are a mistake that a pass would hide.
    if comparison.problem:
        return _held(judgement, f"{plan.metric} cannot be compared: {comparison.problem}")
    rows = min(arm.rows if arm else 0 for arm in (comparison.challenger, comparison.champion))
    if comparison.challenger is None or comparison.champion is None or rows < FEWEST_ROWS:
        return _held(judgement, f"{_row_counts(comparison)} rows have labels, too few to tell quality", plan.required)
    fails, passes = log_evidence(plan, comparison.challenger, comparison.champion)
    summary = _words(plan, comparison.challenger, comparison.champion)
    judgement = replace(judgement, numbers={**judgement.numbers, **_numbers(comparison, fails, passes)})
    if fails >= tolerances.enough_to_fail:
        return replace(
            judgement,
            verdict=Verdict.FAIL,
            reason=f"{summary}: quality beyond the tolerance; {judgement.reason}",
            has_data=True,
        )
    # A pass of the other metrics may turn into a hold here, never a failure of theirs into a pass.
    is_proven = passes >= math.log(1 / FALSE_PASSES)
    ending = "within the tolerance" if is_proven else "not proven within the tolerance yet"
    return _held(judgement, f"{summary}: {ending}", plan.required and not is_proven)


def log_evidence(plan: QualityPlan, challenger: Totals, champion: Totals) -> tuple[float, float]:
    """Return ln of the e-values against "within the tolerance" and "beyond it"."""
    metric = measure_of(plan.metric, plan.better)
    sign = -1.0 if metric.is_higher_better else 1.0
    if metric.name == "accuracy" or metric.base == "top":
        wrong = [(arm.rows, arm.rows * (1 - arm.mean)) for arm in (challenger, champion)]
        counts = np.array([[[*wrong[0], *wrong[1]]]], dtype=np.float64)
        paths = log_e_of_shares(counts, min(plan.worse_by_at_most, 1.0))
    else:
        arms = [np.array([[[arm.rows, sign * arm.mean, arm.variance]]]) for arm in (challenger, champion)]
        paths = log_e_of_means(arms[0], arms[1], plan.worse_by_at_most)
    return float(paths[0][0, 0]), float(paths[1][0, 0])


def _held(judgement: Judgement, sentence: str, holds: bool = True) -> Judgement:
    verdict = Verdict.INCONCLUSIVE if holds and judgement.verdict is Verdict.PASS else judgement.verdict
    return replace(judgement, verdict=verdict, reason=f"{judgement.reason}; {sentence}")


def _row_counts(comparison: Compared) -> str:
    counts = [arm.rows if arm else 0 for arm in (comparison.challenger, comparison.champion)]
    return f"{counts[0]:,} of the challenger's and {counts[1]:,} of the champion's"


def _words(plan: QualityPlan, challenger: Totals, champion: Totals) -> str:
    what = plan.metric if plan.metric != "mean" else f"the mean of {plan.labels.label}"
    return (
        f"{what} {challenger.mean:.4g} on {challenger.rows:,} labelled rows, the champion's {champion.mean:.4g} on "
        f"{champion.rows:,} (may be worse by {plan.worse_by_at_most:g})"
    )


def _numbers(comparison: Compared, fails: float, passes: float) -> dict[str, float]:
    numbers = {"quality_fail_log10_e": fails / math.log(10), "quality_pass_log10_e": passes / math.log(10)}
    for name, arm in (("quality", comparison.challenger), ("champion_quality", comparison.champion)):
        if arm:
            numbers |= {name: arm.mean, f"{name}_rows": float(arm.rows)}
    return numbers
