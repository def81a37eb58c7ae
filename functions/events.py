"""Event Grid: one trigger per event family. Each puts the raw event on queue `events` and returns at once.

Nothing is judged here: Event Grid drops what is answered wrongly, while a queued event is ours to keep. The message is
sent by ourselves, not by the host's output binding: the binding's messages expire after seven
days, even while the app is stopped, and it has no setting for that.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import TYPE_CHECKING, Any

import azure.functions as func

from functions.traced import traced
from shared.domain.messages import LargeEvent, event_body
from shared.ports.queues import EVENTS, MessageQueue

if TYPE_CHECKING:
    from shared.settings import Settings
    from shared.store.facts.large_events import LargeEvents

bp = func.Blueprint()

# Function name to what it receives; infra/subscriptions.yaml says which event types are delivered to which.
FAMILIES = {
    "model_registered": "a model version was registered, or someone asks to evaluate it again",
    "model_deployed": "a deployment came up",
    "run_completed": "a run succeeded",
    "run_status_changed": "a run changed its status; model monitors announce breaches this way",
    "drift_detected": "drift, from our own monitors or from legacy data drift monitors",
    "budget_alert": "spending crossed a threshold of a budget",
    "endpoint_alert": "an alert rule fired on an endpoint",
    "data_arrived": "a new version of a data asset is ready, or a file was written",
    "retraining_requested": "a person or a schedule asks for a training",
    "policy_state_changed": "Azure Policy judged the workspace or something in it",
    "image_pushed": "an image came into the container registry",
}


def keep(event: func.EventGridEvent) -> None:
    """Put the raw event on the queue.

    Raises:
        RetryableError: the storage does not take it now; Event Grid delivers the event again.
    """
    send(queue_message(json.dumps(_raw(event), ensure_ascii=False, separators=(",", ":"))))


for family in FAMILIES:
    bp.function_name(family)(bp.event_grid_trigger(arg_name="event")(traced(keep, family)))


@cache
def read_settings() -> Settings:
    """Return the settings alone: building the app would load what only the processing of events needs."""
    from shared.settings import Settings

    return Settings.read(os.environ)


@cache
def open_queue() -> MessageQueue:
    """Return the queues alone, for the same reason."""
    from shared.adapters.storage.queues import AzureMessageQueue

    return AzureMessageQueue(read_settings())


@cache
def open_large_events() -> LargeEvents:
    from shared.adapters.storage.blobs import AzureBlobStore
    from shared.store.facts.large_events import LargeEvents

    return LargeEvents(AzureBlobStore(read_settings()))


def send(message: str) -> None:
    """Put a message on the queue, where it stays until it is taken.

    Raises:
        RetryableError: the storage does not take it now.
    """
    open_queue().send(EVENTS, message)


def queue_message(body: str) -> str:
    """Return the message that carries an event's body, or the name of the blob that holds it when it is large."""
    return event_body(body, store_large)


def store_large(body: str) -> LargeEvent:
    """Put into a blob what does not fit into a message, and return what stands for it."""
    return open_large_events().store(body)


def _raw(event: func.EventGridEvent | func.CloudEvent) -> dict[str, Any]:
    """Return the event in the schema it came in; the host's converter chooses the class by content."""
    if isinstance(event, func.CloudEvent):
        raw = {
            # What the class has no name for: extensions, and `data_base64`, in which the data of binary events travels.
            **event.extension_attrs,
            "specversion": event.specversion,
            "id": event.id,
            "source": event.source,
            "type": event.type,
            "subject": event.subject,
            "time": event.time.isoformat() if event.time else None,
            "data": event.get_json(),
        }
        return {name: value for name, value in raw.items() if value is not None}
    return {
        "id": event.id,
        "topic": event.topic,
        "subject": event.subject,
        "eventType": event.event_type,
        "eventTime": event.event_time.isoformat() if event.event_time else None,
        "data": event.get_json(),
        "dataVersion": event.data_version,
    }
