"""The jobs of the workspace over ARM: submit, read, list, cancel."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from local.azureml.base.arm import (
    PREFIX,
    ArmError,
    Json,
    bad_request,
    caller,
    find_named,
    page,
    read_json,
    resource,
)
from local.azureml.base.config import AzureMlConfig
from local.azureml.base.events import Outbox
from local.azureml.base.operations import Operations
from local.azureml.jobs.automl import automl_of
from local.azureml.jobs.job import Job
from local.azureml.jobs.job_data import with_modes
from local.azureml.jobs.job_run import JobRunner
from local.azureml.jobs.sweep import sweep_of
from local.azureml.workspace.requirements import Requirements

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$")
_CHANGEABLE = {"description", "tags", "displayName", "properties", "isArchived"}
# The last two: from memory; not verified.
_RUN_TYPES = {
    "Pipeline": "azureml.PipelineRun",
    "Command": "azureml.commandrun",
    "Sweep": "azureml.sweeprun",
    "AutoML": "automl",
}


class Jobs:
    """ARM routes for jobs; `jobs` is shared with the runner, which adds the steps of pipelines."""

    def __init__(
        self,
        config: AzureMlConfig,
        runner: JobRunner,
        requirements: Requirements,
        operations: Operations,
        outbox: Outbox,
        jobs: dict[str, Job],
    ) -> None:
        self._config = config
        self._runner = runner
        self._requirements = requirements
        self._operations = operations
        self._outbox = outbox
        self._jobs = jobs

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(PREFIX + "/jobs", self._list),
            web.get(PREFIX + "/jobs/{name}", self._get),
            web.put(PREFIX + "/jobs/{name}", self._put),
            web.post(PREFIX + "/jobs/{name}/cancel", self._cancel),
        ]

    def _find(self, request: web.Request) -> Job:
        return find_named(self._jobs, request, "Job")

    async def _list(self, request: web.Request) -> web.Response:
        kind, tag = request.query.get("jobType"), request.query.get("tag")
        view = request.query.get("listViewType", "ActiveOnly")
        shown = [
            job.resource.json()
            for job in reversed(self._jobs.values())
            if job.run_type != "azureml.StepRun"
            and (kind is None or job.resource.properties["jobType"] == kind)
            and (tag is None or _has_tag(job, tag))
            and (view == "All" or bool(job.resource.properties.get("isArchived")) == (view == "ArchivedOnly"))
        ]
        return page(shown)

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request).resource.json())

    async def _put(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        properties = (await read_json(request)).get("properties")
        if not isinstance(properties, dict) or properties.get("jobType") not in _RUN_TYPES:
            raise bad_request(f"job {name}: jobType must be one of {', '.join(_RUN_TYPES)}", "InvalidJobType")
        properties = with_modes(properties)
        # A second PUT of a name is an update, never a second run: so a repeated submission stays one job.
        existing = self._jobs.get(name)
        if existing is not None:
            existing.submissions += 1
            return self._update(existing, properties)
        return web.json_response(self.submit(name, properties, caller(request)).resource.json(), status=201)

    def submit(self, name: str, properties: Json, by: Json) -> Job:
        """Start a new job.

        Raises:
            ArmError: 400, the service would not take it.
        """
        if not _NAME.match(name):
            text = f"job name {name!r}: up to 255 letters, digits, '-', '_' and '.', beginning with a letter or digit"
            raise bad_request(text, "InvalidJobName")
        self._requirements.of_job(properties)
        _require_emulated(properties)
        made = resource(f"jobs/{name}", "jobs", self._initial(name, properties), by)
        job = Job(made, properties, self._config.workdir / "jobs" / name, _RUN_TYPES[properties["jobType"]])
        # Listed before it runs: a read right after the answer finds it.
        self._jobs[name] = job
        job.move("NotStarted", self._outbox)
        self._runner.submit(job)
        return job

    def _initial(self, name: str, properties: Json) -> Json:
        url = f"{self._config.addresses.url('azureml')}/_local/jobs/{name}/log"
        services = {"Studio": {"jobServiceType": "Studio", "endpoint": url, "properties": {}}}
        defaults: Json = {"tags": {}, "properties": {}, "inputs": {}, "outputs": {}, "experimentName": "Default"}
        # The SDK sends null for what its caller left out, which means the default.
        given = {key: value for key, value in properties.items() if value is not None}
        return {**defaults, **given, "services": services, "status": "NotStarted"}

    def _update(self, job: Job, properties: Json) -> web.Response:
        """Answer a second PUT of the same name. Tags can be added but not removed, as in the service.

        Raises:
            ArmError: 400 JobPropertyImmutable for any other change.
        """
        changed = sorted(
            key
            for key in job.submitted.keys() | properties.keys()
            if key not in _CHANGEABLE | {"services", "status"} and _plain(job.submitted, key) != _plain(properties, key)
        )
        if changed:
            raise _immutable(changed)
        stored = job.resource.properties
        for key in ("tags", "properties"):
            stored[key] = {**(stored.get(key) or {}), **(properties.get(key) or {})}
        for key in ("description", "displayName", "isArchived"):
            if properties.get(key) is not None:
                stored[key] = properties[key]
        return web.json_response(job.resource.json(), status=200)

    async def _cancel(self, request: web.Request) -> web.Response:
        job = self._find(request)
        return self._operations.accepted(self._operations.begin("cancel", self._runner.cancel(job)))


def _require_emulated(properties: Json) -> None:
    """Raise ArmError 400 for a sweep or AutoML, as a job or as a step, that could not run here."""
    nodes = (properties.get("jobs") or {}).values()
    for spec in (properties, *(node for node in nodes if isinstance(node, dict))):
        kind = str(spec.get("jobType") or spec.get("type")).lower()
        if kind == "sweep":
            sweep_of(spec)
        elif kind == "automl":
            automl_of(spec, "")


def _plain(properties: Json, key: str) -> Any:
    """A member for comparison: a missing one, null and empty are the same."""
    return properties.get(key) or None


def _has_tag(job: Job, tag: str) -> bool:
    name, is_pair, value = tag.partition("=")
    return job.tags.get(name) == value if is_pair else name in job.tags


def _immutable(changed: list[str]) -> ArmError:
    return ArmError(
        400,
        "UserError",
        "A job with this name already exists. If you are trying to create a new job, use a different name. If you are "
        f"trying to update an existing job, the existing job's {{{', '.join(changed)}}} cannot be changed. Only "
        "description, tags, displayName, properties, and isArchived can be updated.",
        "JobPropertyImmutable",
    )
