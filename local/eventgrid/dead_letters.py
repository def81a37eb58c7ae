"""Events that were given up: the record that Event Grid writes, and where it is written.

Sources, read 2026-11-20: learn.microsoft.com/azure/event-grid/delivery-and-retry (fields) and
learn.microsoft.com/azure/event-grid/manage-event-delivery (blob names).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from datetime import UTC, datetime
from typing import Protocol

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob import BlobServiceClient

from local.eventgrid.retry import Answer
from local.eventgrid.schemas import Published, azure_time, in_schema
from local.eventgrid.subscription import Subscription

CONTAINER = "dead-letters"


class DeadLetterUnavailableError(Exception):
    """The store can't take the blob now; the writer tries again later."""


class DeadLetterStore(Protocol):
    """Where dead-letter blobs go."""

    async def write(self, name: str, content: bytes) -> None:
        """Store one blob.

        Raises:
            DeadLetterUnavailableError: not now.
        """
        ...


class BlobDeadLetters:
    """Dead letters in a container of a storage account; the container is made when it is missing."""

    def __init__(self, connection_string: str, container: str = CONTAINER) -> None:
        self._service = BlobServiceClient.from_connection_string(connection_string, retry_total=0)
        self._container = self._service.get_container_client(container)
        self._has_container = False

    async def write(self, name: str, content: bytes) -> None:
        await asyncio.to_thread(self._write, name, content)

    def _write(self, name: str, content: bytes) -> None:
        try:
            if not self._has_container:
                self._create_container()
            # The name is unique, so overwriting only repeats a write whose answer was lost.
            self._container.upload_blob(name, content, overwrite=True)
        except AzureError as exc:
            raise DeadLetterUnavailableError(str(exc)) from exc

    def _create_container(self) -> None:
        with contextlib.suppress(ResourceExistsError):  # made by an earlier run or by the app
            self._container.create_container()
        self._has_container = True

    def close(self) -> None:
        self._service.close()


def blob_name(subscription: Subscription, now: datetime) -> str:
    """Return `NAME/YYYY/M/D/H/guid.json`: upper-case name, UTC, numbers without leading zeros."""
    at = now.astimezone(UTC)
    return f"{subscription.name.upper()}/{at.year}/{at.month}/{at.day}/{at.hour}/{uuid.uuid4()}.json"


def blob_content(
    event: Published, subscription: Subscription, reason: str, attempts: int, last: Answer, last_at: datetime
) -> bytes:
    """Return the JSON array of one event with the dead-letter fields, camelCase or, for CloudEvents, lower case."""
    fields = {
        "deadLetterReason": reason,
        "deliveryAttempts": attempts,
        "lastDeliveryOutcome": last.outcome,
        "publishTime": azure_time(event.at),
        "lastDeliveryAttemptTime": azure_time(last_at),
    }
    if last.status is not None:
        fields["lastHttpStatusCode"] = last.status
    if subscription.schema == "cloud-events":
        fields = {name.lower(): value for name, value in fields.items()}
    return json.dumps([{**in_schema(event, subscription.schema), **fields}]).encode()
