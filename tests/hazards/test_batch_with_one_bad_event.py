"""A batch with one bad event: each event has its own outcome. On every way in."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import azure.functions as func
import pytest

from functions import events, webhook
from functions.webhook import event_webhook
from shared.errors import RetryableError
from tests.fakes.queues import FakeQueues
from tests.unit.cli.world import FakeApp
from tests.unit.engine.fact_world import World, budget, data_arrived, drift, registered, requested

BAD = {
    "no_json_number": '{"id": "e9", "eventType": "x", "n": NaN}',
    "duplicate_key": '{"id": "e9", "id": "e9"}',
    "no_type": '{"id": "e9"}',
    "a_batch_inside": "[1]",
    "null": "null",
    "wrong_data": json.dumps({**json.loads(registered()), "data": {"ModelName": []}}),
    "unknown_offset": json.dumps({**json.loads(registered()), "eventTime": "2026-11-20T07:00:00+99:00"}),
}
GOOD = [drift(), registered(), budget(80)]
FACTS = ["budget-crossed", "drift-detected", "model-registered"]


def batch(*events: str) -> str:
    return f"[{','.join(events)}]"


def straight_to_the_queue(world: World, body: str) -> None:
    """Event Grid delivers to the storage queue: a message is what was delivered."""
    world.process(body)


def by_webhook(world: World, body: str) -> None:
    """Event Grid posts to our URL: the app takes the batch apart."""

    class Straight(FakeQueues):
        def send(self, queue: str, text: str, delay: timedelta = timedelta(0)) -> None:
            world.process(text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webhook, "read_settings", lambda: FakeApp().settings)
        patch.setattr(events, "open_queue", Straight)
        headers = {"aeg-event-type": "Notification"}
        request = func.HttpRequest("POST", "http://127.0.0.1/api/events", headers=headers, body=body.encode())
        assert event_webhook(request).status_code == 202


@pytest.mark.parametrize("place", range(len(GOOD) + 1))
@pytest.mark.parametrize("bad", [pytest.param(text, id=name) for name, text in BAD.items()])
@pytest.mark.parametrize("way", [straight_to_the_queue, by_webhook])
def test_one_bad_event_keeps_none_of_the_others(way: Callable[[World, str], None], bad: str, place: int) -> None:
    world = World()
    way(world, batch(*GOOD[:place], bad, *GOOD[place:]))
    assert sorted(entry.fact.kind for entry in world.entries()) == FACTS
    assert {entry.state for entry in world.entries()} == {"done"}
    ((_, item),) = world.quarantine.items()
    assert item.body in {bad, bad.strip("[]")}  # taken apart once or twice
    assert world.kinds.count("event-quarantined") == 1


def test_several_bad_events_are_several_in_quarantine() -> None:
    world = World()
    world.process(batch(*BAD.values(), *GOOD))
    assert len(list(world.quarantine.items())) == len(BAD)
    assert len(world.entries()) == len(GOOD)


def test_one_event_that_has_to_wait_keeps_none_of_the_others() -> None:
    world = World()
    world.azureml.errors["submit_job"] = [RetryableError("workspace.retry", "later")]
    body = batch(drift(), registered(), BAD["no_type"], budget(80))
    with pytest.raises(RetryableError, match="later"):
        world.process(body)
    assert {entry.fact.kind: entry.state for entry in world.entries()} == {
        "drift-detected": "claimed",
        "model-registered": "done",
        "budget-crossed": "done",
    }
    previous = world.kinds.count("event-quarantined")
    world.process(body)  # the queue gives the whole message again
    assert {entry.state for entry in world.entries()} == {"done"}
    assert (previous, world.kinds.count("event-quarantined")) == (1, 1)


def test_a_batch_does_what_its_events_do_one_by_one() -> None:
    events = [drift(), registered(), budget(100), data_arrived(), requested()]
    together, apart = World(), World()
    together.process(batch(*events))
    for event in events:
        apart.process(event)
    assert together.effects() == apart.effects()
