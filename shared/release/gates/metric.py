"""The challenger's metric reaches a bound, proven: `{metric: roc_auc, at_least: 0.70}`.

PASS when the confidence bound of the metric is on the good side of what is required, FAIL when the opposite one is on
the bad side, else inconclusive: a lucky handful of rows proves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Self

from pydantic import field_validator, model_validator

from shared.domain.releases.verdict import GateResult, Verdict
from shared.metrics.bounds import value_bounds
from shared.metrics.estimates import UnusableEvidenceError
from shared.metrics.rows import CHALLENGER
from shared.policy.sections.measured import Measured
from shared.policy.sections.quantities import Percent
from shared.release.gates.spec import GateEvidence, GateSpec, check_confidence, unusable


class MetricGate(Measured):
    """A bound on one metric of the challenger, and how sure it must be that it is kept."""

    at_least: float | None = None
    at_most: float | None = None
    confidence: Percent = 95.0

    _is_a_confidence = field_validator("confidence")(check_confidence)

    @model_validator(mode="after")
    def _has_one_bound(self) -> Self:
        bounds = [bound for bound in (self.at_least, self.at_most) if bound is not None]
        if len(bounds) != 1 or not math.isfinite(bounds[0]):
            raise ValueError("a metric gate needs one bound; write either at_least or at_most, with a number")
        return self

    def bound_problems(self) -> Iterator[tuple[str, str]]:
        yield "", self.measure.bound_problem(self.at_least, self.at_most)


def judge(gate: MetricGate, evidence: GateEvidence) -> GateResult:
    name = title(gate)
    try:
        estimate = evidence.estimate(gate.measure, CHALLENGER)
    except UnusableEvidenceError as exc:
        return unusable(name, f"{gate.metric} cannot be judged", exc)
    low, high = value_bounds(estimate, gate.confidence / 100)
    if gate.at_least is not None:
        bound, is_met, is_missed, aim = gate.at_least, low >= gate.at_least, high < gate.at_least, "at least"
    else:
        bound = gate.at_most if gate.at_most is not None else math.nan
        is_met, is_missed, aim = high <= bound, low > bound, "at most"
    verdict = Verdict.PASS if is_met else Verdict.FAIL if is_missed else Verdict.INCONCLUSIVE
    unclear = ": too close to tell" if verdict is Verdict.INCONCLUSIVE else ""
    reason = (
        f"{gate.metric} is {estimate.value:.4g} on {estimate.rows:,} rows; {aim} {bound:g} is asked for "
        f"({gate.confidence:g} % bounds {low:.4g} to {high:.4g}{unclear})"
    )
    evidence_numbers = {"value": estimate.value, "low": low, "high": high, "bound": bound, "rows": float(estimate.rows)}
    return GateResult(name, verdict, reason, evidence_numbers)


def title(gate: MetricGate) -> str:
    return f"metric {gate.metric}"


SPEC = GateSpec("metric", MetricGate, "evaluation", judge, title)
