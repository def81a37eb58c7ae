"""How often a message comes twice: an event's whole way to a reader, with the worker killed at every single call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.engine.notices.outbox import NoticeOutbox
from shared.ports.channels import Message, Recipient
from shared.ports.queues import NOTICES
from tests.unit.engine.fact_world import Fused, Killed, World, budget

CRASH_RATE = 0.01
MOST_DUPLICATES = 0.001


class Reader:
    def __init__(self) -> None:
        self.keys: list[str] = []

    def send(self, message: Message, to: Recipient) -> None:
        self.keys.append(message.key)


class WorldWithAReader(World):
    """The fact path, and a channel to the one person whom the policy names; the channel can kill, too."""

    def __init__(self) -> None:
        super().__init__()
        self.reader = Reader()

    @property
    def outbox(self) -> NoticeOutbox:
        return replace(super().outbox, channels={"teams": Fused(self.reader, self.fuse)})

    def live(self, body: str) -> None:
        """Handle the event and its notices; whoever is killed is followed by another."""
        works = [lambda: self.take(body), self.deliver, self.sweep.run, self.outbox.requeue_overdue]
        for _ in range(8):
            for work in works:
                try:
                    work()
                except Killed:
                    self.clock.advance(timedelta(minutes=6))
            self.clock.advance(timedelta(minutes=6))

    def take(self, body: str) -> None:
        """Handle the event as the host does: it may die as it takes or deletes the message, too."""
        self.fuse.guard("receive events", lambda: None)
        self.processor.process(body)
        self.fuse.guard("delete events", lambda: None)

    def deliver(self) -> None:
        while (text := self.queues.take(NOTICES)) is not None:
            try:
                self.fuse.guard("receive notices", lambda: None)
                self.outbox.handle(text)
                self.fuse.guard("delete notices", lambda: None)
            except Killed:
                self.queues.send(NOTICES, text, timedelta(minutes=1))
                raise


@dataclass(frozen=True)
class Death:
    call: int
    is_late: bool
    messages: int


def deaths() -> Iterator[Death]:
    """Yield one story per call on the way and per side of it: before it took effect, and after."""
    calm = WorldWithAReader()
    calm.take(budget(80))
    calm.deliver()
    assert len(calm.reader.keys) == 1
    for call in range(1, calm.fuse.calls + 1):
        for is_late in (False, True):
            world = WorldWithAReader()
            world.fuse.burns_at, world.fuse.is_late = call, is_late
            world.live(budget(80))
            yield Death(call, is_late, len(world.reader.keys))


def test_every_death_loses_nothing_and_only_the_one_after_sending_repeats_that_message() -> None:
    delivered = list(deaths())
    assert len(delivered) > 20
    assert all(death.messages in {1, 2} for death in delivered), delivered
    repeated = [death for death in delivered if death.messages == 2]
    # Right after the message went out, and right before it was noted: there is nothing in between.
    assert [death.is_late for death in repeated] == [True, False]
    assert repeated[1].call == repeated[0].call + 1

    share = CRASH_RATE * len(repeated) / len(delivered)
    assert share <= MOST_DUPLICATES, f"{share:.4%} of events at a crash rate of {CRASH_RATE:.0%}"
