"""The model is not much better on its own training rows: `{overfitting: {metric: roc_auc, gap_at_most: 0.05}}`.

Both figures are those that the training recorded: tags of the model version, or of the job that made it, or metrics
that this job logged with MLflow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Self

from pydantic import Field, model_validator

from shared.domain.releases.verdict import GateResult, Verdict
from shared.policy.sections.measured import Measured
from shared.release.gates.spec import GateEvidence, GateSpec, Lineage


class Overfitting(Measured):
    """How much worse a metric may be on validation rows than on training rows, in the metric's unit."""

    gap_at_most: float = Field(ge=0)
    train: str = ""
    validation: str = ""

    def bound_problems(self) -> Iterator[tuple[str, str]]:
        yield "gap_at_most", self.measure.change_problem(self.gap_at_most)

    @model_validator(mode="after")
    def _has_two_tags(self) -> Self:
        if self.train and self.train == self.validation:
            raise ValueError(f"train and validation name one tag, {self.train}; write two different ones")
        return self


def judge(gate: Overfitting, evidence: GateEvidence) -> GateResult:
    name = title(gate)
    tags = gate.train or f"train_{gate.metric}", gate.validation or f"validation_{gate.metric}"
    train, validation = (_recorded(evidence.lineage, tag) for tag in tags)
    if train is None or validation is None:
        lacking = " and ".join(tag for tag, value in zip(tags, (train, validation), strict=True) if value is None)
        reason = (
            f"neither the model version nor its training job has a tag, or a logged metric, {lacking} with a number; "
            "write it in training"
        )
        return GateResult(name, Verdict.INCONCLUSIVE, reason)
    gap = train - validation if gate.measure.is_higher_better else validation - train
    verdict = Verdict.PASS if gap <= gate.gap_at_most else Verdict.FAIL
    reason = (
        f"{gate.metric} is {train:.4g} on training rows and {validation:.4g} on validation rows, a gap of {gap:.4g}; "
        f"at most {gate.gap_at_most:g} is asked for"
    )
    return GateResult(name, verdict, reason, {"train": train, "validation": validation, "gap": gap})


def _recorded(lineage: Lineage, tag: str) -> float | None:
    model, job = lineage.model, lineage.job
    for tags in (model.tags if model else {}, job.tags if job else {}, job.metrics if job else {}):
        try:
            value = float(tags[tag])
        except (KeyError, ValueError):
            continue
        if math.isfinite(value):
            return value
    return None


def title(gate: Overfitting) -> str:
    return f"overfitting {gate.metric}"


SPEC = GateSpec("overfitting", Overfitting, "model", judge, title)
