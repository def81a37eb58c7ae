"""People are notified of what could not be delivered or processed: at once, counted, and never twice of the same."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.messages import LARGEST_MESSAGE
from shared.domain.notice import NoticeKind
from shared.ports.queues import EVENTS, Waiting, poison_queue
from shared.store.facts.quarantine import Quarantined
from shared.store.notices.outbox import OutboxStore
from tests.unit.engine.dead_letter_world import DeadLetterWorld
from tests.unit.engine.fact_world import Killed, drift, registered

LARGE = json.dumps({**json.loads(registered("7")), "padding": "x" * LARGEST_MESSAGE})


@pytest.fixture
def world() -> DeadLetterWorld:
    return DeadLetterWorld()


def posted_counts(world: DeadLetterWorld) -> list[dict[str, str]]:
    """Return the counts of every notice, in the order in which they were posted."""
    records = (record for record in OutboxStore(world.memory).records())
    arrivals = [r for r in records if r.notice.kind is NoticeKind.DEAD_LETTERS_ARRIVED]
    return [dict(record.notice.parameters) for record in sorted(arrivals, key=lambda record: record.posted_at)]


def set_aside(world: DeadLetterWorld, body: str) -> str:
    return world.quarantine.set_aside(Quarantined("event.field", "no", body, world.clock.now()))


def look(world: DeadLetterWorld) -> int:
    world.clock.advance(timedelta(minutes=1))
    return world.arrivals.look()


def test_everything_that_arrived_is_one_notice_with_counts(world: DeadLetterWorld) -> None:
    world.give_up(registered("7"), name="a")
    world.give_up(registered("8"), name="b")
    world.poison(drift())
    set_aside(world, "{}")  # of which people heard by itself

    assert look(world) == 3
    assert posted_counts(world) == [{"given_up": "2", "poison": "1"}]


def test_one_that_is_too_large_for_a_queue_message_is_taken_in_by_itself_and_acts_once(world: DeadLetterWorld) -> None:
    world.give_up(LARGE, name="a")
    world.give_up(LARGE, registered("8"), name="b")

    assert look(world) == 1
    assert posted_counts(world) == [{"given_up": "1"}]
    assert [json.loads(item.body)["subject"] for item in world.items()] == [json.loads(registered("8"))["subject"]]
    assert len(world.queues.texts(EVENTS)) == 2
    world.work()
    assert len(list(world.ledger.keys())) == 1
    assert look(world) == 0


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("step", ["put events/", "send events", "delete MODEL", "create arrivals"])
def test_whoever_dies_while_it_takes_one_in_it_acts_once_and_nobody_is_called(
    world: DeadLetterWorld, step: str, is_late: bool
) -> None:
    world.give_up(LARGE)
    world.fuse.burns_on, world.fuse.is_late = step, is_late
    with pytest.raises(Killed):
        look(world)

    look(world)
    world.work()

    assert world.items() == []
    assert posted_counts(world) == []
    assert [entry.state for key in world.ledger.keys() if (entry := world.ledger.entry(key))] == ["done"]  # noqa: SIM118


def test_the_same_is_never_told_twice_however_long_it_lies(world: DeadLetterWorld) -> None:
    world.give_up(registered())
    world.poison(drift())
    set_aside(world, "{}")
    look(world)

    for _ in range(60 * 24 * 8):
        world.clock.advance(timedelta(minutes=1))
        if world.clock.now().minute % 30 == 0:
            assert world.arrivals.look() == 0

    assert len(posted_counts(world)) == 1


def test_what_comes_later_is_told_and_what_lies_there_is_not(world: DeadLetterWorld) -> None:
    world.give_up(registered("7"), name="a")
    look(world)
    world.give_up(registered("8"), name="b")
    world.poison(drift())
    assert look(world) == 2
    assert posted_counts(world)[1:] == [{"given_up": "1", "poison": "1"}]


def test_a_blob_that_was_settled_in_part_is_no_arrival(world: DeadLetterWorld) -> None:
    world.give_up(registered("7"), registered("8"))
    look(world)
    world.clock.advance(timedelta(hours=1))

    world.replayer.replay(world.items()[0], "ana", "")

    assert look(world) == 0


def test_what_was_put_back_and_is_set_aside_again_has_arrived_again(world: DeadLetterWorld) -> None:
    identifier = set_aside(world, "{}")
    look(world)
    opened = world.quarantine.open(identifier)
    assert opened is not None
    world.quarantine.resolve(opened)
    assert look(world) == 0
    set_aside(world, "{}")

    assert look(world) == 1
    assert posted_counts(world) == [{"quarantined": "1"}]
    assert look(world) == 0


def test_messages_that_somebody_holds_for_a_moment_have_not_arrived_when_they_show_up_again(
    world: DeadLetterWorld,
) -> None:
    for number in range(40):
        world.poison(registered(str(number)))
    look(world)
    shown = world.queues.messages
    hidden = [replace(message, visible_at=message.visible_at + timedelta(hours=1)) for message in shown]

    world.queues.messages = hidden
    assert look(world) == 0
    world.queues.messages = shown
    assert look(world) == 0


def test_more_poison_than_can_be_seen_is_counted_by_its_number(world: DeadLetterWorld) -> None:
    for number in range(40):
        world.poison(registered(str(number)))
    assert look(world) == 40
    for number in range(40, 45):
        world.poison(registered(str(number)))

    assert look(world) == 5
    assert look(world) == 0


def test_the_message_in_the_poison_queue_outlives_its_seven_days(world: DeadLetterWorld) -> None:
    world.poison(drift())
    look(world)
    world.clock.advance(timedelta(days=5))

    assert look(world) == 0

    (message,) = world.queues.peek(poison_queue("events"))
    assert (message.text, message.expires_at) == (drift(), None)
    assert len(posted_counts(world)) == 1


def expiring(world: DeadLetterWorld) -> int:
    """Return how many messages would be gone after a while."""
    return sum(item.expires_at is not None for item in world.queues.look_through(poison_queue("events")))


def test_an_app_that_is_stopped_right_after_a_look_loses_nothing(world: DeadLetterWorld) -> None:
    world.poison(drift())
    look(world)
    assert expiring(world) == 0


def test_messages_behind_the_first_32_are_kept_too(world: DeadLetterWorld) -> None:
    for number in range(32):
        world.poison(registered(str(number)))
    look(world)
    world.clock.advance(timedelta(days=8))
    for number in range(32, 42):
        world.poison(registered(str(number)))

    for _ in range(12):
        look(world)

    assert expiring(world) == 0
    assert world.queues.length(poison_queue("events")) == 42
    assert [item["poison"] for item in posted_counts(world)] == ["32", "10"]


def test_messages_that_come_right_after_the_queue_was_gone_through_are_kept_within_ten_minutes(
    world: DeadLetterWorld,
) -> None:
    for number in range(45):
        world.poison(registered(str(number)))
        look(world)

    for _ in range(10):
        look(world)

    assert expiring(world) == 0


def test_a_long_queue_is_gone_through_at_most_every_ten_minutes(world: DeadLetterWorld) -> None:
    pages, through = list[str](), world.queues.look_through

    def counted(queue: str) -> tuple[Waiting, ...]:
        pages.append(queue)
        return through(queue)

    world.queues.look_through = counted  # type: ignore[method-assign]
    for number in range(60):
        world.poison(registered(str(number)))
        look(world)
    for _ in range(60 * 11):
        look(world)

    assert 3 <= len(pages) <= 7


@pytest.mark.parametrize("is_late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["create arrivals.json", "create outbox/", "send notices", "replace arrivals.json"])
def test_whoever_dies_on_the_way_people_hear_once(world: DeadLetterWorld, step: str, is_late: bool) -> None:
    world.give_up(registered())
    world.fuse.burns_on, world.fuse.is_late = step, is_late
    with pytest.raises(Killed):
        look(world)

    look(world)
    look(world)

    assert posted_counts(world) == [{"given_up": "1"}]


def test_of_two_that_look_at_once_one_tells(world: DeadLetterWorld) -> None:
    world.give_up(registered())
    look(world)
    world.give_up(registered("8"), name="b")
    first = world.arrivals.store
    marks, etag = first.load()
    assert first.save(marks, etag) is not None  # another looked in between

    assert first.save(marks, etag) is None
    assert look(world) == 1


def test_nothing_there_costs_six_calls(world: DeadLetterWorld) -> None:
    look(world)
    world.memory.calls.clear()
    world.given_up.calls.clear()

    look(world)

    assert (world.memory.calls, world.given_up.calls) == (["get arrivals.json", "list quarantine/"], ["list "])
