"""The policy's part `rollout.judge.quality`: how good the answers are, once their labels arrive."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from shared.domain.releases.outcome import LabelSource, QualityPlan
from shared.release.sections.labels import LabelledMetric, labels_problems


class Quality(LabelledMetric):
    """How much worse the answers may be, by a metric that every row has a value of; in the metric's own unit."""

    worse_by_at_most: float = Field(ge=0)
    required: bool = False


def quality_problems(quality: Quality) -> Iterator[tuple[str, str]]:
    if not quality.measure.is_of_rows:
        remedy = "write accuracy, log_loss, brier, top_3_accuracy, mae, mse, pinball_90, mean, or one of your own"
        yield "judge.quality.metric", f"{quality.metric} is of many rows together, not of each; {remedy}"
    if problem := quality.measure.change_problem(quality.worse_by_at_most):
        yield "judge.quality.worse_by_at_most", problem
    for path, problem in labels_problems(quality.labels):
        yield f"judge.quality.{path}", problem


def quality_plan(quality: Quality) -> QualityPlan:
    return QualityPlan(
        metric=quality.metric,
        labels=LabelSource(quality.labels, quality.key, quality.label, quality.labels_within),
        worse_by_at_most=quality.worse_by_at_most,
        required=quality.required,
        better=quality.better or "higher",
    )
