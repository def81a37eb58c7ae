"""The verdict at the end of an A/B test: one look at rows that were fixed beforehand, each side of it at its level.

PASS when the lower confidence bound of the gain reaches what is needed, FAIL when the upper bound does not, else
inconclusive. A version whose true gain is just short of the need passes with a chance of at most 1 − confidence.
"""

from __future__ import annotations

import math

from shared.domain.releases.outcome import AbPlan, needed_words
from shared.domain.releases.verdict import Judgement, Verdict
from shared.judge.labels.outcome_metrics import Bounds, bounds, measure_of
from shared.judge.labels.outcome_rows import Arm
from shared.metrics.catalogue import OWN, known_metric
from shared.metrics.estimates import UnusableEvidenceError

FEWEST_ROWS = 50
# Below this chance the labelled shares differ by more than sampling: rows with labels were selected differently.
LEAST_CHANCE_OF_SHARES = 0.001
# The chance that a version that is good enough passes, where a plan is checked against its traffic.
POWER = 0.8
# The standard deviation of one row, for plans, where the policy does not say: of shares of nine in ten.
_SPREADS = {"accuracy": 0.3, "top": 0.3, "precision": 0.4, "recall": 0.4, "f1": 0.4, "log_loss": 0.4, "roc_auc": 0.5}


def judge_outcome(plan: AbPlan, challenger: Arm, champion: Arm, confidence: float) -> Judgement:
    """Return whether the challenger's gain reaches the plan's.

    Args:
        confidence: of this one test; the plan's, or more where two may be taken.
    """
    shared = frozenset(challenger.keys) & frozenset(champion.keys)
    if measure_of(plan.metric, plan.better).needs == OWN:
        # The outcome of a key that both versions served cannot be attributed to one of them.
        challenger, champion = challenger.without(shared), champion.without(shared)
    try:
        _check(challenger, champion)
        gain = bounds(plan.metric, plan.better, challenger, champion, confidence)
    except UnusableEvidenceError as exc:
        numbers = {"rows": float(len(challenger.keys)), "champion_rows": float(len(champion.keys))}
        return Judgement(Verdict.INCONCLUSIVE, f"{plan.metric} cannot be compared: {exc}", False, numbers)
    return _judged(plan, gain, (len(challenger.keys), len(champion.keys)), confidence)


def detectable(plan: AbPlan, challenger: float, champion: float, spread: float | None) -> float | None:
    """Return the difference that so many rows of each version can prove; None where their spread is unknown.

    Args:
        spread: standard deviation of one row's value.
    """
    metric = known_metric(plan.metric)
    sigma = spread or _SPREADS.get(metric.base or metric.name if metric else "")
    if sigma is None:
        return None
    from scipy.special import ndtri

    confidence = confidence_of_one(plan)
    if min(challenger, champion) < FEWEST_ROWS:
        return math.inf
    return float(ndtri(confidence) + ndtri(POWER)) * sigma * math.sqrt(1 / challenger + 1 / champion)


def confidence_of_one(plan: AbPlan) -> float:
    """Return the confidence of each test: where a second one may follow, both share the chance to be wrong."""
    return plan.confidence if plan.extend_until is None else 1 - (1 - plan.confidence) / 2


def _judged(plan: AbPlan, gain: Bounds, rows: tuple[int, int], confidence: float) -> Judgement:
    verdict, ending = Verdict.INCONCLUSIVE, "neither proven nor refuted"
    if gain.low >= plan.needed_gain:
        verdict, ending = Verdict.PASS, "proven"
    elif gain.high < plan.needed_gain:
        verdict, ending = Verdict.FAIL, "refuted"
    what = plan.metric if plan.metric != "mean" else f"the mean of {plan.labels.label}"
    reason = (
        f"{what} is {gain.challenger:.4g} on {rows[0]:,} labelled rows, the champion's {gain.champion:.4g} on "
        f"{rows[1]:,}; the gain is {gain.low:+.3g} to {gain.high:+.3g} ({100 * confidence:g} % bounds): "
        f"{needed_words(plan)} is {ending}"
    )
    numbers = {
        "value": gain.challenger,
        "champion_value": gain.champion,
        "gain_low": gain.low,
        "gain_high": gain.high,
        "needed_gain": plan.needed_gain,
        "rows": float(rows[0]),
        "champion_rows": float(rows[1]),
    }
    return Judgement(verdict, reason, numbers=numbers)


def _check(challenger: Arm, champion: Arm) -> None:
    fewest = min(len(challenger.keys), len(champion.keys))
    if fewest < FEWEST_ROWS:
        raise UnusableEvidenceError(
            f"{len(challenger.keys):,} rows of the challenger and {len(champion.keys):,} of the champion have a label; "
            f"{FEWEST_ROWS} of each are needed"
        )
    if _chance_of_shares(challenger, champion) < LEAST_CHANCE_OF_SHARES:
        raise UnusableEvidenceError(
            f"labels came for {_share(challenger)} of the challenger's rows and {_share(champion)} of the champion's: "
            "which rows have one depends on the version"
        )


def _share(arm: Arm) -> str:
    return f"{100 * arm.labelled / arm.served:.1f} %"


def _chance_of_shares(challenger: Arm, champion: Arm) -> float:
    """Return the chance that the labelled shares differ so much by accident; 1 when all rows have labels, or none."""
    from scipy.special import chdtrc

    served, labelled = challenger.served + champion.served, challenger.labelled + champion.labelled
    pooled = labelled / served
    if not 0 < pooled < 1:
        return 1.0
    variance = pooled * (1 - pooled) * (1 / challenger.served + 1 / champion.served)
    gap = challenger.labelled / challenger.served - champion.labelled / champion.served
    return float(chdtrc(1, gap * gap / variance))
