"""Runs an invocation of a batch endpoint: a pipeline of one step, which scores files in a subprocess."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from local.azureml.base.arm import Json, bad_request
from local.azureml.base.blobs import Blobs
from local.azureml.base.events import Outbox
from local.azureml.base.references import References
from local.azureml.jobs.job import Job, JobFailedError
from local.azureml.jobs.pipeline import PipelineData, PipelineRunner

_ROOT = Path(__file__).resolve().parents[3]
_STEP = "batchscoring"
_TYPES = {"urifile": "uri_file", "urifolder": "uri_folder"}


@dataclass(frozen=True)
class Invocation:
    """What one job scores, with what, and where to.

    `deployment` holds the deployment's properties of that moment, `given` the input as the caller wrote it.
    """

    endpoint: str
    name: str
    deployment: Json
    given: Json
    data: Json
    output: Json


class BatchRunner:
    """Gives an invocation to the pipeline runner as the component that it amounts to."""

    def __init__(self, steps: PipelineRunner, blobs: Blobs, references: References, outbox: Outbox) -> None:
        self._steps = steps
        self._blobs = blobs
        self._references = references
        self._outbox = outbox

    async def run(self, invocation: Invocation, job: Job) -> None:
        """Score, and store the rows. Raise JobFailedError when the input, the model or the output won't do."""
        file = str(invocation.deployment["outputFileName"] or "predictions.csv")
        await self._require_unused(invocation.output, file)
        job.move("Running", self._outbox)
        node = {
            "inputs": {
                "data": invocation.data,
                "model": {"type": "custom_model", "uri": invocation.deployment["model"]["assetId"]},
            }
        }
        model = self._references.blob(invocation.deployment["model"]["assetId"], "models")
        component = component_of(invocation, file, model.name or "model")
        await self._steps.run_step(job, _STEP, component, node, PipelineData({}, {}))

    async def _require_unused(self, output: Json, file: str) -> None:
        """The service fails a job whose output file exists. Source: how-to-use-batch-model-deployments.

        Raises:
            JobFailedError: it exists.
        """
        if "uri" not in output:
            return
        target = self._references.blob(output["uri"])
        if await self._blobs.exists(target if output["type"] == "uri_file" else target / file):
            raise JobFailedError(
                f"the output file exists: {output['uri']}; give each job an output location of its own"
            )


def component_of(invocation: Invocation, file: str, model: str) -> Json:
    """The step as a command component, which the pipeline runner can run; `model` is the registered folder's name."""
    deployment = invocation.deployment
    code = deployment["codeConfiguration"] or {}
    target = "${{outputs.score}}" if invocation.output["type"] == "uri_file" else f"${{{{outputs.score}}}}/{file}"
    command = 'python -m local.azureml.batch.score --model "${{inputs.model}}" --input "${{inputs.data}}"'
    command += f' --output "{target}" --mini-batch-size {deployment["miniBatchSize"]}'
    command += f" --max-retries {(deployment['retrySettings'] or {}).get('maxRetries', 3)}"
    command += f" --error-threshold {deployment['errorThreshold']}"
    if code:
        command += f" --model-name {shlex.quote(model)} --script {shlex.quote(str(code['scoringScript']))}"
    if deployment["outputAction"] == "SummaryOnly":
        command += " --summary-only"
    variables = {"PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "1", **(deployment["environmentVariables"] or {})}
    return {
        "name": _STEP,
        "command": command,
        "code": code.get("codeId"),
        "environment": deployment["environmentId"],
        "environment_variables": variables,
        "inputs": {"data": {"type": invocation.data["type"]}, "model": {"type": "custom_model"}},
        "outputs": {"score": invocation.output},
    }


def input_of(given: Json) -> Json:
    """Return a model deployment's one input, whatever it is called: `type` and `uri`.

    Raises:
        ArmError: 400, not exactly one input, or one of another type.
    """
    if len(given) != 1:
        raise bad_request(f"inputData must have one input for a model deployment, not {len(given)}: {sorted(given)}")
    ((name, spec),) = given.items()
    kind = _TYPES.get(str(spec.get("jobInputType", "")).lower())
    if kind is None or not spec.get("uri"):
        raise bad_request(f"input {name!r} must be of type UriFile or UriFolder, with a uri; it is {spec}")
    return {"type": kind, "uri": str(spec["uri"])}


def output_of(given: Json) -> Json:
    """Return where the one output goes: `type`, and `uri` when the caller named it.

    Raises:
        ArmError: 400, several outputs, or one that is no file.
    """
    if not given:
        return {"type": "uri_folder"}
    if len(given) != 1:
        raise bad_request(f"outputData must have one output for a model deployment, not {len(given)}: {sorted(given)}")
    ((name, spec),) = given.items()
    kind = _TYPES.get(str(spec.get("jobOutputType", "")).lower())
    if kind is None:
        raise bad_request(f"output {name!r} must be of type UriFile or UriFolder; it is {spec}")
    return {"type": kind, **({"uri": str(spec["uri"])} if spec.get("uri") else {})}
