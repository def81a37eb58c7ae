"""The metrics that runs logged, over MLflow's REST interface: the ML SDK reads none.

Source: learn.microsoft.com/azure/machine-learning/how-to-track-experiments-mlflow and mlflow.org's REST API, read
2026-11-30. Not verified on Azure: that the token of run history is taken there, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from shared.domain.ids import JobName
from shared.ports.jobs import JobRecord

# Where a sweep and an AutoML run say which of their trials is the best.
_BEST = ("best_child_run_id", "automl_best_child_run_id")


def run_metrics(ml: Any, name: str) -> dict[str, float]:
    """Return the last value of each metric that a job, its steps and their best trials logged; the job's own wins.

    Raises:
        HttpResponseError: the run cannot be read.
    """
    return {metric: value for run in _logging(ml, name) for metric, value in _logged(ml, run).items()}


def trials_of(ml: Any, name: str) -> tuple[JobRecord, ...]:
    """Return the trials of a job that searches, or whose steps do, each with what it logged."""
    searches = [run.run_id for run in (_run(ml, name), *_children(ml, name)) if _best_of(run)]
    trials = (trial for search in searches for trial in _children(ml, search))
    return tuple(
        JobRecord(JobName(trial.run_id), trial.status or "", {}, "", metrics=_logged(ml, trial.run_id))
        for trial in trials
    )


def _logging(ml: Any, name: str) -> Iterator[str]:
    """Yield the runs that log for a job, itself last: of what searches, the best trial alone."""
    if best := _best_of(_run(ml, name)):
        yield best
    else:
        yield from (_best_of(step) or step.run_id for step in _children(ml, name))
    yield name


def _best_of(run: Any) -> str:
    facts = {**(run.properties or {}), **(run.tags or {})}
    return next((str(facts[key]) for key in _BEST if facts.get(key)), "")


def _run(ml: Any, name: str) -> Any:
    return ml.jobs._runs_operations._operation.get(*_scope(ml), name)


def _children(ml: Any, name: str) -> list[Any]:
    return list(ml.jobs._runs_operations._operation.get_child(*_scope(ml), name))


def _scope(ml: Any) -> tuple[str, str, str]:
    return ml.subscription_id, ml.resource_group_name, ml.workspace_name


def _logged(ml: Any, run: str) -> dict[str, float]:
    from azure.core.rest import HttpRequest

    subscription, group, workspace = _scope(ml)
    path = (
        f"{ml.jobs._api_url.rstrip('/')}/mlflow/v2.0/subscriptions/{subscription}/resourceGroups/{group}/providers/"
        f"Microsoft.MachineLearningServices/workspaces/{workspace}/api/2.0/mlflow/runs/get"
    )
    answer = ml.jobs._runs_operations._operation._client.send_request(HttpRequest("GET", path, params={"run_id": run}))
    if answer.status_code == 404:  # run history may know a run that MLflow does not
        return {}
    answer.raise_for_status()
    metrics = answer.json()["run"].get("data", {}).get("metrics") or []
    values = {str(metric["key"]): float(metric["value"]) for metric in metrics}
    return {name: value for name, value in values.items() if math.isfinite(value)}
