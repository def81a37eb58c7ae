"""The data collector: inputs and outputs of scored requests, in append blobs of one hour each.

Layout and fields: https://learn.microsoft.com/azure/machine-learning/how-to-collect-production-data ("The collected
data follows this JSON schema"). One JSON object per line, below
`modelDataCollector/ENDPOINT/DEPLOYMENT/COLLECTION/yyyy/MM/dd/HH/`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import uuid
from collections import defaultdict
from datetime import datetime
from typing import Any

from azure.core.exceptions import AzureError

from local.addresses import WORKSPACE_ID
from local.azureml.base.arm import Json
from local.azureml.base.blobs import Blobs, in_workspace
from local.azureml.online.deployment import Deployment

log = logging.getLogger("local.azureml")

_MAX_BLOCK_BYTES = 4 * 1024 * 1024  # the limit of one append
_FLUSH_SECONDS = 1.0


class Collector:
    """Buffers records in memory and appends them to blobs every second, and on stop."""

    def __init__(self, blobs: Blobs, chance: random.Random) -> None:
        self._blobs = blobs
        self._chance = chance
        self._instance = uuid.uuid4().hex[:12]
        self._lines: dict[str, list[bytes]] = defaultdict(list)  # blob path -> lines
        self._task: asyncio.Task[None] | None = None
        self.failed_flushes = 0

    async def start(self) -> None:
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    def keep(
        self, endpoint: str, deployment: Deployment, request_id: str, when: datetime, body: bytes, answer: bytes
    ) -> None:
        """Take one request's input and output, as far as the deployment collects them. What isn't JSON is left out."""
        draw = self._chance.random()  # one draw for both, so that inputs and outputs stay together
        for collection, kind, content in (("model_inputs", "inputs", body), ("model_outputs", "outputs", answer)):
            if draw >= deployment.collects(collection):
                continue
            try:
                records = _records(json.loads(content))
            except ValueError:
                continue
            self._add(endpoint, deployment, collection, kind, request_id, when, records)

    def _add(
        self,
        endpoint: str,
        deployment: Deployment,
        collection: str,
        kind: str,
        request_id: str,
        when: datetime,
        records: list[Any],
    ) -> None:
        size = len(json.dumps(records))
        line: Json = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": f"{WORKSPACE_ID}/onlineEndpoints/{endpoint}/deployments/{deployment.name}",
            "type": f"azureml.inference.{kind}",
            "datacontenttype": "application/json",
            "time": when.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "xrequestid": request_id,
            "correlationid": request_id,
            "modelversion": deployment.model.rsplit(":", 1)[-1],
            "collectdatatype": "pandas.core.frame.DataFrame",
            "agent": "local-azureml/1",
            "contentrange": f"bytes 0-{size - 1}/{size}",
            "data": records,
        }
        hour = when.strftime("%Y/%m/%d/%H")
        path = f"modelDataCollector/{endpoint}/{deployment.name}/{collection}/{hour}/{self._instance}.jsonl"
        self._lines[path].append(json.dumps(line, separators=(",", ":")).encode() + b"\n")

    async def flush(self) -> None:
        """Append what is buffered. What can't be written stays for the next time."""
        for path in list(self._lines):
            lines = self._lines.pop(path)
            while lines:
                block, rest = _block(lines)
                try:
                    await self._blobs.append(in_workspace(path), block)
                except AzureError as exc:
                    self.failed_flushes += 1
                    self._lines[path] = lines + self._lines[path]
                    log.warning("collected data could not be written to %s: %s", path, exc)
                    return
                lines = rest

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            # Shielded: a stop in the middle of an append would lose the lines already taken from the buffer.
            await asyncio.shield(self.flush())


def _block(lines: list[bytes]) -> tuple[bytes, list[bytes]]:
    """Return as many lines as fit in one append (at least one), and the rest."""
    size = 0
    for index, line in enumerate(lines):
        size += len(line)
        if size > _MAX_BLOCK_BYTES and index > 0:
            return b"".join(lines[:index]), lines[index:]
    return b"".join(lines), []


def _records(content: Any) -> list[Any]:
    """Return rows as records: split tables become dicts by column; plain predictions become {"prediction": value}."""
    table = content.get("input_data", content) if isinstance(content, dict) else content
    if isinstance(table, dict) and "data" in table:
        columns = table.get("columns") or [str(index) for index in range(len((table["data"] or [[]])[0]))]
        return [dict(zip(columns, row, strict=False)) for row in table["data"]]
    rows = table if isinstance(table, list) else [table]
    return [row if isinstance(row, dict) else {"prediction": row} for row in rows]
