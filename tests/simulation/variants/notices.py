"""Telling people, broken."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shared.domain.notice import Notice
from shared.engine.facts.process import Processor
from shared.engine.notices.outbox import NoticeOutbox
from shared.engine.recovery.arrivals import Arrivals
from shared.errors import EventError, RetryableError
from shared.ports.queues import Waiting
from shared.store.codec import encode
from shared.store.facts import queue_errors
from shared.store.facts.arrivals import QueueMark
from shared.store.facts.ledger import Claimed, Finished
from shared.store.notices.outbox import OutboxRecord, OutboxStore, Stored, _metadata
from tests.simulation.ports import SimulatedQueue
from tests.simulation.services import LIFETIME, MOST_TRIES
from tests.simulation.variants.spec import Patch, Variant
from tests.simulation.world import Parts


class TellsBeforeDone(Processor):
    """Notices are posted before the record is closed, and never after."""

    def _carry_out(self, claim: Claimed) -> None:
        entry = claim.entry
        try:
            performed = [self._perform(claim, number, reaction) for number, reaction in enumerate(entry.plan)]
            notices = tuple(notice for reaction in performed for notice in reaction.notices)
            self.outbox.post(notices)
        except RetryableError:
            self.ledger.release(claim)
            raise
        outcomes = tuple(reaction.outcome for reaction in performed)
        has_failed = any(outcome.status == "failed" for outcome in outcomes)
        (self.ledger.park if has_failed else self.ledger.finish)(claim, outcomes, notices)

    def _post(self, finished: Finished) -> None:
        if finished.entry.notices and not finished.entry.notices_posted:
            self.ledger.mark_posted(finished)


class OnlyTheFinisherTells(Processor):
    """Notices are posted by the worker that closes the record; when it dies, by nobody."""

    def resume(self, key: object) -> None:
        claim = self.ledger.take_over(key)  # type: ignore[arg-type]
        if isinstance(claim, Claimed):
            self._carry_out(claim)
        elif isinstance(claim, Finished):
            self.ledger.mark_posted(claim)


class NotedBeforeSent(NoticeOutbox):
    """A message is noted as sent, then sent."""

    def _deliver(self, stored: Stored) -> None:
        if stored.record.deliveries is None:
            super()._deliver(stored)
            return
        for delivery in stored.record.deliveries:
            sent = replace(delivery, state="sent", at=self.clock.now())
            self.store.note(stored, lambda record, sent=sent: record.with_delivery(sent))  # type: ignore[misc]
            self._send(stored.record, delivery)


class PostsTwice(OutboxStore):
    """Posting a notice again stores it again."""

    def create(self, notice: Notice, now: datetime, correlation: str = "") -> str | None:
        record = OutboxRecord(notice, now)
        name = f"outbox/{uuid.uuid4().hex}.json"
        self._blobs.create(name, encode(record), _metadata(record))
        return name


class NoQuarantine(Processor):
    """What cannot be understood is raised: the message comes back until it is poison."""

    def _set_aside(self, exc: EventError, raw: str) -> None:
        raise exc


class SeesTheFirst(Arrivals):
    """Of a poison queue only what can be seen is put back to stay."""

    def _keep(self, name: str, messages: Sequence[Waiting], length: int, previous: QueueMark) -> QueueMark:
        return super()._keep(name, messages, len(messages), previous)


_FOR_A_WEEK = Patch(SimulatedQueue, "lifetime", LIFETIME)
_NEVER_LAST = Patch(queue_errors, "LAST_TRY", MOST_TRIES + 1)
VARIANTS: tuple[Variant[Parts], ...] = (
    Variant("told-before-done", "notices are posted before done, never after", Parts(processor=TellsBeforeDone)),
    Variant("only-finisher-tells", "a dead worker's notices are nobody's", Parts(processor=OnlyTheFinisherTells)),
    Variant("noted-before-sent", "a message is noted before it is sent", Parts(outbox=NotedBeforeSent)),
    Variant("posts-twice", "notices are stored without their key", Parts(outbox_store=PostsTwice)),
    Variant("first-page", "poison behind what can be seen expires", Parts(arrivals=SeesTheFirst), first=10),
    Variant("for-a-week", "what is put on a queue, or back on one, stays for a week", patches=(_FOR_A_WEEK,), first=10),
    Variant("poisons-delayed", "a service that is away makes messages poison", patches=(_NEVER_LAST,), first=10),
    Variant("no-quarantine", "what cannot be understood is tried for ever", Parts(processor=NoQuarantine)),
)
