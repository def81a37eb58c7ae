"""Vigia.EndpointAlert: an alert rule fired, or resolved, on an endpoint."""

from __future__ import annotations

from typing import Literal

from shared.domain.fact import EndpointDegraded, Fact
from shared.domain.ids import EndpointName
from shared.events.spec import OURS, EventSpec, fact_of
from shared.events.wire.envelope import Envelope
from shared.events.wire.fields import Fields

TYPE = f"{OURS}EndpointAlert"


def parse(envelope: Envelope) -> Fact:
    data = envelope.data
    condition: Literal["fired", "resolved"] = (
        "fired" if data.one_of("condition", "fired", "resolved") == "fired" else "resolved"
    )
    body = EndpointDegraded(
        endpoint=EndpointName(data.name("endpoint")),
        deployment=data.optional_name("deployment"),
        rule=data.name("rule"),
        condition=condition,
        fired_at=data.time("firedAt"),
        detail=data.optional_text("detail") or "",
        alert=(data.optional_text("alert") or "").strip(),
        endpoint_type=_endpoint_type(data),
    )
    return fact_of(envelope, body, identity_of(body))


def _endpoint_type(data: Fields) -> Literal["", "online", "batch"]:
    if not data.has("endpointType"):
        return ""
    return "batch" if data.one_of("endpointType", "online", "batch") == "batch" else "online"


def identity_of(body: EndpointDegraded) -> tuple[str, ...]:
    """Return what makes two alerts one: the sender's id, else the rule that fired at that moment; where it fired; and
    whether it fired or resolved."""
    which = (body.alert.lower(),) if body.alert else (body.rule, body.fired_at.isoformat())
    return body.endpoint, body.deployment or "", *which, body.condition


SPEC = EventSpec((TYPE,), parse, "An alert rule fired, or resolved, on an endpoint.")
