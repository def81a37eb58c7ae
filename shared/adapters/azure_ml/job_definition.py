"""A training that is written down as a job: a YAML file of Azure ML's, submitted as a pipeline.

Whatever its type, it becomes a pipeline's only step: of a sweep and of AutoML the pipeline's output is then the best
trial's model, and Azure ML registers it. Checked against azure-ai-ml 1.35.2, which takes each type as a step; that the
service gives a sweep's step the best trial's output is from memory, not verified.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shared.adapters.azure_ml.job_inputs import MODEL_TYPES, checked_inputs, plain, require_outputs
from shared.domain.assets import asset_reference, split_reference
from shared.domain.training import Recipe
from shared.errors import WorkspaceError
from shared.ports.jobs import JobRequest

DEFINITION_TAG = "vigia.definition"
# What belongs to the job that is submitted, and not to its step.
_OF_THE_JOB = {"$schema", "name", "display_name", "experiment_name", "description", "tags", "properties", "services"}
# An AutoML step has its data beside `inputs`, and one output of this name.
_AUTOML_DATA = ("training_data", "validation_data", "test_data")
_AUTOML_OUTPUT = "best_model"


@dataclass(frozen=True)
class Definition:
    """The file's content, every @latest in it pinned; `name` is the file's, with a digest of that content."""

    path: Path
    name: str
    content: dict[str, Any]

    @classmethod
    def read(cls, ml: Any, path: str) -> Definition:
        """Return what the file says.

        Raises:
            WorkspaceError: it is not there, or no mapping.
        """
        file = Path(path)
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
            raise WorkspaceError("workspace.no_definition", f"the job {file.name} cannot be read: {exc}") from exc
        if not isinstance(content, dict):
            raise WorkspaceError("workspace.no_definition", f"the job {file.name} is no mapping")
        content = _with_versions(ml, content)
        digest = hashlib.sha256(yaml.safe_dump(content).encode()).hexdigest()
        return cls(file, f"{file.name}:{digest[:12]}", content)

    @property
    def owner(self) -> str:
        return f"job {self.path.name}"

    @property
    def kind(self) -> str:
        return str(self.content.get("type") or "command")

    @property
    def inputs(self) -> dict[str, Any]:
        if self.kind == "automl":
            return {name: self.content[name] for name in _AUTOML_DATA if self.content.get(name)}
        return dict(self.content.get("inputs") or {})

    @property
    def kinds(self) -> dict[str, str]:
        """Return the type of each input; of a literal the type of its value."""
        return {name: _kind(value) for name, value in self.inputs.items()}

    def outputs(self, registers: Mapping[str, str]) -> dict[str, Any]:
        """Return what its pipeline writes: what it declares, and of AutoML the best model as it is to be called."""
        if self.kind == "automl":
            return {name: {"type": "mlflow_model"} for name in registers or [_AUTOML_OUTPUT]}
        return {name: value or {"type": "uri_folder"} for name, value in (self.content.get("outputs") or {}).items()}

    def values(self, ml: Any, given: Mapping[str, str]) -> dict[str, Any]:
        """Return every input's value: what is given in place of what the file says, versions pinned."""
        own = {name: _text(value) for name, value in self.inputs.items()}
        return checked_inputs(ml, self.owner, self.kinds, {**own, **given}, self.kind == "spark")

    def recipe(self, ml: Any, given: Mapping[str, str]) -> Recipe:
        return Recipe(self.name, plain(self.values(ml, given)))

    def pipeline(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the pipeline that runs it, inputs and outputs bound to the pipeline's; without its own inputs."""
        if self.kind == "pipeline":
            return dict(self.content)
        step = {key: value for key, value in self.content.items() if key not in _OF_THE_JOB}
        bound = {name: f"${{{{parent.inputs.{name}}}}}" for name in self.inputs}
        step |= bound if self.kind == "automl" else {"inputs": bound}
        own = [_AUTOML_OUTPUT] if self.kind == "automl" else list(outputs)
        step["outputs"] = {name: f"${{{{parent.outputs.{output}}}}}" for name, output in zip(own, outputs, strict=True)}
        if self.kind == "sweep" and isinstance(step.get("trial"), dict) and "inputs" not in step["trial"]:
            step["trial"] = self._trial(step["trial"], step.get("search_space") or {}, outputs)
        return {"type": "pipeline", "outputs": dict(outputs), "jobs": {"train": step}}

    def _trial(self, trial: Mapping[str, Any], space: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return a sweep's inline trial as the component that a sweep needs as a pipeline's step: what is searched is
        among its inputs there."""
        searched = {name: {"type": _searched_kind(values)} for name, values in space.items()}
        inputs = {name: {"type": kind} for name, kind in self.kinds.items()}
        command = str(trial.get("command", "")).replace("${{search_space.", "${{inputs.")
        declared = {name: {"type": str(value.get("type", "uri_folder"))} for name, value in outputs.items()}
        return {"type": "command", **trial, "command": command, "inputs": {**inputs, **searched}, "outputs": declared}


def definition_job(ml: Any, request: JobRequest) -> Any:
    """Return the pipeline job of a request for the job in a file.

    Raises:
        WorkspaceError: the file cannot be read, or has no such input or output.
    """
    from azure.ai.ml import Output, load_job

    definition = Definition.read(ml, request.component)
    outputs = definition.outputs(request.registers)
    require_outputs(definition.owner, {name: str(value.get("type")) for name, value in outputs.items()}, request)
    kinds = definition.kinds
    values = {name: _written(kinds[name], value) for name, value in definition.values(ml, request.inputs).items()}
    source = io.StringIO(yaml.safe_dump({**definition.pipeline(outputs), "inputs": values}))
    job: Any = load_job(source, relative_origin=str(definition.path.absolute()))
    for name, model in request.registers.items():
        job.outputs[name] = Output(type=outputs[name]["type"], name=model)
    if not job.settings.default_compute and definition.kind != "spark" and not job.compute:
        job.settings.default_compute = request.compute
    job.tags = {DEFINITION_TAG: definition.name}
    return job


def _with_versions(ml: Any, content: Any, key: str = "", kind: str = "") -> Any:
    """Return content with the version of every asset that it names by @latest: else the same file would be another job
    tomorrow, and nobody would see it."""
    if isinstance(content, dict):
        return {name: _with_versions(ml, value, name, str(content.get("type", ""))) for name, value in content.items()}
    if isinstance(content, list):
        return [_with_versions(ml, value, key, kind) for value in content]
    if not (isinstance(content, str) and content.startswith("azureml:") and content.endswith("@latest")):
        return content
    assets = {"component": ml.components, "trial": ml.components, "environment": ml.environments}
    operations = assets.get(key) or (ml.models if kind in MODEL_TYPES else ml.data)
    asset = operations.get(split_reference(content)[0], label="latest")
    return asset_reference(asset.name, asset.version)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("type") or "uri_folder")
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("path") or value.get("default") or "")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _written(kind: str, value: Any) -> Any:
    """Return a checked input as a job's file has it."""
    if not isinstance(value, str):
        return {"type": kind, "path": value.path, **({"mode": value.mode} if value.mode else {})}
    if kind == "boolean":
        return value.lower() == "true"
    return {"number": float, "integer": int}.get(kind, str)(value)


def _searched_kind(values: Mapping[str, Any]) -> str:
    """Return the type of what a search draws: of a choice that of its values, of a distribution a number."""
    options = values.get("values") or []
    if any(isinstance(option, str) for option in options):
        return "string"
    is_whole = values.get("type") == "randint" or (bool(options) and all(isinstance(x, int) for x in options))
    return "integer" if is_whole else "number"
