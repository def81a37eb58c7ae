"""The policy's part `rollout.judge.quality`: how good the answers are, once their labels arrive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from shared.domain.releases.outcome import Better, LabelSource, QualityPlan, RowMetric
from shared.policy.sections.quantities import AssetRef, Duration
from shared.policy.sections.section import Section
from shared.release.sections.labels import amount_problem, better_problems, labels_problems


class Quality(Section):
    """How much worse the answers may be, by a metric that every row has a value of; in the metric's own unit."""

    metric: RowMetric
    labels: AssetRef
    key: str = "row_id"
    label: str = "label"
    worse_by_at_most: float = Field(ge=0)
    better: Better | None = None
    labels_within: Duration = timedelta(0)
    required: bool = False


def quality_problems(quality: Quality) -> Iterator[tuple[str, str]]:
    if problem := amount_problem(quality.metric, quality.worse_by_at_most):
        yield "judge.quality.worse_by_at_most", problem
    for path, problem in (*labels_problems(quality.labels), *better_problems(quality.metric, quality.better)):
        yield f"judge.quality.{path}", problem


def quality_plan(quality: Quality) -> QualityPlan:
    return QualityPlan(
        metric=quality.metric,
        labels=LabelSource(quality.labels, quality.key, quality.label, quality.labels_within),
        worse_by_at_most=quality.worse_by_at_most,
        required=quality.required,
        better=quality.better or "higher",
    )
