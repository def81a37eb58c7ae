"""Checks of the components that a policy names: that they exist, and take and give what Vigia gives and takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cli.doctor.finding import Finding, fail, ok, read
from shared.domain.assets import split_reference
from shared.domain.ids import JobName
from shared.policy.sections.model import Policy
from shared.reactions.retrain_section import Retrain
from shared.release.sections.gates_and_approval import Evaluate

_MODELS = {"mlflow_model", "custom_model"}
_EVALUATION = {"champion": _MODELS, "challenger": _MODELS, "data": {"uri_file", "uri_folder"}}


def components(ml: Any, policy: Policy) -> Iterator[Finding]:
    """Yield what is found of the training and of the evaluation."""
    if retrain := policy.section(Retrain):
        yield from _training(ml, retrain) if retrain.job.startswith("azureml:") else _job_file(ml, policy, retrain)
    if evaluate := policy.section(Evaluate):
        yield from _evaluation(ml, evaluate)


def _training(ml: Any, retrain: Retrain) -> Iterator[Finding]:
    subject = f"training {retrain.job}"
    component, problem = _component(ml, retrain.job, subject)
    if problem:
        yield problem
        return
    yield from _inputs(subject, component, dict.fromkeys(retrain.given))
    if retrain.registered_by == "job":
        yield ok(subject, f"version {component.version} registers its model itself")
        return
    output = component.outputs.get(retrain.output)
    if output is None or str(output.type) not in _MODELS:
        what = "has no such output" if output is None else f"that output is {output.type}, and no model"
        remedy = f"declare an output {retrain.output}: {{type: mlflow_model}}, or name another one as retrain.output"
        yield fail(subject, f"its output {retrain.output!r} is to be registered: {what}", remedy)
    else:
        yield ok(subject, f"version {component.version} gives {retrain.output}: {output.type}")


def _job_file(ml: Any, policy: Policy, retrain: Retrain) -> Iterator[Finding]:
    """Yield whether the job in the file could be submitted: it is put together, and not sent."""
    from shared.adapters.azure_ml.job_definition import definition_job
    from shared.ports.jobs import JobRequest

    subject = f"training {retrain.job}"
    request = JobRequest(
        name=JobName("doctor"),
        component=retrain.source(policy),
        inputs=retrain.given,
        experiment="doctor",
        display_name="doctor",
        tags={},
        registers={retrain.output: policy.model} if retrain.registered_by == "vigia" else {},
    )
    missing = fail(subject, "names data that is not registered", "register it: az ml data create")
    job, problem = read(subject, lambda: definition_job(ml, request), missing)
    yield problem or ok(subject, f"gives {', '.join(job.outputs) if job else 'nothing'}")


def _evaluation(ml: Any, evaluate: Evaluate) -> Iterator[Finding]:
    subject = f"evaluation {evaluate.job}"
    component, problem = _component(ml, evaluate.job, subject)
    if problem:
        yield problem
        return
    yield from _inputs(subject, component, _EVALUATION)
    if "scores" in component.outputs:
        yield ok(subject, f"version {component.version} gives scores")
    else:
        yield fail(subject, "has no output scores", "declare scores: {type: uri_folder}; docs/reference/evaluation.md")


def _component(ml: Any, reference: str, subject: str) -> tuple[Any, Finding | None]:
    name, version = split_reference(reference)
    selector = {"label": "latest"} if version is None else {"version": version}
    missing = fail(subject, "is not registered", "register it: python register.py, or az ml component create")
    return read(subject, lambda: ml.components.get(name, **selector), missing)


def _inputs(subject: str, component: Any, given: Mapping[str, set[str] | None]) -> Iterator[Finding]:
    """Yield where the inputs that Vigia gives, each of one of some types, are not those that the component takes."""
    for name, types in given.items():
        declared = component.inputs.get(name)
        if declared is None:
            yield fail(subject, f"has no input {name!r}, which it would be given", f"declare the input {name}")
        elif types and str(declared.type) not in types:
            remedy = f"declare it as {' or '.join(sorted(types))}"
            yield fail(subject, f"its input {name!r} is {declared.type}", remedy)
    for name, declared in component.inputs.items():
        is_needed = not declared.optional and declared.default is None
        if is_needed and name not in given:
            yield fail(
                subject, f"needs an input {name!r}, which nothing gives", "give it a default, or make it optional"
            )
