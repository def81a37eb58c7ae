"""Checks of what serves: the model's versions, the endpoint, and what the monitor reads of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from cli.doctor.finding import Finding, fail, ok, read, warn
from shared.adapters.azure_ml.records import word
from shared.domain.assets import split_reference
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import Monitor
from shared.ports.workspace import Workspace
from shared.release.sections.rollout import Rollout

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def model(workspace: Workspace, ml: Any, policy: Policy) -> Iterator[Finding]:
    """Yield whether there are versions, and whether the newest can be deployed as the policy says."""
    subject = f"model {policy.model}"
    versions, problem = read(
        subject,
        lambda: workspace.models_after(policy.model, _LONG_AGO, 1),
        fail(subject, "has no version", "train one: python register.py"),
    )
    if problem or not versions:
        yield problem or warn(subject, "has no version yet", "train one: vigia events trigger retraining-requested")
        return
    (newest,) = versions
    rollout = policy.section(Rollout)
    deployment = rollout.deployment if rollout else None
    environment = getattr(deployment, "environment", None)
    script = getattr(deployment, "scoring_script", None)
    if newest.type != "mlflow_model" and not (environment and script):
        text = f"version {newest.version} is {newest.type}, which serves only with an environment and a scoring script"
        yield fail(subject, text, "give rollout.deployment: {environment: …, code: …, scoring_script: …}")
        return
    yield ok(subject, f"version {newest.version}, {newest.type}")
    if environment:
        name, version = split_reference(environment)
        selector = {"label": "latest"} if version is None else {"version": version}
        missing = fail(
            f"environment {environment}", "is not registered", "register it, or leave it out for MLflow models"
        )
        _, problem = read(missing.subject, lambda: ml.environments.get(name, **selector), missing)
        yield problem or ok(missing.subject, "is registered")


def endpoint(workspace: Workspace, ml: Any, policy: Policy) -> Iterator[Finding]:
    """Yield whether the endpoint is there, of the policy's type, and how callers are let in."""
    name, kind = policy.endpoint.name, policy.endpoint.type
    subject = f"{kind} endpoint {name}"
    absent = warn(subject, "is not there yet", "the first release makes it")
    operations = ml.online_endpoints if kind == "online" else ml.batch_endpoints
    record, problem = read(subject, lambda: operations.get(name), absent)
    if problem is None and record is not None:
        state = word(record.provisioning_state)
        if state != "Succeeded":
            yield fail(subject, f"is {state}", "look at it in the studio; a failed one has to be deleted")
        else:
            yield ok(subject, f"{state}, lets callers in by {record.auth_mode}")
        yield from _collector(workspace, ml, policy)
        return
    others = workspace.batch if kind == "online" else workspace
    if others.endpoint(name):
        other = "batch" if kind == "online" else "online"
        text = f"is not there; {other} endpoint {name} is"
        yield fail(subject, text, f"write type: {other}, or another name, in the policy's endpoint")
    else:
        yield problem or absent


def _collector(workspace: Workspace, ml: Any, policy: Policy) -> Iterator[Finding]:
    """Yield whether the monitor has rows to read."""
    if policy.endpoint.type != "online" or policy.section(Monitor) is None:
        return
    record = workspace.endpoint(policy.endpoint.name)
    if record is None or record.serving is None:
        yield warn("data collector", "nothing serves yet", "the first release switches it on")
        return
    name, subject = record.serving, f"data collector of {record.serving}"
    missing = fail(subject, "the deployment is gone", "look again")
    deployment, problem = read(subject, lambda: ml.online_deployments.get(name, policy.endpoint.name), missing)
    if problem:
        yield problem
        return
    collections = getattr(getattr(deployment, "data_collector", None), "collections", None) or {}
    inputs = collections.get("model_inputs")
    if inputs is not None and str(inputs.enabled).lower() == "true":
        yield ok(subject, f"keeps {', '.join(sorted(collections))}")
    else:
        remedy = "switch it on in the deployment; those that Vigia makes have it on"
        yield fail(subject, "does not keep what is asked, so the monitor has nothing to read", remedy)
