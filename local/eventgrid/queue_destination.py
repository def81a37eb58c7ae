"""The storage queue that events are put on, where a subscription's destination is a queue and not a function.

One event a message, in base64, as the samples of azure-eventgrid 4.22.1 read it; what the storage answers decides on
the next attempt. Source: learn.microsoft.com/azure/event-grid/handler-storage-queues, read 2026-11-30.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.queue.aio import QueueServiceClient

from local.eventgrid.retry import NO_CONNECTION, Answer, answer_of

NEVER_EXPIRES = -1  # queueMessageTimeToLiveInSeconds in infra/events/subscription.bicep
CREATED = 201
LARGEST_TEXT = 64 * 1024  # of a message, in base64


class StorageQueue:
    """One queue of a storage account. Like the service, it makes no queue that is missing."""

    def __init__(self, connection_string: str, name: str) -> None:
        self._service = QueueServiceClient.from_connection_string(connection_string, retry_total=0)
        self._queue = self._service.get_queue_client(name)

    async def put(self, event: dict[str, Any]) -> Answer:
        """Put an event on the queue; return what the storage answered."""
        text = base64.b64encode(json.dumps(event).encode()).decode()
        if len(text) > LARGEST_TEXT:
            return answer_of(413)
        try:
            await self._queue.send_message(text, time_to_live=NEVER_EXPIRES)
        except HttpResponseError as exc:
            return answer_of(exc.status_code or 500)
        except AzureError:
            return NO_CONNECTION
        return answer_of(CREATED)

    async def close(self) -> None:
        await self._service.close()
