"""Recovery: what was interrupted, given up or set aside, and how it is put back."""

from __future__ import annotations

from functools import cached_property

from shared.bootstrap.facts import FactParts
from shared.engine.recovery.arrivals import Arrivals
from shared.engine.recovery.dead_letters import DeadLetters
from shared.engine.recovery.replay import Replay
from shared.engine.recovery.sweep import LateResumption, Sweep


class RecoveryParts(FactParts):
    @cached_property
    def sweep(self) -> Sweep:
        # The processor needs valid policies; the sweep wakes releases and notices without them.
        late = LateResumption(lambda: self.processor)
        return Sweep(self.ledger, self.releases, late, self.outbox, self.queue, self.clock)

    @cached_property
    def dead_letters(self) -> DeadLetters:
        return DeadLetters(
            given_up=self.given_up_events,
            queues=self.own_queue,
            quarantine=self.quarantine,
            ledger=self.ledger,
            releases=self.releases,
            outbox=self.outbox_store,
            large_events=self.large_events,
            queue_errors=self.queue_errors,
            home=self.home,
        )

    @cached_property
    def replay(self) -> Replay:
        return Replay(
            given_up=self.given_up_events,
            queues=self.own_queue,
            quarantine=self.quarantine,
            ledger=self.ledger,
            large_events=self.large_events,
            resolutions=self.resolutions,
            queue_errors=self.queue_errors,
            clock=self.clock,
        )

    @cached_property
    def arrivals(self) -> Arrivals:
        return Arrivals(
            store=self.arrival_store,
            given_up=self.given_up_events,
            queues=self.queue,
            quarantine=self.quarantine,
            outbox=self.outbox,
            clock=self.clock,
            large_events=self.large_events,
        )
