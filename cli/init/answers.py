"""What `vigia init` has to know about a model, and what it takes where nothing is said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from cli.kit.errors import CommandError

# Azure ML's rule for names of components is the narrowest: no hyphens, so those become underscores there.
_MODEL = re.compile(r"^[a-z][a-z0-9-]{2,29}$")


class Task(StrEnum):
    """What a model answers."""

    BINARY = "binary-classification"
    CLASSES = "classification"
    SEVERAL_LABELS = "multilabel-classification"
    NUMBER = "regression"
    FORECAST = "forecasting"
    OTHER = "other"


class Endpoint(StrEnum):
    """What serves it."""

    ONLINE = "online"
    BATCH = "batch"


# The metric of each task and its bound; of errors the bound is a guess that only the owner can replace.
METRICS: dict[Task, tuple[str, float]] = {
    Task.BINARY: ("roc_auc", 0.7),
    Task.CLASSES: ("f1_macro", 0.7),
    Task.SEVERAL_LABELS: ("f1_micro", 0.7),
    Task.NUMBER: ("mae", 1.0),
    Task.FORECAST: ("mae", 1.0),
    Task.OTHER: ("closeness", 0.5),
}


@dataclass(frozen=True, slots=True)
class Answers:
    """`data` and `evaluation` are files, or data assets (`azureml:NAME`); without `evaluation` a part of the file's
    rows is held out. `higher` says which way `metric` is better; `bound` is what a version has to reach."""

    model: str
    task: Task
    endpoint_type: Endpoint
    endpoint: str
    data: str
    evaluation: str
    label: str
    key: str
    time: str
    slices: tuple[str, ...]
    metric: str
    higher: bool
    bound: float
    owner: str
    approvers: tuple[str, ...]
    is_rehearsal: bool

    @property
    def margin(self) -> float:
        """How much worse a new version may be: .02 of what lies between 0 and 1, a twentieth of an error's bound."""
        return 0.02 if self.higher else float(f"{self.bound / 20:.1g}")

    @property
    def module(self) -> str:
        """The model's name as Python and Azure ML's components write it."""
        return self.model.replace("-", "_")

    def asset(self, part: str) -> str:
        """Return the data asset of a part of the rows, "training" or "evaluation"."""
        source = self.data if part == "training" else self.evaluation
        return source.removeprefix("azureml:").partition("@")[0] if is_asset(source) else f"{self.model}-{part}"


def is_asset(source: str) -> bool:
    return source.startswith("azureml:")


def check_model(name: str) -> str:
    """Return the name.

    Raises:
        CommandError: it cannot name a model, its components and its endpoint.
    """
    if not _MODEL.match(name):
        text = f"{name!r} cannot name a model, its components and its endpoint"
        raise CommandError("cli.name", text, "write 3 to 30 small letters, digits and hyphens, e.g. flight-delay")
    return name


def is_higher_better(metric: str) -> bool:
    """Return which way a metric is better; one of a user's own counts as higher."""
    from shared.metrics.catalogue import known_metric

    listed = known_metric(metric)
    return listed is None or listed.is_higher_better
