"""What action groups tell becomes an event of ours; what cannot be read is kept and told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.engine.facts.alerts import Alerts
from shared.errors import EventError, PolicyError, RetryableError
from shared.ports.outbox import Outbox
from shared.store.facts.quarantine import Quarantine
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.outbox import FakeOutbox
from tests.fakes.publisher import FakePublisher

GOLDEN = Path(__file__).parents[3] / "golden" / "events"


class World:
    def __init__(self) -> None:
        self.topic, self.outbox = FakePublisher(), FakeOutbox()
        self.quarantine = Quarantine(MemoryBlobStore())
        self.alerts = Alerts(self.topic, self.quarantine, FakeClock(), lambda: self.outbox)


def golden(name: str) -> bytes:
    content = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return json.dumps(content.get("body", content)).encode()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("alert-budget-legacy", "Vigia.BudgetAlert"),
        ("alert-budget-common", "Vigia.BudgetAlert"),
        ("alert-metric", "Vigia.EndpointAlert"),
    ],
)
def test_an_alert_is_published_under_one_id_however_often_it_comes(name: str, kind: str) -> None:
    world = World()
    for _ in range(2):
        assert world.alerts.publish(golden(name)).startswith(f"published {kind} about ")
    assert [event.type for event in world.topic.events] == [kind, kind]
    assert len({event.id for event in world.topic.events}) == 1


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{}", b'{"schemaId": "something else"}', b"[]"])
def test_what_cannot_be_read_is_kept_and_people_hear_it_once(body: bytes) -> None:
    world = World()
    for _ in range(2):
        with pytest.raises(EventError):
            world.alerts.publish(body)
    assert len(list(world.quarantine.items())) == 1
    assert world.outbox.kinds == ["event-quarantined"]
    assert world.topic.events == []


def test_a_topic_that_does_not_answer_is_said_so_that_the_alert_comes_again() -> None:
    world = World()
    world.topic.errors.append(RetryableError("publisher.refused", "later"))
    with pytest.raises(RetryableError):
        world.alerts.publish(golden("alert-budget-legacy"))
    assert list(world.quarantine.items()) == []


def test_an_alert_gets_through_while_a_policy_is_broken() -> None:
    def broken() -> Outbox:
        raise PolicyError("policy.invalid", "churn.yaml is broken")

    world = World()
    alerts = Alerts(world.topic, world.quarantine, FakeClock(), broken)
    alerts.publish(golden("alert-budget-legacy"))
    assert len(world.topic.events) == 1
