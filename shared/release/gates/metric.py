"""The challenger's metric reaches a bound: `{metric: roc_auc, at_least: 0.70}`."""

from __future__ import annotations

import math
from typing import Self

from pydantic import field_validator, model_validator

from shared.domain.verdict import GateResult, Verdict
from shared.policy.section import Section
from shared.release.gates.spec import GateEvidence, GateSpec
from shared.release.gates.table import CHALLENGER, LABEL, UnusableEvidenceError, check_metric, measured, numbers


class MetricGate(Section):
    """A bound on one metric of the challenger."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None

    _known = field_validator("metric")(check_metric)

    @model_validator(mode="after")
    def _has_one_bound(self) -> Self:
        bounds = [bound for bound in (self.at_least, self.at_most) if bound is not None]
        if len(bounds) != 1 or not math.isfinite(bounds[0]):
            raise ValueError("a metric gate needs one bound; write either at_least or at_most, with a number")
        return self


def judge(gate: MetricGate, evidence: GateEvidence) -> GateResult:
    name = title(gate)
    try:
        labels, scores = numbers(evidence.scores, LABEL, CHALLENGER)
        value = measured(gate.metric, labels, scores)
    except UnusableEvidenceError as exc:
        return GateResult(name, Verdict.INCONCLUSIVE, f"{gate.metric} cannot be judged: {exc}")
    if gate.at_least is not None:
        bound, is_met, wanted = gate.at_least, value >= gate.at_least, "at least"
    else:
        bound = gate.at_most if gate.at_most is not None else math.nan
        is_met, wanted = value <= bound, "at most"
    reason = f"{gate.metric} is {value:.4g} on {len(labels):,} rows; {wanted} {bound:g} is asked for"
    verdict = Verdict.PASS if is_met else Verdict.FAIL
    return GateResult(name, verdict, reason, {"value": value, "bound": bound, "rows": float(len(labels))})


def title(gate: MetricGate) -> str:
    return f"metric {gate.metric}"


SPEC = GateSpec("metric", MetricGate, "evaluation", judge, title)
