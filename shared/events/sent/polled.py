"""What a look at the workspace tells, as the event that Azure ML should have sent: reading it gives the same fact."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from shared.domain.arm_ids import OPERATION_PROPERTY
from shared.domain.ids import EndpointName
from shared.events.monitor_breach import BREACH_TAG
from shared.events.run_ended import CAUSE_TAG, MODEL_TAG
from shared.events.types import data_arrived as arrived
from shared.events.types import model_deployed as deployed
from shared.events.types import model_registered as registered
from shared.events.types import run_completed as completed
from shared.events.types import run_status_changed as status_changed
from shared.ports.endpoints import DeploymentRecord
from shared.ports.jobs import JobRecord
from shared.ports.workspace import ModelRecord

# Every `source` is the ARM id of the workspace, as in Azure ML's own events.


def model_registered(source: str, model: ModelRecord) -> str:
    """Return the body of the event that the version was registered."""
    data = {"ModelName": model.name, "ModelVersion": model.version, "ModelTags": {}, "ModelProperties": {}}
    return _body(registered.SPEC.types[0], source, f"models/{model.name}:{model.version}", model.created_at, data)


def run_status_changed(source: str, job: JobRecord, observed_at: datetime) -> str:
    """Return the body of the event that the job has the status it has; `seen_at` is UTC.

    With the tag of a monitor's breach it is the event that tells of the breach, as Azure ML's own is.
    """
    return _run(status_changed.SPEC.types[0], source, job, observed_at, {"runStatus": job.status})


def run_completed(source: str, job: JobRecord, observed_at: datetime) -> str:
    """Return the body of the event that the job reached its end with success."""
    return _run(completed.SPEC.types[0], source, job, observed_at, {})


def model_deployed(source: str, endpoint: EndpointName, deployment: DeploymentRecord, observed_at: datetime) -> str:
    """Return the body of the event that the deployment came up; it has an operation, by which it is the same fact."""
    data = {
        "ServiceName": endpoint,
        "ModelIds": f"{deployment.model}:{deployment.version}",
        "ServiceTags": {},
        "ServiceProperties": {OPERATION_PROPERTY: deployment.operation},
    }
    return _body(deployed.SPEC.types[0], source, f"endpoints/{endpoint}", observed_at, data)


def data_arrived(source: str, name: str, version: str, observed_at: datetime) -> str:
    """Return the body of the event that a data asset has a new version; Azure ML itself tells of none."""
    return _body(arrived.TYPE, source, f"data/{name}:{version}", observed_at, {"data": name, "version": version})


def _run(kind: str, source: str, job: JobRecord, observed_at: datetime, status: Mapping[str, str]) -> str:
    tags = {tag: job.tags[tag] for tag in (MODEL_TAG, CAUSE_TAG, BREACH_TAG) if tag in job.tags}
    data = {"runId": job.name, "experimentName": job.experiment, "runTags": tags, "runProperties": {}, **status}
    return _body(kind, source, f"experiments/{job.experiment}/runs/{job.name}", observed_at, data)


def _body(kind: str, source: str, subject: str, time: datetime, data: Mapping[str, object]) -> str:
    event = {
        "specversion": "1.0",
        "id": f"poll/{subject}",
        "source": source,
        "type": kind,
        "subject": subject,
        "time": time.isoformat(),
        "data": data,
    }
    return json.dumps(event, ensure_ascii=False)
