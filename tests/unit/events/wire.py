"""Events as they arrive, for tests to change and to send."""

from __future__ import annotations

import json
from collections.abc import Mapping

from shared.domain.fact import Fact
from shared.events.registry import parse_fact
from shared.events.wire.envelope import read_events
from shared.ports.publisher import OutgoingEvent

WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-fake"
    "/providers/Microsoft.MachineLearningServices/workspaces/ws-fake"
)


def grid(kind: str, data: object, **changes: object) -> dict[str, object]:
    """Return an event of Azure ML in the Event Grid schema."""
    return {
        "id": "event-1",
        "topic": WORKSPACE,
        "subject": "models/churn:7",
        "eventType": f"Microsoft.MachineLearningServices.{kind}",
        "eventTime": "2026-11-20T07:01:02.1234567Z",
        "data": data,
        "dataVersion": "",
        "metadataVersion": "1",
        **changes,
    }


def cloud(event: OutgoingEvent) -> str:
    """Return the CloudEvents body that Event Grid delivers of one of our own events."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": event.id,
            "source": event.source,
            "type": event.type,
            "subject": event.subject,
            "time": event.time.isoformat(),
            "data": event.data,
        }
    )


def fact_from(body: str | Mapping[str, object]) -> Fact:
    """Return the one fact that a body tells."""
    [envelope] = read_events(body if isinstance(body, str) else json.dumps(body))
    fact = parse_fact(envelope)
    assert isinstance(fact, Fact), fact
    return fact
