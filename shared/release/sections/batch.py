"""The policy's part `rollout.batch`: how a batch endpoint's versions are deployed and compared."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from shared.domain.releases.batch import BatchPlan, BatchResources, BatchTolerances, PredictionLayout
from shared.policy.sections.quantities import AssetRef, Duration, Percent
from shared.policy.sections.section import Section

DECIDE_WITHIN = timedelta(hours=24)


class Classes(Section):
    """How many rows may change class; `threshold` makes classes of scores."""

    changed_at_most: Percent
    threshold: float | None = None


class Mean(Section):
    """How far the mean prediction may move, up or down, in the predictions' own unit."""

    shift_at_most: float = Field(gt=0)


class Predictions(Section):
    """How the file of predictions is to be read; the defaults are those of MLflow models over tables."""

    columns: tuple[str, ...] = ("row", "prediction", "file")
    key: tuple[str, ...] = ("file", "row")
    prediction: str = "prediction"
    separator: str = Field(default=",", min_length=1, max_length=1)


class Batch(Section):
    """The batch that both versions score, what they run on, and how far their predictions may be apart."""

    sample: AssetRef
    compute: str = Field(min_length=1)
    mini_batch_size: int = Field(default=10, ge=1)
    concurrency: int = Field(default=1, ge=1)
    error_threshold: int = Field(default=-1, ge=-1)
    max_retries: int = Field(default=3, ge=0)
    timeout: Duration = timedelta(seconds=30)
    classes: Classes | None = None
    mean: Mean | None = None
    missing_at_most: Percent = 0.0
    confidence: Percent = 95.0
    predictions: Predictions = Predictions()
    failed_jobs_at_most: int = Field(default=0, ge=0)


def batch_problems(batch: Batch) -> Iterator[tuple[str, str]]:
    layout = batch.predictions
    if batch.classes is None and batch.mean is None:
        yield "batch", "nothing is left to compare; write classes: {changed_at_most: 2%} or mean: {shift_at_most: 0.05}"
    if batch.classes and not 0 < batch.classes.changed_at_most < 100:
        yield "batch.classes.changed_at_most", "must be above 0% and below 100%: no batch proves that none ever changes"
    if not 50 <= batch.confidence < 100:
        yield "batch.confidence", "must be at least 50% and below 100%; write e.g. 95%"
    if batch.missing_at_most >= 100:
        yield "batch.missing_at_most", "allows every row to be missing; write e.g. 0.1%"
    if batch.timeout < timedelta(seconds=1):
        yield "batch.timeout", "is counted in whole seconds; write 1s or more"
    if len(set(layout.columns)) < len(layout.columns):
        yield "batch.predictions.columns", "names a column twice; give each its own name"
    for name in dict.fromkeys((*layout.key, layout.prediction)):
        if name not in layout.columns:
            yield "batch.predictions", f"{name} is not among the columns {', '.join(layout.columns)}; name one that is"
    if not layout.key or layout.prediction in layout.key:
        yield "batch.predictions.key", "must name the columns, other than the prediction, that tell rows apart"


def batch_plan(batch: Batch) -> BatchPlan:
    return BatchPlan(
        sample=batch.sample,
        resources=BatchResources(
            compute=batch.compute,
            mini_batch_size=batch.mini_batch_size,
            concurrency=batch.concurrency,
            error_threshold=batch.error_threshold,
            max_retries=batch.max_retries,
            timeout=batch.timeout,
        ),
        tolerances=BatchTolerances(
            changed_at_most=batch.classes.changed_at_most / 100 if batch.classes else None,
            threshold=batch.classes.threshold if batch.classes else None,
            shift_at_most=batch.mean.shift_at_most if batch.mean else None,
            missing_at_most=batch.missing_at_most / 100,
            confidence=batch.confidence / 100,
        ),
        layout=PredictionLayout(**batch.predictions.model_dump()),
        failed_jobs_at_most=batch.failed_jobs_at_most,
    )
