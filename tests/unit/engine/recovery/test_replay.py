"""Putting things back: each acts once, whatever is put back how often, and whoever dies on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.engine.recovery.dead_letters import Source
from shared.errors import RetryableError, WorkspaceError
from shared.ports.queues import EVENTS, RELEASES, poison_queue, text_digest
from shared.store.facts.quarantine import Quarantined
from tests.fakes.queues import FakeQueues
from tests.unit.engine.dead_letter_world import DeadLetterWorld
from tests.unit.engine.fact_world import Killed, drift, registered, requested

AUDIT: tuple[Source, ...] = ("audit",)
BAD = '{"id": "e-1", "eventType": "Microsoft.MachineLearningServices.ModelRegistered", "subject": "s"}'


@pytest.fixture
def world() -> DeadLetterWorld:
    return DeadLetterWorld()


def test_what_event_grid_gave_up_acts_once_and_leaves_the_list(world: DeadLetterWorld) -> None:
    world.give_up(requested())

    assert world.replay_all() == ["replayed"]
    world.work()

    assert world.azureml.calls == [("submit_job", world.azureml.calls[0][1])]
    assert world.items() == []
    assert list(world.given_up.list("")) == []


def test_a_blob_stays_until_all_of_its_events_are_settled(world: DeadLetterWorld) -> None:
    world.process(drift())
    world.give_up(drift(), registered("7"), BAD)

    assert sorted(world.replay_all()) == ["cleared", "refused", "replayed"]
    assert world.item().prospect == "refused"
    assert len(list(world.given_up.list(""))) == 1

    assert world.replayer.dismiss(world.item(), "ana", "a test of the sender")
    assert list(world.given_up.list("")) == []


def test_what_is_done_already_is_not_even_sent(world: DeadLetterWorld) -> None:
    world.process(registered())
    world.give_up(registered())

    assert world.replay_all() == ["cleared"]
    assert world.queues.texts(EVENTS) == []
    assert world.items() == []


def test_a_poison_message_goes_back_to_its_own_queue_and_never_expires(world: DeadLetterWorld) -> None:
    world.process(registered())
    world.queues.messages.clear()
    world.poison('{"release": "churn-7"}', RELEASES)
    world.poison(drift())

    assert world.replay_all() == ["replayed", "replayed"]
    assert world.queues.texts(RELEASES) == ['{"release": "churn-7"}']
    assert world.queues.texts(EVENTS) == [drift()]
    assert world.items() == []


NUMBERS = range(100)


def poison_of_all_kinds(world: DeadLetterWorld) -> None:
    """Have forty messages that stay, in front of a hundred that can go."""
    for number in range(40):
        world.poison(f"nonsense {number}")
    for number in NUMBERS:
        world.poison(registered(str(number)))


def test_a_long_poison_queue_is_drained_whole(world: DeadLetterWorld) -> None:
    poison_of_all_kinds(world)
    items = world.dead_letters.items(is_deep=True)
    assert len(items) == 140

    results = world.replayer.replay_all(items, "ana", "fixed")

    assert Counter(results.values()) == {"refused": 40, "replayed": 100}
    assert world.queues.texts(EVENTS) == [registered(str(number)) for number in NUMBERS]
    assert world.queues.length(poison_queue(EVENTS)) == 40


def test_what_is_hidden_in_one_round_is_had_in_the_next_and_what_stays_hidden_stays(world: DeadLetterWorld) -> None:
    poison_of_all_kinds(world)
    items = world.dead_letters.items(is_deep=True)
    slow = Slow(world.queues)

    results = replace(world.replayer, queues=slow).replay_all(items, "ana", "fixed")

    assert Counter(results.values()) == {"refused": 40, "replayed": 99, "gone": 1}
    assert slow.rounds == 11
    assert world.queues.length(poison_queue(EVENTS)) == 41


class Slow:
    """Queues that move at most ten messages at once, and one message never."""

    def __init__(self, queues: FakeQueues) -> None:
        self._queues = queues
        self.rounds = 0

    def move(self, queue: str, digests: Collection[str], to: str | None) -> frozenset[str]:
        self.rounds += 1
        some = sorted(set(digests) - {text_digest(registered("7"))})[:10]
        return self._queues.move(queue, some, to)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queues, name)


@pytest.mark.parametrize("is_late", [False, True], ids=["before", "after"])
def test_whoever_dies_while_a_queue_is_drained_nothing_is_lost_or_acts_twice(
    world: DeadLetterWorld, is_late: bool
) -> None:
    poison_of_all_kinds(world)
    world.fuse.burns_on, world.fuse.is_late = "move", is_late
    with pytest.raises(Killed):
        world.replayer.replay_all(world.dead_letters.items(is_deep=True), "ana", "fixed")

    world.replayer.replay_all(world.dead_letters.items(is_deep=True), "ana", "fixed")

    assert world.queues.texts(EVENTS) == [registered(str(number)) for number in NUMBERS]


def test_quarantine_is_put_back_once_its_cause_is_mended(world: DeadLetterWorld) -> None:
    world.quarantine.set_aside(Quarantined("event.field", "not understood then", registered(), world.clock.now()))

    assert world.replay_all() == ["replayed"]
    world.work()

    assert world.items() == []
    assert world.entry().state == "done"


def test_what_still_cannot_be_read_stays_where_it_is(world: DeadLetterWorld) -> None:
    world.process(BAD)

    assert world.replay_all() == ["refused"]
    assert (world.queues.texts(EVENTS), len(world.items())) == ([], 1)


@pytest.mark.parametrize("is_early", [True, False], ids=["before_it_is_marked", "afterwards"])
def test_what_is_set_aside_anew_while_it_is_put_back_is_not_lost(world: DeadLetterWorld, is_early: bool) -> None:
    again = Quarantined("event.field", "the app still runs the old code", registered(), world.clock.now())
    identifier = world.quarantine.set_aside(again)
    opened = world.quarantine.open(identifier)
    assert opened is not None
    if is_early:
        world.quarantine.set_aside(again)
        assert not world.quarantine.resolve(opened)
    else:
        assert world.quarantine.resolve(opened)
        world.quarantine.set_aside(again)

    assert world.item().place == identifier


def test_a_parked_fact_carries_its_recorded_plan_out(world: DeadLetterWorld) -> None:
    world.azureml.errors["submit_job"] = [WorkspaceError("workspace.refused", "no such component")]
    world.process(drift())
    plan = world.entry().plan

    assert world.replay_all() == ["replayed"]
    world.sweep.run()

    entry = world.entry()
    assert (entry.state, entry.plan) == ("done", plan)
    assert [call for call, _ in world.azureml.calls] == ["submit_job"]
    assert world.items() == []


def test_a_parked_fact_that_fails_again_is_here_again(world: DeadLetterWorld) -> None:
    world.azureml.errors["submit_job"] = [WorkspaceError("workspace.refused", "no")] * 2
    world.process(drift())
    world.replay_all()
    world.sweep.run()

    assert world.item().source == "parked"


def test_a_plan_that_was_given_up_gets_all_its_attempts_again(
    world: DeadLetterWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.engine.facts.process.MOST_EPOCHS", 2)
    world.azureml.errors["submit_job"] = [RetryableError("workspace.retry", "down")] * 3
    with pytest.raises(RetryableError):
        world.process(drift())
    world.sweep.run()
    assert world.entry().state == "parked"

    world.replay_all()
    world.sweep.run()  # is down once more
    world.sweep.run()

    assert world.entry().state == "done"


def test_the_audit_is_a_drill_in_which_nothing_acts(world: DeadLetterWorld) -> None:
    for body in (registered(), drift(), requested()):
        world.process(body)
    effects = world.effects()

    items = world.dead_letters.items(AUDIT)
    results = [world.replayer.replay(item, "ana", "drill") for item in items]
    assert results == ["replayed"] * 3
    assert {item.prospect for item in items} == {"known"}
    world.work()

    assert world.effects() == effects
    assert world.resolutions == []


def test_the_audit_shows_what_concerned_no_policy_and_the_drill_leaves_it(world: DeadLetterWorld) -> None:
    world.process(registered(model="nobody-knows"))
    (item,) = world.dead_letters.items(AUDIT)
    assert (item.reason, item.prospect) == ("no policy is about model 'nobody-knows'", "nothing")
    assert [reading.standing for reading in item.readings] == ["passing"]
    assert world.replayer.replay(item, "ana", "drill") == "cleared"
    assert world.queues.texts(EVENTS) == []


def test_what_passed_and_was_given_up_later_is_put_back_for_a_policy_may_be_concerned_by_now(
    world: DeadLetterWorld,
) -> None:
    world.process(registered(model="nobody-knows"))
    world.give_up(registered(model="nobody-knows", id="event-2"))
    assert world.replay_all() == ["replayed"]


def test_an_event_too_large_to_be_kept_cannot_be_replayed_from_the_audit(world: DeadLetterWorld) -> None:
    world.process(registered(dataVersion="x" * 40_000))

    (item,) = world.dead_letters.items(AUDIT)

    assert (item.body, world.replayer.replay(item, "ana", "drill")) == ("", "refused")


def test_a_large_event_is_put_back_by_its_pointer(world: DeadLetterWorld) -> None:
    world.give_up(registered(dataVersion="x" * 60_000))

    assert world.replay_all() == ["replayed"]
    (message,) = world.queues.texts(EVENTS)
    assert len(message) < 200
    world.work()
    assert world.entry().state == "done"


def test_dismissing_keeps_who_when_why_and_the_event(world: DeadLetterWorld) -> None:
    world.give_up(registered())
    world.poison("not JSON")
    world.process(BAD)
    world.azureml.errors["submit_job"] = [WorkspaceError("workspace.refused", "no such component")]
    world.process(drift())
    items = {item.source: item for item in world.items()}

    for item in items.values():
        assert world.replayer.dismiss(item, "ana", "a drill")

    assert world.items() == []
    resolutions_by_source = {resolution.source: resolution for resolution in world.resolutions}
    assert set(resolutions_by_source) == {"dead", "poison", "quarantine", "parked"}
    assert {(resolution.action, resolution.by, resolution.reason) for resolution in resolutions_by_source.values()} == {
        ("dismissed", "ana", "a drill")
    }
    assert {source: resolution.body for source, resolution in resolutions_by_source.items()} == {
        source: item.body for source, item in items.items()
    }
    assert world.entry().remarks[-1] == "dismissed by ana: a drill"
    assert world.queues.length(poison_queue(EVENTS)) == 0


def test_what_somebody_else_settled_meanwhile_is_said(world: DeadLetterWorld) -> None:
    world.poison(registered())
    world.process(BAD)
    world.azureml.errors["submit_job"] = [WorkspaceError("workspace.refused", "no such component")]
    world.process(drift())
    items = [item for item in world.items() if item.prospect == "act"]
    for item in items:
        world.replayer.replay(item, "ana", "")

    assert [world.replayer.replay(item, "ben", "") for item in items] == ["gone", "gone"]
    assert {resolution.by for resolution in world.resolutions} == {"ana"}


@pytest.mark.parametrize("is_late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("source", ["dead", "poison", "quarantine", "parked"])
def test_whoever_dies_while_putting_it_back_it_acts_once(source: str, is_late: bool) -> None:
    for step in range(1, 12):
        world = world_with(source)
        world.fuse.calls, world.fuse.burns_at, world.fuse.is_late = 0, step, is_late
        try:
            world.replayer.replay(world.item(), "ana", "")
        except Killed:
            pass
        else:
            assert step > 2
            break
        for item in world.items():  # a person looks again
            world.replayer.replay(item, "ana", "")
        world.work()
        world.sweep_after_the_lease()

        assert world.items() == []
        assert [call for call, _ in world.azureml.calls] == ["submit_job"], f"killed at call {step}"
    else:
        raise AssertionError("it never got through")


def world_with(source: str) -> DeadLetterWorld:
    world = DeadLetterWorld()
    body = requested()
    if source == "dead":
        world.give_up(body)
    elif source == "poison":
        world.poison(body)
    elif source == "quarantine":
        world.quarantine.set_aside(Quarantined("event.field", "then", body, world.clock.now()))
    else:
        world.azureml.errors["submit_job"] = [WorkspaceError("workspace.refused", "no such component")]
        world.process(body)
    world.clock.advance(timedelta(minutes=5))
    return world
