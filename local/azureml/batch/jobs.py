"""The invocation of batch endpoints: POST to an endpoint's address makes a job; jobs are listed by endpoint.

Requests and answers: recorded from the service (azure-sdk-for-python, tests/recordings/batch_services). A job is a
pipeline whose `jobs`, `inputs` and `outputs` read as null, with one step `batchscoring`.
"""

from __future__ import annotations

import functools
import json
import uuid

from aiohttp import web

from local.addresses import WORKSPACE_ID
from local.azureml.base.arm import (
    PREFIX,
    Json,
    bad_request,
    caller,
    conflict,
    not_found,
    page,
    read_json,
    resource,
)
from local.azureml.base.config import AzureMlConfig
from local.azureml.base.events import Outbox
from local.azureml.batch.deployments import complete
from local.azureml.batch.endpoint import BatchDeployment, BatchEndpoint
from local.azureml.batch.endpoints import BatchEndpoints
from local.azureml.batch.run import BatchRunner, Invocation, input_of, output_of
from local.azureml.jobs.job import Job
from local.azureml.jobs.job_run import JobRunner

_DATA_PLANE = "/mferp/managementfrontend"
# What an invocation may set otherwise than the deployment does.
_OVERRIDES = ("errorThreshold", "miniBatchSize", "outputFileName", "retrySettings")


class BatchJobs:
    """POST /batch/ENDPOINT/jobs, and the lists of jobs in the data plane."""

    def __init__(
        self,
        config: AzureMlConfig,
        endpoints: BatchEndpoints,
        runner: JobRunner,
        batch: BatchRunner,
        outbox: Outbox,
        jobs: dict[str, Job],
    ) -> None:
        self._config = config
        self._endpoints = endpoints
        self._runner = runner
        self._batch = batch
        self._outbox = outbox
        self._jobs = jobs
        self._invocations: dict[str, Invocation] = {}

    def routes(self) -> list[web.RouteDef]:
        base = f"{_DATA_PLANE}{PREFIX}/batchEndpoints/{{endpoint}}"
        return [
            web.post("/batch/{endpoint}/jobs", self._invoke),
            web.get(base + "/jobs", self._list),
            web.get(base + "/deployments/{name}/jobs", self._list),
        ]

    async def _invoke(self, request: web.Request) -> web.Response:
        endpoint = self._endpoints.find(request)
        deployment = _chosen(endpoint, request.headers.get("azureml-model-deployment"))
        properties: Json = (await read_json(request)).get("properties") or {}
        invocation = Invocation(
            endpoint.name,
            deployment.name,
            complete(deployment.name, {**deployment.resource.properties, **_overrides(properties)}),
            properties.get("inputData") or {},
            input_of(properties.get("inputData") or {}),
            output_of(properties.get("outputData") or {}),
        )
        job = self._make(invocation, properties, request)
        self._jobs[job.name] = job
        self._invocations[job.name] = invocation
        job.move("NotStarted", self._outbox)
        self._runner.submit(job, functools.partial(self._batch.run, invocation))
        headers = {"azureml-model-deployment": deployment.name}
        return web.json_response(self._answer(job, invocation), status=201, headers=headers)

    def _make(self, invocation: Invocation, requested: Json, request: web.Request) -> Job:
        # The caller's name is only shown: the service names the job itself, so the same call twice is two jobs.
        name = f"batchjob-{uuid.uuid4()}"
        url = f"{self._config.addresses.url('azureml')}/_local/jobs/{name}/log"
        properties: Json = {
            "jobType": "Pipeline",
            "description": f"Pipeline submission for endpoint: {invocation.endpoint}, deployment: {invocation.name}.",
            "tags": {"azureml.batchrun": "true", "azureml.deploymentname": invocation.name},
            "properties": {
                "azureml.runsource": "azureml.PipelineRun",
                "azureml.pipelineComponent": "pipelinerun",
                "azureml.parameters": json.dumps(_parameters(invocation.deployment)),
            },
            "displayName": requested.get("name") or name,
            "status": "NotStarted",
            "experimentName": (requested.get("properties") or {}).get("experimentName") or invocation.endpoint,
            "services": {"Studio": {"jobServiceType": "Studio", "endpoint": url, "properties": {}}},
            "computeId": None,
            "isArchived": False,
            "settings": None,
            "jobs": None,
            "inputs": None,
            "outputs": None,
        }
        made = resource(f"jobs/{name}", "jobs", properties, caller(request))
        return Job(made, {}, self._config.workdir / "jobs" / name, "azureml.PipelineRun")

    async def _list(self, request: web.Request) -> web.Response:
        endpoint, name = self._endpoints.find(request), request.match_info.get("name")
        return page(
            [
                self._answer(self._jobs[job], invocation)
                for job, invocation in reversed(self._invocations.items())
                if invocation.endpoint == endpoint.name and name in {None, invocation.name}
            ]
        )

    def _answer(self, job: Job, invocation: Invocation) -> Json:
        """The data plane's view of a job; its `name` is what jobs.get takes."""
        kind = "batchEndpoints/deployments/jobs"
        properties = job.resource.properties
        return {
            "id": f"{WORKSPACE_ID}/batchEndpoints/{invocation.endpoint}/deployments/{invocation.name}/jobs/{job.name}",
            "name": job.name,
            "type": f"Microsoft.MachineLearningServices/workspaces/{kind}",
            "properties": {
                "provisioningState": "Succeeded",
                "inputData": invocation.given,
                "compute": {"target": invocation.deployment["compute"]},
                "retrySettings": invocation.deployment["retrySettings"],
                "status": job.status,
                "tags": properties["tags"],
                "properties": properties["properties"],
                "name": properties["displayName"],
            },
            "systemData": job.resource.system_data,
        }


def _chosen(endpoint: BatchEndpoint, requested: str | None) -> BatchDeployment:
    name = requested or endpoint.default
    if name is None:
        # From memory; not verified: the answer to an invocation without a default deployment.
        raise bad_request(f"endpoint {endpoint.name} has no default deployment; set one, or name one", "NoDefault")
    if name not in endpoint.deployments:
        raise not_found("BatchDeployment", f"batchEndpoints/{endpoint.name}/deployments/{name}")
    if endpoint.deployments[name].state != "Succeeded":
        raise conflict(f"deployment {name} is {endpoint.deployments[name].state}; try again later", "DeploymentBusy")
    return endpoint.deployments[name]


def _overrides(properties: Json) -> Json:
    return {key: properties[key] for key in _OVERRIDES if properties.get(key) is not None}


def _parameters(deployment: Json) -> Json:
    return {
        "run_max_try": str((deployment["retrySettings"] or {}).get("maxRetries", 3)),
        "mini_batch_size": str(deployment["miniBatchSize"]),
        "error_threshold": str(deployment["errorThreshold"]),
        "append_row_file_name": str(deployment["outputFileName"]),
    }
