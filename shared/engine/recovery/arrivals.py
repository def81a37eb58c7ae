"""Notifies people, once, of what arrived where only a person can help: counted, never one message per item."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.ids import ModelName
from shared.domain.messages import LARGEST_MESSAGE
from shared.domain.notice import Notice, NoticeKind
from shared.engine.recovery.dead_letters import PEEK_LIMIT, QUEUES
from shared.logs import fields
from shared.ports.clock import Clock
from shared.ports.outbox import Outbox
from shared.ports.queues import EVENTS, RELEASES, OpenQueues, Waiting, poison_queue
from shared.store.facts.arrivals import ArrivalMarks, ArrivalStore, BlobMark, PendingNotice, QueueMark
from shared.store.facts.dead_letters import GivenUpEvents
from shared.store.facts.large_events import LargeEvents
from shared.store.facts.quarantine import Quarantine

log = logging.getLogger("vigia.arrivals")

# What is older than the newest that was seen by more than this cannot turn up any more: listings are consistent.
OVERLAP = timedelta(minutes=10)
# The host's poison messages live 7 days, which cannot be configured. They are put back at once, to stay
# until they are handled: put back only when they are old, they would be lost while the app is stopped.
# Source: github.com/Azure/azure-webjobs-sdk-extensions/issues/891, read 2026-11-20.
# Only the first 32 can be seen without taking them; a longer queue is gone through when it has changed, and twice a
# day.
PAGE_EVERY, PAGE_ANYWAY = timedelta(minutes=10), timedelta(hours=12)


@dataclass(frozen=True)
class Arrivals:
    """Looks into the dead letters, the poison queues and quarantine, and remembers in one blob what it saw."""

    store: ArrivalStore
    given_up: GivenUpEvents
    queues: OpenQueues
    quarantine: Quarantine
    outbox: Outbox
    clock: Clock
    large_events: LargeEvents

    def look(self) -> int:
        """Post one notice on everything that is new, and return how much that is.

        A dead letter that is too large for a queue message needs no person: it is put on the queue by way of a blob.

        When nothing is new this costs two listings, a look into each queue, and one read; twice a day a queue of more
        than 32 messages is gone through.
        """
        previous, etag = self.store.load()
        if previous.untold:
            previous, etag = self._post(previous, etag)
        marks, counts = self._compare(previous)
        self._log_queues(marks)
        total = sum(counts.values())
        if total:
            key = f"{NoticeKind.DEAD_LETTERS_ARRIVED.value}/{self.clock.now().isoformat()}"
            marks = replace(marks, untold=PendingNotice(key, counts))
        if marks == previous:
            return 0
        # Saved before it is posted: a worker that loses this write has nothing to post, and after a crash in between
        # the next look posts what is saved here.
        saved = self.store.save(marks, etag)
        if saved is None:
            return 0  # another worker looks at the same time, and posts the notice
        if total:
            log.warning("dead_letters.arrived", extra=fields(**counts))
            self._post(marks, saved)
        return total

    def _log_queues(self, marks: ArrivalMarks) -> None:
        """Log of each queue how long its first message waits, and how many have failed too often."""
        now = self.clock.now()
        for queue in QUEUES:
            # Looks at releases are arranged for later: how long such a message has existed says nothing.
            waiting = self.queues.peek(queue)[:1] if queue != RELEASES else ()
            age = round((now - waiting[0].inserted_at).total_seconds(), 1) if waiting else 0.0
            log.info("queue.state", extra=fields(queue=queue, oldest_seconds=age, poison=marks.queues[queue].length))

    def _post(self, marks: ArrivalMarks, etag: str) -> tuple[ArrivalMarks, str]:
        assert marks.untold is not None
        parameters = {kind: str(count) for kind, count in marks.untold.counts.items() if count}
        # Posting twice under one key is one notice.
        self.outbox.post([Notice(NoticeKind.DEAD_LETTERS_ARRIVED, marks.untold.key, ModelName(""), parameters)])
        posted = replace(marks, untold=None)
        return posted, self.store.save(posted, etag) or etag

    def _compare(self, previous: ArrivalMarks) -> tuple[ArrivalMarks, Mapping[str, int]]:
        given_up = {item.name: item.last_modified for item in self.given_up.arrived()}
        # Each was posted when it was first set aside; what is set aside again is posted only here.
        set_aside = {f"{name} {item.last_modified}": item.last_modified for name, item in self.quarantine.returned()}
        dead, new = _newer(previous.blobs.get("given_up"), given_up)
        dead_count = sum(not self._take_in(name) for name in new)
        quarantined, new = _newer(previous.blobs.get("quarantined"), set_aside)
        queues_before = {queue: previous.queues.get(queue, QueueMark(0)) for queue in QUEUES}
        queues = {queue: self._queue(queue, mark) for queue, mark in queues_before.items()}
        poison_count = sum(_more(queues_before[queue], now) for queue, now in queues.items())
        blobs = {key: mark for key, mark in (("given_up", dead), ("quarantined", quarantined)) if mark}
        counts = {"given_up": dead_count, "poison": poison_count, "quarantined": len(new)}
        return ArrivalMarks(blobs, queues), counts

    def _take_in(self, blob: str) -> bool:
        """Put the events of a dead letter on the queue that are too large for it; return whether none is left over."""
        events = self.given_up.events(blob)
        large = [event for event in events if len(event.body) > LARGEST_MESSAGE]
        for event in large:
            self.queues.send(EVENTS, self.large_events.message(event.body))
            self.given_up.remove(blob, event.digest)
            log.info("dead_letters.taken_in", extra=fields(blob=blob, reason=event.reason))
        return bool(large) and len(large) == len(events)

    def _queue(self, queue: str, previous: QueueMark) -> QueueMark:
        name = poison_queue(queue)
        messages = self.queues.peek(name)
        are_all = previous.length <= len(messages) < PEEK_LIMIT
        length = len(messages) if are_all else self.queues.length(name)
        if len(messages) < min(length, PEEK_LIMIT):
            # Somebody goes through the queue, which hides messages meanwhile: the next look sees them again.
            return previous
        mark = self._keep(name, messages, length, previous)
        return replace(mark, length=length, digests=tuple(sorted(message.digest for message in messages)))

    def _keep(self, name: str, messages: Sequence[Waiting], length: int, mark: QueueMark) -> QueueMark:
        """Keep every message that would expire, and return the mark with the time of the last full pass."""
        now, paged_at = self.clock.now(), mark.paged_at
        if length > len(messages):
            age = now - paged_at if paged_at else PAGE_ANYWAY
            # Not unlike at the last look: what came between two pagings was counted by looks that did not page.
            if age >= PAGE_ANYWAY or (age >= PAGE_EVERY and length != mark.paged_length):
                messages = self.queues.look_through(name)
                mark = replace(mark, paged_at=now, paged_length=len(messages))
        expiring = {message.digest for message in messages if message.expires_at}
        if expiring:
            self.queues.move(name, expiring, name)
        return mark


def _newer(previous: BlobMark | None, now: Mapping[str, datetime]) -> tuple[BlobMark | None, list[str]]:
    """Return what is seen now, and the names of what was not there before."""
    if not now:
        return previous, []
    mark = previous or BlobMark(min(now.values()))
    new = [name for name, at in now.items() if at >= mark.newest - OVERLAP and name not in mark.recent]
    newest = max(mark.newest, *now.values())
    return BlobMark(newest, tuple(sorted(name for name, at in now.items() if at >= newest - OVERLAP))), new


def _more(previous: QueueMark, mark: QueueMark) -> int:
    """Return how many messages are new; where not all can be seen, by how many there are more."""
    if max(previous.length, mark.length) > PEEK_LIMIT:
        return max(0, mark.length - previous.length)
    return len(set(mark.digests) - set(previous.digests))
