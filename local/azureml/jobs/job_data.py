"""Brings a job's inputs from storage, and its outputs back."""

from __future__ import annotations

import logging
from pathlib import Path

from azure.core.exceptions import AzureError

from local.addresses import WORKSPACE_ID
from local.azureml.base.arm import Json, bad_request, caller_of
from local.azureml.base.assets import Assets
from local.azureml.base.blobs import Blobs, BlobsMissingError, in_workspace
from local.azureml.base.references import DATASTORE, References
from local.azureml.jobs.job import Job, JobFailedError, Output

log = logging.getLogger("local.azureml")

_FILE_TYPES = {"uri_file", "uri_folder", "mltable", "mlflow_model", "custom_model", "triton_model"}
_INPUT_MODES = {**dict.fromkeys(_FILE_TYPES, "ReadOnlyMount"), "mltable": "EvalMount"}
MODEL_TYPES = {"mlflow_model", "custom_model", "triton_model"}


def type_of(spec: Json, default: str = "uri_folder") -> str:
    """The kind of an input or output; jobs, nodes and components spell the key differently."""
    for key in ("jobInputType", "jobOutputType", "job_input_type", "job_output_type", "type"):
        if spec.get(key):
            return str(spec[key])
    return default


def datastore_uri(path: str) -> str:
    """Return the long address of a path in the workspace's datastore."""
    workspace = WORKSPACE_ID.replace("/providers/Microsoft.MachineLearningServices", "")
    return f"azureml:/{workspace}/datastores/{DATASTORE}/paths/{path}"


def with_modes(properties: Json) -> Json:
    """Return a job's properties with the service's default modes of inputs and outputs.

    Source: Microsoft's own tests of azure-ai-ml 1.35.2 (tests/pipeline_job/e2etests), read 2026-11-30.
    """
    modes = (("inputs", _INPUT_MODES), ("outputs", dict.fromkeys(_FILE_TYPES, "ReadWriteMount")))
    filled = {
        member: {
            name: {**spec, "mode": spec.get("mode") or by_type[type_of(spec, "literal")]}
            if isinstance(spec, dict) and type_of(spec, "literal") in by_type
            else spec
            for name, spec in properties[member].items()
        }
        for member, by_type in modes
        if properties.get(member)
    }
    return {**properties, **filled}


class JobData:
    """Downloads, uploads and registers what jobs read and write."""

    def __init__(self, blobs: Blobs, references: References, assets: Assets) -> None:
        self._blobs = blobs
        self._references = references
        self._assets = assets

    async def fetch(self, spec: Json, folder: Path) -> str:
        """Return the text that stands for an input in a command: a literal, or a path below `folder`.

        Raises:
            JobFailedError: the data isn't there.
            ArmError: 400 for a wrong reference.
        """
        kind = type_of(spec, "literal")
        if kind not in _FILE_TYPES:
            return str(spec.get("value", ""))
        uri = spec.get("uri") or spec.get("path") or spec.get("value")
        if not uri:
            raise bad_request(f"an input of type {kind} has no uri")
        if spec.get("mode") == "Direct":
            return str(uri)
        source = self._references.blob(str(uri), "models" if kind in MODEL_TYPES else "data")
        try:
            return str(await self._blobs.download(source, folder))
        except BlobsMissingError as exc:
            raise JobFailedError(f"input {uri}: {exc}") from exc

    def environment(self, reference: str) -> Json:
        """Return the properties of a registered environment."""
        return self._references.asset(reference, "environments").properties

    async def fetch_code(self, reference: str, folder: Path) -> None:
        """Copy a component's or job's code folder to `folder`.

        Raises:
            JobFailedError: the code is not in the workspace's storage.
        """
        try:
            await self._blobs.download(self._references.blob(reference, "codes"), folder)
        except BlobsMissingError as exc:
            raise JobFailedError(f"code {reference}: {exc}") from exc

    def plan(self, name: str, spec: Json, job: str, folder: Path) -> Output:
        """Decide where output `name` of `job` lives; the place on disk is made ready below `folder`."""
        kind = type_of(spec)
        explicit = spec.get("uri") or spec.get("path")
        remote = self._references.blob(str(explicit)) if explicit else in_workspace(f"azureml/{job}/{name}")
        local = folder / name
        if kind == "uri_file":
            local.parent.mkdir(parents=True, exist_ok=True)
        else:
            local.mkdir(parents=True, exist_ok=True)
        return Output(kind, local, remote)

    async def upload(self, output: Output) -> None:
        if output.local.exists():
            await self._blobs.upload(output.local, output.remote)

    async def upload_log(self, job: Job) -> None:
        """Copy the log to where the service keeps it."""
        if job.log.exists():
            target = in_workspace(f"ExperimentRun/dcid.{job.name}/user_logs/std_log.txt")
            try:
                await self._blobs.write(target, job.log.read_bytes())
            except AzureError as exc:
                # A log that can't be stored must not keep the job from ending; it is on disk still.
                log.warning("the log of job %s could not be stored: %s", job.name, exc)

    def register(self, spec: Json, output: Output, job: Job) -> str | None:
        """Register an output that names an asset; return `name:version`, or None when it names none."""
        name = spec.get("assetName")
        if not name:
            return None
        kind = "models" if output.type in MODEL_TYPES else "data"
        version = str(spec.get("assetVersion") or self._assets.next_version(kind, name))
        uri = datastore_uri(output.remote.path)
        properties: Json = {"jobName": job.name, "tags": {}, "properties": {}, "description": spec.get("description")}
        if kind == "models":
            properties |= {"modelUri": uri, "modelType": output.type}
        else:
            properties |= {"dataUri": uri, "dataType": output.type}
        self._assets.put(kind, name, version, properties, caller_of(job.resource))
        return f"{name}:{version}"
