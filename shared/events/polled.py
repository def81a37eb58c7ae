"""What a look at the workspace tells, as the event that Azure ML should have sent: reading it gives the same fact.

A deployment has no such event here. ModelDeployed names the endpoint and its models but neither the deployment nor a
time that could be read back, so that only the moment of sending tells two of them apart; nothing waits for that fact,
as releases read the endpoint themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from shared.events import model_registered as registered
from shared.events import run_status_changed as status_changed
from shared.events.run_ended import CAUSE_TAG, MODEL_TAG
from shared.ports.workspace import JobRecord, ModelRecord

# Every `source` is the ARM id of the workspace, as in Azure ML's own events.


def model_registered(source: str, model: ModelRecord) -> str:
    """Return the body of the event that the version was registered."""
    data = {"ModelName": model.name, "ModelVersion": model.version, "ModelTags": {}, "ModelProperties": {}}
    return _body(registered.SPEC.types[0], source, f"models/{model.name}:{model.version}", model.created_at, data)


def run_status_changed(source: str, job: JobRecord, seen_at: datetime) -> str:
    """Return the body of the event that the job has the status it has; `seen_at` is UTC."""
    ours = {tag: job.tags[tag] for tag in (MODEL_TAG, CAUSE_TAG) if tag in job.tags}
    data = {
        "runId": job.name,
        "runStatus": job.status,
        "experimentName": job.experiment,
        "runTags": ours,
        "runProperties": {},
    }
    return _body(status_changed.SPEC.types[0], source, f"experiments/{job.experiment}/runs/{job.name}", seen_at, data)


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
