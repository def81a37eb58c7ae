"""The envelope of an event: one shape for the Event Grid schema and CloudEvents."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

from shared.domain.arm_ids import normalized, workspace_of
from shared.errors import EventError
from shared.events.wire.fields import Fields
from shared.events.wire.strict_json import Json, read_json


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event, whatever schema it came in.

    Args:
        source: where it happened, lower-cased: an ARM id is the same in any casing.
        time: UTC, timezone-aware; when it was received, for a CloudEvent that carries none.
        moment: what tells this event from the next of its kind about the same thing: its time, else its id.
        data: keys are found without regard to case.
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    moment: str
    data: Fields

    @property
    def workspace(self) -> str:
        """Return the source up to the workspace, when it is something in one; else the source."""
        return workspace_of(self.source) or self.source

    def required_subject(self) -> str:
        """Return the subject.

        Raises:
            EventError: the event has none.
        """
        if not self.subject.strip():
            raise EventError("event.field", f"event {self.id} of type {self.type}: subject is missing or empty")
        return self.subject.strip()


def read_events(body: str | bytes, received_at: datetime | None = None) -> list[Envelope]:
    """Return the events in a body as Event Grid delivers it: one object or an array, in either schema.

    Args:
        received_at: UTC; stands for the time that a CloudEvent may leave out. Without it, such an event is refused.

    Raises:
        EventError: the body is not strict JSON, or an event lacks what every event has.
    """
    value = read_json(body)
    events = value if isinstance(value, list) else [value]
    return [_envelope(event, number, received_at) for number, event in enumerate(events)]


def _envelope(event: Json, number: int, received_at: datetime | None) -> Envelope:
    if not isinstance(event, dict):
        raise EventError("event.envelope", f"event {number} of the body is not an object", "send event objects")
    identifier = Fields(event, f"event {number} of the body", "").name("id")
    keys = {key.lower() for key in event}
    # A dead-lettered CloudEvent may lack specversion, so the two schemas are distinguished by the type's key.
    is_grid = "eventtype" in keys
    if not is_grid and "type" not in keys:
        raise EventError(
            "event.envelope",
            f"event {identifier} has neither eventType nor type",
            "send the Event Grid schema or CloudEvents 1.0",
        )
    type_key, source_key, time_key = ("eventType", "topic", "eventTime") if is_grid else ("type", "source", "time")
    kind = Fields(event, f"event {identifier}", "").name(type_key)
    owner = f"event {identifier} of type {kind}"
    fields = Fields(event, owner, "")
    # CloudEvents 1.0 makes `time` optional; Event Grid's own schema does not.
    is_timeless = not is_grid and received_at is not None and not fields.has(time_key)
    time = received_at if is_timeless and received_at else fields.time(time_key)
    return Envelope(
        id=identifier,
        source=normalized(fields.text(source_key)),
        type=kind,
        subject=fields.optional_text("subject") or "",
        time=time,
        moment=f"event {identifier}" if is_timeless else time.isoformat(),
        data=Fields(_data(event, fields), owner, "data"),
    )


def _data(event: dict[str, Json], fields: Fields) -> Json:
    """Return the data; CloudEvents may carry it as `data_base64` instead, and senders write JSON into a text.

    Raises:
        EventError: `data_base64` does not hold JSON.
    """
    data = next((value for key, value in event.items() if key.lower() == "data"), None)
    if isinstance(data, str) and data.lstrip().startswith("{"):
        return _opened(data)
    encoded = fields.optional_text("data_base64") if data is None else None
    if encoded is None:
        return data
    try:
        return read_json(base64.b64decode(encoded, validate=True))
    except binascii.Error as exc:
        raise EventError("event.field", f"{fields.owner}: data_base64 is not base64: {exc}") from exc


def _opened(text: str) -> Json:
    try:
        return read_json(text)
    except EventError:
        return text
