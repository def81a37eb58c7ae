"""The fact path with every place for what could not be delivered or processed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared.engine.recovery.arrivals import Arrivals
from shared.engine.recovery.dead_letters import DeadLetter, DeadLetters
from shared.engine.recovery.replay import Replay, Result
from shared.ports.queues import EVENTS, poison_queue
from shared.store.facts.large_events import LargeEvents
from shared.store.facts.resolutions import Resolution, Resolutions
from tests.fakes.app import MemoryApp
from tests.fakes.blobs import MemoryBlobStore
from tests.unit.engine.fact_world import HOME, SETTINGS, Fused, World

GIVEN_UP = {
    "deadLetterReason": "MaxDeliveryAttemptsExceeded",
    "deliveryAttempts": 6,
    "lastDeliveryOutcome": "TimedOut",
    "publishTime": "2026-11-20T06:10:01.0000000Z",
    "lastDeliveryAttemptTime": "2026-11-20T06:26:41.0000000Z",
}


class DeadLetterWorld(World):
    """`given_up` is the container that Event Grid writes."""

    def __init__(self) -> None:
        super().__init__()
        self.given_up = MemoryBlobStore(self.clock.now)
        self.home = HOME

    def ports(self) -> dict[str, Any]:
        return {**super().ports(), "dead_letter_blobs": Fused(self.given_up, self.fuse), "home": self.home}

    @property
    def dead_letters(self) -> DeadLetters:
        """Return what is read without the fuse, so that looking is never what kills."""
        unfused = {"blobs": self.memory, "queue": self.queues, "dead_letter_blobs": self.given_up}
        return MemoryApp(SETTINGS, self.clock, self.policies, **{**self.ports(), **unfused}).dead_letters

    @property
    def replayer(self) -> Replay:
        """Return a replay that may be killed at any of its calls."""
        return self.app.replay

    @property
    def arrivals(self) -> Arrivals:
        return self.app.arrivals

    @property
    def resolutions(self) -> list[Resolution]:
        return list(Resolutions(self.memory).all())

    def give_up(self, *bodies: str, name: str = "a", subscription: str = "MODEL-REGISTERED") -> None:
        """Have Event Grid give these events up, in one blob; CloudEvents lose their specversion."""
        blob = f"{subscription}/2026/11/20/6/{name}.json"
        self.given_up.put(blob, json.dumps([given_up(json.loads(body)) for body in bodies]).encode())

    def poison(self, text: str, queue: str = EVENTS) -> None:
        self.queues.send(poison_queue(queue), text)

    def items(self) -> list[DeadLetter]:
        return self.dead_letters.items()

    def item(self) -> DeadLetter:
        """Return the only item of the view."""
        (item,) = self.items()
        return item

    def replay_all(self) -> list[Result]:
        return [self.replayer.replay(item, "ana", "fixed") for item in self.items()]

    def work(self) -> None:
        """Process what is on the queue of events."""
        while (text := self.queues.take(EVENTS)) is not None:
            self.process(LargeEvents(self.memory).open(text))


def given_up(event: Mapping[str, Any]) -> dict[str, Any]:
    if "specversion" not in event:
        return {**event, **GIVEN_UP}
    lower = {name.lower(): value for name, value in GIVEN_UP.items()}
    return {**{name: value for name, value in event.items() if name != "specversion"}, **lower}
