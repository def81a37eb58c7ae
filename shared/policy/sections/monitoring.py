"""The policy's `monitor` section: what is watched in production data, and when it counts as drift."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from shared.metrics.catalogue import Metric, Task, find_metric
from shared.policy.sections.fairness import Fairness
from shared.policy.sections.quantities import Duration, duration_text
from shared.policy.sections.section import Section
from shared.policy.sections.signals import (
    AttributionDrift,
    ConceptDrift,
    DataDrift,
    DataQuality,
    EmbeddingDrift,
    EstimatedPerformance,
    Freshness,
    Labelled,
    Lasting,
    Performance,
    PredictionDrift,
    never_changes,
)
from shared.policy.sections.spark import SparkCounting

if TYPE_CHECKING:
    from shared.policy.sections.model import Policy


LEAST_EVERY = timedelta(hours=1)
LEAST_LOOK = timedelta(seconds=1)
# What the lines of a batch job's predictions call the place of their row, where no column of the rows tells them apart.
FILE_AND_ROW = ("file", "row")


class AzureMonitor(Section):
    """A model monitor of Azure ML: its name, by which its signals' names begin, and how often it runs."""

    name: str = Field(min_length=1)
    every: Duration = timedelta(days=1)


class Monitor(Section):
    """What is watched, and how often.

    `reference` is what production is compared with; `training_input` names the training job's input that
    holds it. `importance` is each column's share of what the model leans on, in any unit; `top` is how many columns
    an announcement names. `azure_monitors` are the names of Azure ML monitors whose breaches are about this model.
    `jobs_every` is how often a batch endpoint's jobs complete.
    """

    reference: Literal["training", "last-window"] = "training"
    training_input: str = "training_data"
    every: Duration = timedelta(hours=1)
    persistence: Lasting = Lasting()
    importance: dict[str, float] = Field(default_factory=dict)
    top: int = Field(default=20, ge=1, le=100)
    labelled: Labelled | None = None
    data_drift: DataDrift | None = None
    data_quality: DataQuality | None = None
    prediction_drift: PredictionDrift | None = None
    estimated_performance: EstimatedPerformance | None = None
    performance: Performance | None = None
    concept_drift: ConceptDrift | None = None
    fairness: Fairness | None = None
    embedding_drift: EmbeddingDrift | None = None
    attribution_drift: AttributionDrift | None = None
    azure_monitors: tuple[str | AzureMonitor, ...] = ()
    spark: SparkCounting | None = None
    jobs_every: Duration | None = None
    freshness: tuple[Freshness, ...] = ()

    @property
    def azure(self) -> tuple[AzureMonitor, ...]:
        return tuple(
            AzureMonitor(name=azure_monitor) if isinstance(azure_monitor, str) else azure_monitor
            for azure_monitor in self.azure_monitors
        )

    @property
    def signals(self) -> dict[str, Section]:
        """Return the section of each signal that is switched on, by the signal's name."""
        of_data = ("data_drift", "data_quality", "prediction_drift", "embedding_drift", "attribution_drift")
        of_labels = ("estimated_performance", "performance", "concept_drift", "fairness")
        signals = {name: getattr(self, name) for name in (*of_data, *of_labels)}
        return {name.replace("_", "-"): section for name, section in signals.items() if section}

    def answers(self, task: Task | None) -> Literal["flags", "classes", "numbers"]:
        """Return what the model answers, by its task, or else by the metrics that it is judged by."""
        named = [set(metric.tasks) for _, metric in self.metrics()]
        tasks = {task} if task else set.intersection(*named) if named else set()
        if tasks and tasks <= {"regression", "forecasting"}:
            return "numbers"
        return "classes" if "classification" in tasks and "binary-classification" not in tasks else "flags"

    def metrics(self) -> Iterable[tuple[str, Metric]]:
        if self.performance:
            yield "performance.metric", self.performance.measure
        if self.estimated_performance:
            yield "estimated_performance.metric", find_metric(self.estimated_performance.metric)

    def problems(self, policy: Policy) -> Iterable[tuple[str, str]]:
        if self.concept_drift and policy.task == "multilabel-classification":
            yield "concept_drift", "it follows one label of each row; leave it out, and watch performance by class"
        yield from self._time_problems()
        if self.performance and self.performance.labels is None and "evaluate" not in policy.sections:
            yield "performance.labels", "no labels are named; write labels: azureml:NAME@latest, or add evaluate"
        if self.persistence.alarms > self.persistence.of:
            yield "persistence", "alarms must not be more than the windows; write e.g. {alarms: 2, of: 3}"
        if any(not 0 <= weight < math.inf for weight in self.importance.values()):
            yield "importance", "an importance is 0 or more, in any unit; write e.g. {dep_delay: 0.7, dest: 0.1}"
        yield from self._bound_problems()
        yield from self._label_problems()
        yield from self._freshness_problems()
        yield from self._batch_problems(policy) if policy.endpoint.type == "batch" else self._online_problems()
        if self.spark:
            yield from self._spark_problems(self.spark)
        for name, section in self.signals.items():
            if not 0 < getattr(section, "false_alarms", 1.0) < 100:
                yield f"{_key(name)}.false_alarms", "it must lie between 0% and 100%; write e.g. 1%"
            if isinstance(section, DataDrift | DataQuality):
                yield from section.problems_at(_key(name))

    def _time_problems(self) -> Iterable[tuple[str, str]]:
        if self.every < LEAST_LOOK:
            yield "every", f"a window of {duration_text(self.every)} holds nothing to compare; write e.g. 1h"
        names = [monitor.name for monitor in self.azure]
        for number, monitor in enumerate(self.azure):
            if monitor.name in names[:number]:
                yield f"azure_monitors.{number}", f"{monitor.name} stands here twice; leave one out"
            if monitor.every < LEAST_EVERY:
                yield f"azure_monitors.{number}.every", "Azure ML's monitors run hourly at most; write e.g. 1d"

    def _bound_problems(self) -> Iterable[tuple[str, str]]:
        if (performance := self.performance) and (
            reason := performance.measure.bound_problem(performance.at_least, performance.at_most)
        ):
            yield "performance", reason
        if (estimated := self.estimated_performance) is None:
            return
        metric, bounds = find_metric(estimated.metric), (estimated.at_least, estimated.at_most)
        if bounds != (None, None) and (reason := metric.bound_problem(*bounds)):
            yield "estimated_performance", reason
        if reason := metric.change_problem(estimated.min_change):
            yield "estimated_performance.min_change", reason

    def _label_problems(self) -> Iterable[tuple[str, str]]:
        if self.fairness:
            if not self.performance:
                yield "fairness", "it is looked at when labels come; add performance, which says where they are"
            for path, problem in self.fairness.bound_problems():
                if problem:
                    yield f"fairness{path and '.'}{path}", problem
        if self.performance and self.performance.labels_within <= timedelta(0):
            yield "performance.labels_within", "must be longer than 0; write e.g. 7d"
        if self.performance and self.performance.labels and (reason := never_changes(self.performance.labels)):
            yield "performance.labels", reason
        if self.concept_drift and not self.performance:
            yield "concept_drift", "it is looked at when labels come; add performance, which says where they are"
        if self.estimated_performance and not (self.labelled or self.performance):
            yield "estimated_performance", "it is measured against labels; add labelled: {data: azureml:NAME@latest}"

    def _freshness_problems(self) -> Iterable[tuple[str, str]]:
        for number, section in enumerate(self.freshness):
            path = f"freshness.{number}"
            if reason := never_changes(section.data):
                yield f"{path}.data", reason
            if section.at_most is None and section.rows_at_least is None and section.rows_of_usual is None:
                yield path, "nothing is asked of it; write e.g. at_most: 26h, or rows_of_usual: 80%"
            if section.at_most is not None and section.at_most <= timedelta(0):
                yield f"{path}.at_most", "must be longer than 0; write e.g. 26h for nightly data"
            if section.rows_of_usual == 0:
                yield f"{path}.rows_of_usual", "must be above 0%; write e.g. 80%"

    def _online_problems(self) -> Iterable[tuple[str, str]]:
        if self.jobs_every is not None:
            yield "jobs_every", "only a batch endpoint has jobs; leave it out, or write endpoint: {…, type: batch}"

    def _batch_problems(self, policy: Policy) -> Iterable[tuple[str, str]]:
        """Yield what cannot be seen of a batch endpoint's jobs."""
        if self.jobs_every is not None and self.jobs_every <= timedelta(0):
            yield "jobs_every", "must be longer than 0; write e.g. 1d for nightly jobs"
        if policy.kind != "tabular" and self.signals:
            reason = "a batch job's inputs are read as tables, which images and texts are not"
            yield "", f"{reason}; leave the signals out, and register a table of features with each batch"
        if self.spark:
            yield "spark", "it counts what online endpoints collect; leave it out: a batch job's rows are read here"
        if self.embedding_drift:
            reason = "a batch job's inputs are read without columns of lists"
            yield "embedding_drift", f"{reason}; write the vector as columns of numbers, and use data_drift"
        # The sections of releases are not this room's.
        predictions = getattr(getattr(policy.sections.get("rollout"), "batch", None), "predictions", None)
        key = set(getattr(predictions, "key", FILE_AND_ROW))
        needs_answers = self.prediction_drift or self.estimated_performance or self.performance or self.concept_drift
        if needs_answers and key & set(FILE_AND_ROW) and key != set(FILE_AND_ROW):
            reason = f"rollout.batch.predictions.key {sorted(key)} does not tell the rows of a batch apart"
            yield "", f"{reason}, to which predictions belong; write [file, row], or columns that the inputs have, too"

    def _spark_problems(self, spark: SparkCounting) -> Iterable[tuple[str, str]]:
        yield from spark.problems_at("spark")
        if self.data_drift is None:
            yield "spark", "it counts for data_drift alone; add data_drift: {}, or leave spark out"
        if self.reference != "training":
            yield "spark", "it compares with the training data; write reference: training"


def _key(signal: str) -> str:
    return signal.replace("-", "_")
