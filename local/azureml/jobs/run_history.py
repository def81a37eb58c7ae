"""Run history, which is not ARM: children, details and data of runs, changes of a job's texts, where outputs are.

Source: azure-ai-ml 1.35.2, `_restclient/runhistory` and `_restclient/dataset_dataplane`, read 2026-11-30.
"""

from __future__ import annotations

import uuid

from aiohttp import web

from local.addresses import WORKSPACE_ID
from local.azureml.base.arm import PREFIX, Json, not_found, read_json
from local.azureml.base.config import AzureMlConfig
from local.azureml.jobs.job import Job
from local.azureml.jobs.job_data import MODEL_TYPES, datastore_uri
from local.azureml.jobs.sweep import children

_HISTORY = f"/history/v1.0{PREFIX}"
_DATA = f"/data/v1.0{PREFIX}/dataversion/batchGetResolvedUris"
_WORKSPACE_GUID = uuid.uuid5(uuid.NAMESPACE_URL, WORKSPACE_ID)


class RunHistory:
    """The workspace's jobs, and the steps of its pipelines, as runs."""

    def __init__(self, config: AzureMlConfig, jobs: dict[str, Job]) -> None:
        self._config = config
        self._jobs = jobs

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(_HISTORY + "/runs/{name}", self._get),
            web.get(_HISTORY + "/runs/{name}/details", self._details),
            web.get(_HISTORY + "/runs/{name}/children", self._children),
            web.post(_HISTORY + "/rundata", self._run_data),
            web.patch(_HISTORY + "/experiments/{experiment}/runs/{name}", self._change),
            web.post(_DATA, self._resolve),
        ]

    def _find(self, name: str) -> Job:
        if name not in self._jobs:
            raise not_found("Run", f"runs/{name}")
        return self._jobs[name]

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(run_of(self._find(request.match_info["name"])))

    async def _details(self, request: web.Request) -> web.Response:
        job = self._find(request.match_info["name"])
        url = f"{self._config.addresses.url('azureml')}/_local/jobs/{job.name}/log"
        error = {"error": {"code": "UserError", "message": job.error}} if job.error else None
        details = {**run_of(job), "error": error, "logFiles": {"user_logs/std_log.txt": url}}
        return web.json_response(details)

    async def _children(self, request: web.Request) -> web.Response:
        parent = self._find(request.match_info["name"])
        return web.json_response({"value": [run_of(step) for step in children(self._jobs, parent)]})

    async def _run_data(self, request: web.Request) -> web.Response:
        job = self._find(str((await read_json(request)).get("runId")))
        return web.json_response({"runMetadata": run_of(job), "runDefinition": None, "jobSpecification": None})

    async def _change(self, request: web.Request) -> web.Response:
        """Change texts, add tags and properties, hide. What the body leaves out, or has as null, stays."""
        job, body = self._find(request.match_info["name"]), await read_json(request)
        stored = job.resource.properties
        for key, own in (("displayName", "displayName"), ("description", "description"), ("hidden", "isArchived")):
            if body.get(key) is not None:
                stored[own] = body[key]
        for key in ("tags", "properties"):
            stored[key] = {**(stored.get(key) or {}), **(body.get(key) or {})}
        return web.json_response(run_of(job))

    async def _resolve(self, request: web.Request) -> web.Response:
        names = set((await read_json(request)).get("values") or [])
        runs = {
            _asset_id(job, name): {"uri": datastore_uri(output.remote.path), "type": output.type}
            for job in self._jobs.values()
            for name, output in job.outputs.items()
        }
        return web.json_response({"values": {name: runs[name] for name in sorted(names & runs.keys())}})


def run_of(job: Job) -> Json:
    """Return a job in the shape of run history."""
    properties, system = job.resource.properties, job.resource.system_data
    return {
        "runId": job.name,
        "displayName": properties.get("displayName"),
        "description": properties.get("description"),
        "experimentId": properties.get("experimentName"),
        "parentRunId": properties.get("parentJobName"),
        "rootRunId": properties.get("rootJobName") or job.name,
        "runType": job.run_type,
        "status": job.status,
        "hidden": bool(properties.get("isArchived")),
        "createdUtc": system["createdAt"],
        "createdBy": {"userName": system["createdBy"]},
        "startTimeUtc": job.times.get("Running"),
        "endTimeUtc": job.ended_at,
        "tags": dict(job.tags),
        "properties": dict(properties.get("properties") or {}),
        # Without those that are models: given them, the SDK's download fails by itself (`values` of a response is a
        # method there). It finds them where jobs write.
        "outputs": {
            name: {"assetId": _asset_id(job, name), "type": output.type}
            for name, output in job.outputs.items()
            if output.type not in MODEL_TYPES
        },
    }


def _asset_id(job: Job, output: str) -> str:
    workspace = f"azureml://locations/local/workspaces/{_WORKSPACE_GUID}"
    return f"{workspace}/data/azureml_{job.name}_output_data_{output}/versions/1"
