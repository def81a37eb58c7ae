"""The two event schemas: checks on what is published, and the body and headers of what is delivered."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.addresses import WORKSPACE_ID
from local.eventgrid.subscription import Schema, Subscription, Topic

INPUT_SCHEMAS: dict[Topic, Schema] = {"workspace": "event-grid", "custom": "cloud-events"}
# The documented limit is 1 MB; the service says 1,536,000 when it refuses.
# Sources: learn.microsoft.com/azure/event-grid/quotas-limits, read 2026-11-20; live tests of azure-eventgrid 4.22.1.
MAX_BYTES = 1_536_000
MAX_EVENTS = 5000

_CONTENT_TYPES: dict[str, Schema] = {
    "application/json": "event-grid",
    "application/cloudevents+json": "cloud-events",
    "application/cloudevents-batch+json": "cloud-events",
}
_NAMES: dict[Schema, str] = {"event-grid": "the Event Grid schema", "cloud-events": "CloudEvents 1.0"}
_EVENT_GRID_FIELDS = {"id", "subject", "eventType", "eventTime", "data", "dataVersion", "topic", "metadataVersion"}
_ATTRIBUTE_NAME = re.compile(r"[a-z0-9]+|data_base64")


class MalformedEventError(ValueError):
    """A publish request that Event Grid answers with 400; the message is meant for the publisher."""


@dataclass(frozen=True)
class Published:
    """One accepted event, stamped by the topic. `body` is in the topic's input schema."""

    topic: Topic
    body: dict[str, Any]
    at: datetime

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def type(self) -> str:
        return str(self.body["eventType" if self.topic == "workspace" else "type"])


def parse_body(topic: Topic, content_type: str, raw: bytes) -> list[dict[str, Any]]:
    """Return the events of a publish request, in order, as sent.

    Raises:
        MalformedEventError: another schema than the topic's, or not JSON, or not the shape that the schema asks for.
    """
    schema = _CONTENT_TYPES.get(content_type)
    if schema is None:
        raise MalformedEventError(f"content type {content_type!r} is not one of {', '.join(_CONTENT_TYPES)}")
    if schema != INPUT_SCHEMAS[topic]:
        raise MalformedEventError(
            f"topic {topic!r} takes {_NAMES[INPUT_SCHEMAS[topic]]}; "
            f"content type {content_type!r} means {_NAMES[schema]}"
        )
    try:
        body = json.loads(raw)
    except ValueError as exc:
        raise MalformedEventError(f"the body is not JSON: {exc}") from exc
    if content_type == "application/cloudevents+json":
        body = [body]
    if not isinstance(body, list) or not body:
        raise MalformedEventError("the body must be a JSON array with at least one event")
    return body


def accept(topic: Topic, event: object, at: datetime, position: int = 0) -> Published:
    """Return the event as the topic keeps it: checked, and with the service's own fields stamped.

    Raises:
        MalformedEventError: a field is missing or wrong; the message gives the event's position in the request.
    """
    where = f"event {position}"
    if not isinstance(event, dict):
        raise MalformedEventError(f"{where} must be a JSON object")
    if INPUT_SCHEMAS[topic] == "event-grid":
        _check_event_grid(event, where)
        return Published(topic, {"topic": WORKSPACE_ID, "dataVersion": "", "metadataVersion": "1", **event}, at)
    _check_cloud_event(event, where)
    return Published(topic, dict(event), at)


def _check_event_grid(event: Mapping[str, Any], where: str) -> None:
    _require_texts(event, ("id", "subject", "eventType", "eventTime"), where)
    _require_time(event["eventTime"], f"{where}: eventTime")
    unknown = set(event) - _EVENT_GRID_FIELDS
    if unknown:
        raise MalformedEventError(f"{where}: {sorted(unknown)[0]!r} is not a field of the Event Grid schema")
    if event.get("topic", WORKSPACE_ID) != WORKSPACE_ID:
        raise MalformedEventError(f"{where}: topic must be absent or equal to {WORKSPACE_ID}")
    if event.get("metadataVersion", "1") != "1":
        raise MalformedEventError(f"{where}: metadataVersion must be absent or '1'")


def _check_cloud_event(event: Mapping[str, Any], where: str) -> None:
    _require_texts(event, ("id", "source", "type", "specversion"), where)
    if event["specversion"] != "1.0":
        raise MalformedEventError(f"{where}: specversion must be '1.0', found {event['specversion']!r}")
    if event.get("time") is not None:
        _require_time(event["time"], f"{where}: time")
    if "data" in event and "data_base64" in event:
        raise MalformedEventError(f"{where}: data and data_base64 exclude each other")
    for name in event:
        if not _ATTRIBUTE_NAME.fullmatch(name):
            raise MalformedEventError(f"{where}: attribute name {name!r} must be lower-case letters and digits")


def _require_texts(event: Mapping[str, Any], names: tuple[str, ...], where: str) -> None:
    for name in names:
        if not isinstance(event.get(name), str) or (not event[name] and name != "subject"):
            raise MalformedEventError(f"{where}: {name!r} must be a text, found {event.get(name)!r}")


def _require_time(value: object, where: str) -> None:
    try:
        datetime.fromisoformat(str(value))
    except ValueError as exc:
        raise MalformedEventError(f"{where} must be an ISO 8601 time, found {value!r}") from exc


def to_cloud_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return a CloudEvent for an Event Grid schema event.

    Source: learn.microsoft.com/azure/event-grid/event-schema-machine-learning (2022-12-02), its paired
    samples: `source` is the topic, subject and data are the same, and dataVersion is left out.
    """
    return {
        "id": event["id"],
        "source": event["topic"],
        "type": event["eventType"],
        "subject": event["subject"],
        "time": event["eventTime"],
        "specversion": "1.0",
        "data": event.get("data"),
    }


def in_schema(event: Published, schema: Schema) -> dict[str, Any]:
    """Return the event as a subscription with this delivery schema sees it."""
    if schema == "cloud-events" and INPUT_SCHEMAS[event.topic] == "event-grid":
        return to_cloud_event(event.body)
    return event.body


def delivery(event: Published, subscription: Subscription, attempts_before: int) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a delivery: an array for the Event Grid schema, one object for a CloudEvent.

    Source: learn.microsoft.com/azure/event-grid/handler-event-hubs (message headers), read 2026-11-20.
    """
    body = in_schema(event, subscription.schema)
    headers = {
        "aeg-event-type": "Notification",
        "aeg-subscription-name": subscription.name.upper(),
        "aeg-delivery-count": str(attempts_before),
        "aeg-output-event-id": event.id,
    }
    if subscription.schema == "event-grid":
        headers["content-type"] = "application/json; charset=utf-8"
        headers["aeg-metadata-version"] = str(body["metadataVersion"])
        headers["aeg-data-version"] = str(body["dataVersion"])
        return json.dumps([body]).encode(), headers
    headers["content-type"] = "application/cloudevents+json; charset=utf-8"
    headers["aeg-metadata-version"] = "1.0"
    return json.dumps(body).encode(), headers


def azure_time(moment: datetime) -> str:
    """Return UTC with seven fractional digits, as Azure services write it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
