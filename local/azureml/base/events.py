"""Azure ML's events, as its Event Grid system topic raises them.

Subjects, names and casing: learn.microsoft.com, event-schema-machine-learning and how-to-use-event-grid (2026-07-06).
ModelRegistered and ModelDeployed carry PascalCase data, run events camelCase.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable

from local.addresses import WORKSPACE_ID
from local.azureml.base.arm import PROVIDER, Json, stamp

log = logging.getLogger("local.azureml")


def experiment_id(name: str) -> str:
    """The experiment's GUID: the same for the same name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{WORKSPACE_ID}/experiments/{name}"))


def model_registered(name: str, version: str, tags: Json, properties: Json) -> Json:
    data = {"ModelName": name, "ModelVersion": version, "ModelTags": tags, "ModelProperties": properties}
    return _event("ModelRegistered", f"models/{name}:{version}", data)


def model_deployed(endpoint: str, model_ids: list[str], tags: Json, properties: Json) -> Json:
    data = {
        "ServiceName": endpoint,
        "ServiceComputeType": "Managed",
        "ModelIds": ",".join(model_ids),
        "ServiceTags": tags,
        "ServiceProperties": properties,
    }
    return _event("ModelDeployed", f"endpoints/{endpoint}", data)


def run_data(name: str, run_type: str, experiment: str, created_by: str, tags: Json, properties: Json) -> Json:
    return {
        "experimentId": experiment_id(experiment),
        "experimentName": experiment,
        "runId": name,
        "runType": run_type,
        "createdBy": created_by,
        "runTags": tags,
        "runProperties": properties,
    }


def run_status_changed(run: Json, status: str) -> Json:
    return _event("RunStatusChanged", _run_subject(run), {**run, "runStatus": status})


def run_completed(run: Json) -> Json:
    return _event("RunCompleted", _run_subject(run), run)


def _run_subject(run: Json) -> str:
    return f"experiments/{run['experimentId']}/runs/{run['runId']}"


def _event(kind: str, subject: str, data: Json) -> Json:
    return {
        "topic": WORKSPACE_ID,
        "subject": subject,
        "eventType": f"{PROVIDER}.{kind}",
        "eventTime": stamp(),
        "id": str(uuid.uuid4()),
        "data": data,
        "dataVersion": "",
        "metadataVersion": "1",
    }


class Outbox:
    """Publishes events one after the other, in the order they arose, without delaying the code that raised them."""

    def __init__(self, publish: Callable[[Json], Awaitable[None]]) -> None:
        self._publish = publish
        self._waiting: asyncio.Queue[Json] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def emit(self, event: Json) -> None:
        self._waiting.put_nowait(event)

    async def start(self) -> None:
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Publish what waits, then end."""
        if self._task is None:
            return
        try:
            await asyncio.wait_for(self._waiting.join(), timeout=5)
        except TimeoutError:
            log.error("%d events were not published before the stop", self._waiting.qsize())
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            event = await self._waiting.get()
            try:
                await self._publish(event)
            except Exception:
                # The border to another emulator: its fault must not end the stream of events.
                log.exception("event %s (%s) could not be published", event["id"], event["eventType"])
            finally:
                self._waiting.task_done()
