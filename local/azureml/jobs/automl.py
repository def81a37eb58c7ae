"""Runs AutoML on tables: a few scikit-learn models, each a trial of its own, and the best of them.

What the service does beyond that (its featurisation, ensembles, forecasting, images, text) is refused with 400.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from local.azureml.base.arm import Json, bad_request
from local.azureml.jobs.command import Command
from local.azureml.jobs.sweep import Sweep

BEST = "automl_best_child_run_id"
TASKS = {"classification": "accuracy", "regression": "normalized_root_mean_squared_error"}
MODELS = ("linear", "gradient_boosting", "random_forest")
_TRIAL = Path(__file__).with_name("automl_trial.py")
_DRAWN = "${{inputs.model}} ${{outputs.best_model}}"
_METRICS = {
    "accuracy": "maximize",
    "auc_weighted": "maximize",
    "r2_score": "maximize",
    "normalized_root_mean_squared_error": "minimize",
    "normalized_mean_absolute_error": "minimize",
}


def data_of(spec: Json, name: str) -> Json | str | None:
    """Return the data of a job or a node, by its name there."""
    details = spec.get("taskDetails") or spec
    head, _, tail = name.partition("_")
    data: Json | str | None = details.get(name) or details.get(f"{head}{tail.capitalize()}")
    return data


def automl_of(spec: Json, data: str) -> tuple[Sweep, Command]:
    """Return AutoML as a sweep over models, and the trial's command.

    Args:
        spec: a job's properties or a pipeline's node.
        data: the folder of the training data on this machine.

    Raises:
        ArmError: 400, the task or its metric is not emulated.
    """
    details = spec.get("taskDetails") or spec
    task = str(details.get("taskType") or details.get("task")).lower()
    if task not in TASKS:
        raise bad_request(f"AutoML's task {task} is not emulated; only {' and '.join(TASKS)} on tables are")
    metric = _plain(details.get("primaryMetric") or details.get("primary_metric") or TASKS[task])
    if metric not in _METRICS:
        raise bad_request(f"AutoML's metric {metric} is not emulated; only {', '.join(_METRICS)} are")
    limits = details.get("limitSettings") or details.get("limits") or {}
    most = min(int(limits.get("maxTrials") or limits.get("max_trials") or len(MODELS)), len(MODELS))
    at_once = int(limits.get("maxConcurrentTrials") or limits.get("max_concurrent_trials") or 1)
    target = details.get("targetColumnName") or details.get("target_column_name")
    sweep = Sweep({"model": ("choice", list(MODELS))}, "grid", _METRICS[metric], metric, most, at_once)
    arguments = " ".join(shlex.quote(str(part)) for part in (_TRIAL, data, target, task))
    return sweep, Command(f"python {arguments} {_DRAWN}", None, {}, {}, {})


def _plain(metric: object) -> str:
    """Return a metric's name as runs log it here: `AUCWeighted` and `auc_weighted` are one."""
    words = "".join(f"_{c}" if c.isupper() else c for c in str(metric)).strip("_").lower()
    return words.replace("a_u_c", "auc")
