"""What training code tells of its run, and what others read of it: MLflow's tracking REST interface, as far as runs.

Source: mlflow-skinny 2.22.5, whose client logs, reads and ends the run of a job over it. On Azure the tracking
address is azureml://…, which MLflow speaks with azureml-mlflow. What is read over Azure's own address is the same.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from local.azureml.base.arm import PREFIX as WORKSPACE
from local.azureml.base.arm import Json
from local.azureml.jobs.job import Job

PREFIX = "/mlflow"
_REST = "/api/2.0/mlflow/"
_STATUS = {"Completed": "FINISHED", "Failed": "FAILED", "Canceled": "KILLED", "Running": "RUNNING"}


class Tracking:
    """A job is the run of its name."""

    def __init__(self, jobs: dict[str, Job]) -> None:
        self._jobs = jobs

    def routes(self) -> list[web.RouteDef]:
        writes: dict[str, Callable[[Job, Json], None]] = {
            "set-tag": _set_tag,
            "log-metric": _log_metric,
            "log-parameter": _log_parameter,
            "log-batch": _log_batch,
            "update": lambda *_: None,  # how a run ended is what its process says
        }
        roots = (f"{PREFIX}{_REST}", f"{PREFIX}/v2.0{WORKSPACE}{_REST}")
        return [
            route
            for root in roots
            for route in (
                web.get(f"{root}runs/get", self._get),
                web.get(f"{root}metrics/get-history", self._history),
                *(web.post(f"{root}runs/{name}", self._writing(write)) for name, write in writes.items()),
            )
        ]

    def _find(self, values: Json) -> Job:
        run = str(values.get("run_id") or values.get("run_uuid") or "")
        if run not in self._jobs:
            raise _refusal(web.HTTPNotFound, "RESOURCE_DOES_NOT_EXIST", f"there is no run {run!r}")
        return self._jobs[run]

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response({"run": _run(self._find(dict(request.query)))})

    async def _history(self, request: web.Request) -> web.Response:
        job = self._find(dict(request.query))
        return web.json_response({"metrics": job.metrics.get(request.query.get("metric_key", ""), [])})

    def _writing(self, write: Callable[[Job, Json], None]) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            body = await request.json()
            job = self._find(body)
            write(job, body)
            return web.json_response({"run_info": _run(job)["info"]})

        return handle


def _refusal(kind: type[web.HTTPException], code: str, message: str) -> web.HTTPException:
    return kind(text=json.dumps({"error_code": code, "message": message}), content_type="application/json")


def _key(body: Json, what: str) -> str:
    if not body.get("key"):
        raise _refusal(web.HTTPBadRequest, "INVALID_PARAMETER_VALUE", f"a {what} needs a key")
    return str(body["key"])


def _set_tag(job: Job, body: Json) -> None:
    job.resource.properties["tags"] = {**job.tags, _key(body, "tag"): str(body.get("value", ""))}


def _log_metric(job: Job, body: Json) -> None:
    point = {"timestamp": int(time.time() * 1000), "step": 0, **body, "value": float(body.get("value", "nan"))}
    job.metrics.setdefault(_key(body, "metric"), []).append(
        {name: point[name] for name in ("key", "value", "timestamp", "step")}
    )


def _log_parameter(job: Job, body: Json) -> None:
    job.parameters[_key(body, "parameter")] = str(body.get("value", ""))


def _log_batch(job: Job, body: Json) -> None:
    for member, write in (("metrics", _log_metric), ("params", _log_parameter), ("tags", _set_tag)):
        for item in body.get(member) or []:
            write(job, item)


def _run(job: Job) -> Json:
    info = {
        "run_id": job.name,
        "run_uuid": job.name,
        "experiment_id": str(job.resource.properties.get("experimentName") or "Default"),
        "status": _STATUS.get(job.status, "SCHEDULED"),
        "artifact_uri": f"azureml://jobs/{job.name}/artifacts",
        "lifecycle_stage": "active",
    }
    data = {
        "metrics": [points[-1] for points in job.metrics.values()],
        "params": [{"key": key, "value": value} for key, value in job.parameters.items()],
        "tags": [{"key": key, "value": str(value)} for key, value in job.tags.items()],
    }
    return {"info": info, "data": data}
