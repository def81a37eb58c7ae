"""What was posted to the alert endpoint becomes events of ours; what cannot be read is kept and told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.domain.messages import PostedAlert
from shared.engine.facts.alerts import Alerts
from shared.store.facts.posted_results import PostedResults
from shared.store.facts.quarantine import Quarantine
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.outbox import FakeOutbox

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
GOLDEN = Path(__file__).parents[3] / "golden" / "events"


class World:
    def __init__(self) -> None:
        self.outbox, blobs = FakeOutbox(), MemoryBlobStore()
        self.quarantine = Quarantine(blobs)
        self.alerts = Alerts(self.quarantine, self.outbox, PostedResults(blobs))

    def events(self, text: str) -> list[dict[str, Any]]:
        message = PostedAlert(text, NOW).to_body(lambda _: pytest.fail("it fits"))
        events: list[dict[str, Any]] = json.loads(self.alerts.events_of(message))
        return events


def golden(name: str) -> str:
    content = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return json.dumps(content.get("body", content))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("alert-budget-legacy", "Vigia.BudgetAlert"),
        ("alert-budget-common", "Vigia.BudgetAlert"),
        ("alert-metric", "Vigia.EndpointAlert"),
    ],
)
def test_an_alert_tells_events_under_one_id_however_often_it_comes(name: str, kind: str) -> None:
    world = World()
    events = [event for _ in range(2) for event in world.events(golden(name))]
    assert [event["type"] for event in events] == [kind, kind]
    assert len({event["id"] for event in events}) == 1


@pytest.mark.parametrize("text", ["", "\\xff\\xfe", "{}", '{"schemaId": "something else"}', "[]", "\ud800"])
def test_what_cannot_be_read_is_kept_and_people_hear_it_once(text: str) -> None:
    world = World()
    for _ in range(2):
        assert world.events(text) == []
    assert len(list(world.quarantine.items())) == 1
    assert world.outbox.kinds == ["event-quarantined"]


def test_what_is_not_for_us_is_noted() -> None:
    world = World()
    assert world.events(golden("alert-service-health")) == []
    reason = "service health is about Azure's regions, not about an endpoint"
    assert [item.reason for _, item in world.quarantine.ignored()] == [reason]
    assert list(world.quarantine.items()) == []


@pytest.mark.parametrize("message", ["{}", '{"id": "e"}', '{"vigia-alert": 1, "at": ""}', '{"vigia-alert": "{}"}', "x"])
def test_any_other_message_is_an_event_and_stays_as_it_is(message: str) -> None:
    assert World().alerts.events_of(message) == message
