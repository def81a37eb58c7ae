"""A burst of alerts: ten thousand in a minute are at most ten messages, and none is missing.

What the outbox makes of ten thousand notices is tested in tests/unit/outbox/test_bursts.py. Here ten thousand events
come in that nobody can read, one person has asked for all news of such things, and everything that tells does tell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.engine.notices.outbox import NoticeOutbox
from shared.ports.queues import NOTICES
from shared.store.facts.quarantine import Quarantine
from tests.fakes.app import MemoryApp
from tests.unit.engine.dead_letter_world import DeadLetterWorld
from tests.unit.engine.fact_world import SETTINGS, registered
from tests.unit.outbox.policies import a_policy
from tests.unit.outbox.test_bursts import Mailbox

BURST = 10_000
ASKS = {"on": ["event-quarantined", "dead-letters-arrived"], "to": ["owner"], "by": ["email"]}


class Stormy(DeadLetterWorld):
    """A town where notices are delivered, to one person who asked for everything."""

    def __init__(self) -> None:
        super().__init__()
        self.mailbox = Mailbox()

    @property
    def outbox(self) -> NoticeOutbox:
        return self.app.outbox

    def ports(self) -> dict[str, Any]:
        ports = super().ports()
        outbox = MemoryApp(SETTINGS, self.clock, (a_policy("churn", ASKS),), **ports).outbox
        return {**ports, "outbox": replace(outbox, channels={"email": self.mailbox})}

    def minute(self) -> None:
        """Do what a minute brings: the sweep, its look-out, and whatever notices are due."""
        self.outbox.requeue_overdue()
        self.arrivals.look()
        while (text := self.queues.take(NOTICES)) is not None:
            self.outbox.handle(text)
        self.clock.advance(timedelta(minutes=1))

    @property
    def notified_ids(self) -> set[str]:
        texts = [f"{message.sentence} {message.facts}" for message in self.mailbox.messages]
        return {identifier for text in texts for identifier in re.findall(r"\b[0-9a-f]{16}\b", text)}


def nonsense(number: int) -> str:
    """Return a registration that names no model."""
    event: Mapping[str, Any] = json.loads(registered(str(number), id=f"e-{number}"))
    return json.dumps({**event, "data": {"ModelVersion": str(number)}})


def test_ten_thousand_events_set_aside_are_at_most_ten_messages_and_none_is_missing() -> None:
    world = Stormy()
    processor = world.processor
    world.minute()
    for quarter in range(4):
        for number in range(quarter, BURST, 4):
            processor.process(nonsense(number))
        world.minute()
    for _ in range(15):
        world.minute()

    waiting = {identifier for identifier, _ in Quarantine(world.memory).waiting()}
    assert len(waiting) == BURST
    assert world.notified_ids == waiting
    assert len(world.mailbox.messages) <= 10
    assert world.outbox.undelivered() == ()
