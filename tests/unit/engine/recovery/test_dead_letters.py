"""The view over what could not be delivered or processed: what, why, and what a replay would do."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.domain.messages import DeliverNotice, MakeDigest
from shared.errors import WorkspaceError
from shared.events.wire.own_workspace import Home
from shared.ports.queues import NOTICES, RELEASES, poison_queue
from shared.store.facts.large_events import LargeEvents
from shared.store.facts.quarantine import Quarantined
from shared.store.facts.queue_errors import LAST_TRY, QueueErrors
from shared.store.notices.outbox import blob_name
from tests.unit.engine.dead_letter_world import DeadLetterWorld
from tests.unit.engine.fact_world import drift, registered, requested, run_ended


@pytest.fixture
def world() -> DeadLetterWorld:
    return DeadLetterWorld()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(registered(), "Microsoft.MachineLearningServices.ModelRegistered", id="event_grid"),
        pytest.param(requested(), "Vigia.RetrainingRequested", id="cloud_event_without_specversion"),
    ],
)
def test_what_event_grid_gave_up_is_read_in_both_schemas(world: DeadLetterWorld, body: str, kind: str) -> None:
    world.give_up(body)

    item = world.item()

    assert (item.source, item.prospect) == ("dead", "act")
    assert [(reading.type, reading.standing) for reading in item.readings] == [(kind, "new")]
    assert item.at == datetime(2026, 11, 20, 6, 26, 41, tzinfo=UTC)
    assert item.reason == (
        "Event Grid gave it up after 6 attempts: MaxDeliveryAttemptsExceeded; the last one ended with TimedOut; "
        "subscription model-registered"
    )


def test_what_a_foreign_source_told_would_be_ignored_again(world: DeadLetterWorld) -> None:
    world.home = Home(
        "/subscriptions/1/resourceGroups/r/providers/Microsoft.MachineLearningServices/workspaces/other", ""
    )
    world.give_up(registered())

    item = world.item()

    assert (item.prospect, item.readings[0].standing) == ("nothing", "ignored")
    assert "is neither our workspace nor our topic" in item.readings[0].problem


def test_events_of_one_blob_are_items_of_their_own(world: DeadLetterWorld) -> None:
    world.process(drift())
    world.give_up(drift(), registered("7"), registered("8"))

    assert [item.prospect for item in world.items()].count("known") == 1
    assert len({item.id for item in world.items()}) == 3
    assert {item.place for item in world.items()} == {"MODEL-REGISTERED/2026/11/20/6/a.json"}


def test_an_id_stays_the_same_while_the_item_is_there(world: DeadLetterWorld) -> None:
    world.give_up(registered("7"), registered("8"))
    first, second = world.items()

    world.replayer.replay(first, "ana", "")

    assert world.item().id == second.id


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b'[{"id": 1', b"[[[", b'{"id": "x"}', b"null"])
def test_a_blob_that_nobody_understands_is_shown_and_hides_nothing(world: DeadLetterWorld, content: bytes) -> None:
    world.give_up(registered())
    world.given_up.put("ODD", content)

    items = {item.place: item for item in world.items()}

    assert items["ODD"].prospect == "refused"
    assert items["ODD"].readings[0].standing == "unreadable"
    assert len(items) == 2


def test_a_poison_message_tells_why_it_failed_and_stays_on_its_queue(world: DeadLetterWorld) -> None:
    queue_errors = QueueErrors(world.memory, world.clock)
    with pytest.raises(WorkspaceError), queue_errors.recording("events", registered(), LAST_TRY):
        raise WorkspaceError("workspace.refused", "403 for the job")
    with pytest.raises(WorkspaceError), queue_errors.recording("events", drift(), LAST_TRY - 1):
        raise WorkspaceError("workspace.refused", "not yet the last try")
    world.poison(registered())
    world.poison(drift())

    reasons = {item.readings[0].subject: item.reason for item in world.items()}

    assert reasons["models/churn:7"] == "it failed too often on queue events: WorkspaceError: 403 for the job"
    assert [reason for reason in reasons.values() if reason.endswith("why is in the app's log of that time")]
    assert world.queues.length(poison_queue("events")) == 2


def test_the_last_try_is_the_one_after_which_the_host_gives_up() -> None:
    host = json.loads((Path(__file__).parents[4] / "host.json").read_text(encoding="utf-8"))

    assert host["extensions"]["queues"]["maxDequeueCount"] == LAST_TRY


def test_a_large_poison_event_is_read_through_its_pointer(world: DeadLetterWorld) -> None:
    world.poison(LargeEvents(world.memory).store(registered()).to_body())

    assert world.item().body == registered()
    assert world.item().prospect == "act"


@pytest.mark.parametrize(
    ("queue", "text", "prospect"),
    [
        pytest.param(RELEASES, '{"release": "churn-7"}', "act", id="release_that_is_open"),
        pytest.param(RELEASES, '{"release": "churn-99"}', "nothing", id="release_that_is_not"),
        pytest.param(RELEASES, "[]", "refused", id="no_message_of_ours"),
        pytest.param(NOTICES, DeliverNotice(blob_name("none")).to_body(), "nothing", id="notice_that_is_gone"),
        pytest.param(NOTICES, '{"notice": "outbox/none.json"}', "refused", id="no_name_of_a_notice"),
        pytest.param(NOTICES, MakeDigest("0" * 32).to_body(), "act", id="digest_that_is_due"),
        pytest.param("events", '{"vigia-large-event": "events/none.json"}', "refused", id="pointer_to_nothing"),
        pytest.param("events", "not JSON", "refused", id="not_json"),
    ],
)
def test_messages_of_the_app_to_itself_say_what_trying_again_would_do(
    world: DeadLetterWorld, queue: str, text: str, prospect: str
) -> None:
    world.process(registered())
    world.poison(text, queue)

    assert world.item().prospect == prospect


def test_a_batch_acts_as_soon_as_one_of_its_events_does(world: DeadLetterWorld) -> None:
    world.process(drift())
    world.poison(f"[{drift()}, {registered()}, 7]")

    item = world.item()

    assert item.prospect == "act"
    assert [reading.standing for reading in item.readings] == ["done", "new", "unreadable"]


def test_quarantine_shows_whether_the_cause_is_mended(world: DeadLetterWorld) -> None:
    world.process('{"id": "e-1", "eventType": "Vigia.Odd", "subject": "s"}')
    world.quarantine.set_aside(
        Quarantined("event.field", "it was not understood then", registered(), world.clock.now())
    )

    items = {item.reason: item for item in world.items()}

    assert items["it was not understood then (event.field)"].prospect == "act"
    (other,) = (item for item in items.values() if item.prospect == "refused")
    assert (other.readings[0].event_id, other.readings[0].type) == ("e-1", "Vigia.Odd")


def test_an_event_that_contradicts_the_ledger_is_not_put_back(world: DeadLetterWorld) -> None:
    world.process(run_ended("RunCompleted", "Completed"))
    world.process(run_ended("RunStatusChanged", "Failed"))

    item = world.item()

    assert (item.source, item.prospect, item.readings[0].standing) == ("quarantine", "refused", "contradiction")
    assert "completed" in item.readings[0].problem


def test_a_parked_fact_tells_what_failed(world: DeadLetterWorld) -> None:
    world.azureml.errors["submit_job"] = [WorkspaceError("workspace.refused", "no such component")]
    world.process(drift())

    item = world.item()

    assert (item.source, item.prospect) == ("parked", "act")
    assert item.reason == "start-training: no such component"
    assert item.body == drift()


def test_since_leaves_out_what_is_older(world: DeadLetterWorld) -> None:
    world.poison(registered("7"))
    world.quarantine.set_aside(Quarantined("event.field", "old", "{}", world.clock.now()))
    world.clock.advance(timedelta(hours=3))
    world.poison(registered("8"))

    recent = world.dead_letters.items(since=world.clock.now() - timedelta(hours=1))

    assert [item.readings[0].subject for item in recent] == ["models/churn:7"]
    assert [json.loads(item.body)["data"]["ModelVersion"] for item in recent] == ["8"]


def test_messages_behind_those_that_can_be_seen_are_counted(world: DeadLetterWorld) -> None:
    for number in range(40):
        world.poison(registered(str(number)))

    assert len(world.items()) == 32
    assert world.dead_letters.unseen() == 8
    assert world.dead_letters.count_poison() == 40
