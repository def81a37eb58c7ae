"""How a model is released on a batch endpoint: its deployment there, and the comparison of two versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class BatchResources:
    """What a batch deployment runs on, per job.

    Args:
        compute: an Azure ML compute cluster.
        mini_batch_size: files that one call of the scoring script gets.
        concurrency: calls of the scoring script at the same time, per instance.
        error_threshold: files that may fail before the job does; -1 for any number.
        max_retries: of one mini batch.
        timeout: of one mini batch.
    """

    compute: str
    mini_batch_size: int = 10
    concurrency: int = 1
    error_threshold: int = -1
    max_retries: int = 3
    timeout: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class PredictionLayout:
    """How a file of predictions, which has no header, is to be read.

    Args:
        columns: names, in the order in which they stand in a line.
        key: the columns that tell which row a prediction belongs to.
        separator: one character.
    """

    columns: tuple[str, ...] = ("row", "prediction", "file")
    key: tuple[str, ...] = ("file", "row")
    prediction: str = "prediction"
    separator: str = ","


@dataclass(frozen=True, slots=True)
class BatchTolerances:
    """How far the challenger's predictions may be from the champion's on the same rows.

    Args:
        changed_at_most: share of rows, 0 to 1, whose class may change; None to leave classes unjudged.
        shift_at_most: difference of mean predictions, either way, in their own unit; None to leave it unjudged.
        missing_at_most: share of the champion's rows, 0 to 1, that may lack a prediction.
        threshold: from which prediction on a row is of the other class; None when predictions are classes.
        confidence: of the bounds, 0.5 to 1.
    """

    changed_at_most: float | None = None
    shift_at_most: float | None = None
    missing_at_most: float = 0.0
    threshold: float | None = None
    confidence: float = 0.95


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """Args:
    sample: "azureml:NAME@latest" or "azureml:NAME:VERSION", the batch that both versions score.
    failed_jobs_at_most: how many of the endpoint's jobs may fail while a promoted version is watched.
    """

    sample: str
    resources: BatchResources
    tolerances: BatchTolerances
    layout: PredictionLayout = field(default_factory=PredictionLayout)
    failed_jobs_at_most: int = 0
