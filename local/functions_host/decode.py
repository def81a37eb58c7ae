"""Makes trigger arguments with azure-functions' own converters, as Microsoft's worker does."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from azure.functions import meta
from azure.storage.queue import QueueMessage


def event_grid_event(event: dict[str, Any]) -> Any:
    """Return func.CloudEvent or func.EventGridEvent, decided by the event's content.

    Raises:
        ValueError: the event's time is malformed.
    """
    return _decode("eventGridTrigger", json.dumps(event), "json", None)


def queue_message(message: QueueMessage, body: bytes) -> Any:
    """Return the func.QueueMessage of a stored message, with `body` as its decoded content."""
    metadata = {
        "Id": _text(message.id),
        "DequeueCount": _text(message.dequeue_count),
        "InsertionTime": _text(message.inserted_on),
        "ExpirationTime": _text(message.expires_on),
        "NextVisibleTime": _text(message.next_visible_on),
        "PopReceipt": _text(message.pop_receipt),
    }
    return _decode("queueTrigger", body, "bytes", metadata)


def timer_request(last: datetime | None, next_: datetime, is_past_due: bool) -> Any:
    """Return the func.TimerRequest of a run; `last` is None before the first run."""
    status = {"Last": _iso(last), "Next": _iso(next_), "LastUpdated": _iso(last)}
    body = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": is_past_due}
    return _decode("timerTrigger", json.dumps(body), "json", None)


def _decode(binding: str, value: Any, kind: str, metadata: dict[str, meta.Datum] | None) -> Any:
    registry: Any = meta
    converter = registry.get_binding_registry().get(binding)
    return converter.decode(meta.Datum(value, kind), trigger_metadata=metadata)


def _text(value: object) -> meta.Datum:
    text = _iso(value) if isinstance(value, datetime) else str(value)
    return meta.Datum(text, "string")


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
