"""Notices on their way to people: one blob each, which says what was sent to whom."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from shared.domain.notice import Notice
from shared.errors import AmbiguousWriteError, RetryableError
from shared.ports.blobs import BlobItem, BlobStore
from shared.store.codec import decode, encode
from shared.store.notices.bursts import burst_of
from shared.store.open_index import TRUSTED_FOR, OpenIndex

PREFIX = "outbox/"
MOST_TRIES = 5
LASTING_PREFIX = "lasting/"
# People are notified within five minutes. A role that was just given takes up to ten to arrive, which the notice says.
# Source: learn.microsoft.com "Troubleshoot Azure RBAC", read 2026-11-30.
LASTS_FROM = timedelta(minutes=4)
# A problem that is met again within two hours is the same: some timers run once an hour.
SAME_WITHIN = timedelta(hours=2)
NOTED_EVERY = timedelta(minutes=1)

RecordState = Literal["pending", "sent", "no-route", "failed", "dismissed", "in-digest"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one person.

    Args:
        at: when it was sent or failed; while it is pending, when the attempt began that may have been sent. It is
            stored before that attempt, so that a worker that repeats it after a crash repeats the same one.
        problem: why it is failed, or why it is still pending.
    """

    channel: str
    to: str
    state: Literal["pending", "sent", "failed", "dismissed"] = "pending"
    at: datetime | None = None
    problem: str = ""

    @property
    def route(self) -> tuple[str, str]:
        return self.channel, self.to


@dataclass(frozen=True, slots=True)
class OutboxRecord:
    """A notice and its deliveries; None before it was first routed.

    Args:
        retried_at: when a person last had its failed deliveries tried again.
        members: the notices that a digest lists, in the order of their posting; empty for any other notice.
        digest: the blob name of the digest that lists this notice; empty when it is sent by itself.
        correlation: id of what it is about (`shared/logs.py`); empty when it was posted about nothing in particular.
    """

    notice: Notice
    posted_at: datetime
    deliveries: tuple[Delivery, ...] | None = None
    retried_at: datetime | None = None
    members: tuple[Notice, ...] = ()
    digest: str = ""
    correlation: str = ""

    @property
    def is_waiting(self) -> bool:
        """Return whether nobody has begun to deliver it, by itself or in a digest."""
        return self.deliveries is None and not self.members and not self.digest

    def with_delivery(self, delivery: Delivery) -> OutboxRecord:
        """Return the record with this delivery in place of the one to the same person by the same channel."""
        deliveries = tuple(delivery if d.route == delivery.route else d for d in self.deliveries or ())
        return replace(self, deliveries=deliveries)

    def with_failed(self, state: Literal["pending", "dismissed"], at: datetime) -> OutboxRecord:
        """Return the record with every failed delivery in this state since `at`."""
        deliveries = tuple(replace(d, state=state, at=at) if d.state == "failed" else d for d in self.deliveries or ())
        return replace(self, deliveries=deliveries)

    @property
    def state(self) -> RecordState:
        """Return "failed" once nothing is pending and some delivery was permanently rejected, and not dismissed."""
        if self.digest:
            return "in-digest"
        if self.deliveries is None:
            return "pending"
        states = {delivery.state for delivery in self.deliveries}
        if not states:
            return "no-route"
        if "pending" in states:
            return "pending"
        if "failed" in states:
            return "failed"
        return "sent" if "sent" in states else "dismissed"


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it was read or written; `etag` guards its next write."""

    name: str
    record: OutboxRecord
    etag: str


@dataclass(frozen=True, slots=True)
class Lasting:
    """A problem that may pass by itself: when it began, and when it was last met."""

    since: datetime
    last: datetime


class OutboxStore:
    """Reads and writes the blobs. Their metadata repeat the state, so that a listing shows what is open."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._index = OpenIndex(blobs)

    def create(self, notice: Notice, now: datetime, correlation: str = "") -> str | None:
        """Store a notice and return its blob's name; None when one with its key was stored before."""
        return self._create(OutboxRecord(notice, now, correlation=correlation))

    def create_digest(self, notice: Notice, now: datetime, members: tuple[Notice, ...]) -> str | None:
        """Store a notice that lists others, likewise."""
        return self._create(OutboxRecord(notice, now, members=members))

    def _create(self, record: OutboxRecord) -> str | None:
        name = blob_name(record.notice.key)
        written = self._index.create(name, encode(record), _metadata(record), is_open=_is_open(record))
        if written is None:
            self.load_open(name)  # the marker says now that it waits
            return None
        return name

    def lasts(self, problem: str, now: datetime) -> bool:
        """Note that a problem was met, and return whether it has lasted for LASTS_FROM."""
        name = f"{LASTING_PREFIX}{problem}.json"
        blob = self._blobs.get(name)
        lasting = decode(Lasting, blob.body) if blob else None
        since = lasting.since if lasting and now - lasting.last <= SAME_WITHIN else now
        if lasting is None or since == now or now - lasting.last >= NOTED_EVERY:
            self._blobs.put(name, encode(Lasting(since, now)))
        return now - since >= LASTS_FROM

    def load(self, name: str) -> Stored | None:
        blob = self._blobs.get(name)
        return None if blob is None else Stored(name, decode(OutboxRecord, blob.body), blob.etag)

    def load_open(self, name: str) -> Stored | None:
        """Return a record that is to be found among the open ones, and correct what is said of it there; None where it
        is not open."""
        blob = self._blobs.get(name)
        stored = None if blob is None else Stored(name, decode(OutboxRecord, blob.body), blob.etag)
        is_open = stored is not None and _is_open(stored.record)
        metadata = _metadata(stored.record) if stored else None
        self._index.correct(name, metadata, is_open=is_open, record=blob)
        return stored if is_open else None

    def note(self, stored: Stored, change: Callable[[OutboxRecord], OutboxRecord]) -> Stored:
        """Apply `change` to the newest record, by compare-and-set; it may run several times.

        What was sent is noted even when another worker writes at the same time, or when an answer was lost:
        not noting it would send it again.

        Raises:
            RetryableError: others keep changing it.
        """
        for _ in range(MOST_TRIES):
            changed = change(stored.record)
            with suppress(AmbiguousWriteError):  # what was written is seen by reading
                body, metadata, is_open = encode(changed), _metadata(changed), _is_open(changed)
                # What a marker says to have failed, no sweep looks at for an hour.
                is_failed = stored.record.state == "failed"
                written = self._index.replace(
                    stored.name, body, stored.etag, metadata, is_open=is_open, marks_first=is_failed
                )
                if written is not None:
                    return Stored(stored.name, changed, written.etag)
            newest = self.load(stored.name)
            if newest is None:
                break
            if newest.record == changed:
                return newest
            stored = newest
        raise RetryableError(code="outbox.busy", message=f"{stored.name} cannot be written: others keep changing it")

    def overdue(self, now: datetime, age: timedelta, until_digest: timedelta) -> Iterator[str]:
        """Yield the pending notices that nobody has touched for `age`; those that wait for a digest have longer."""
        for item in list(self._index.list(PREFIX)):
            longest = until_digest if "waiting" in item.metadata else age
            if now - item.last_modified <= (TRUSTED_FOR if item.metadata.get("state") == "failed" else longest):
                continue
            stored = self.load_open(item.name)
            if stored is not None and stored.record.state == "pending":
                yield item.name

    def in_state(self, state: Literal["pending", "failed"]) -> Iterator[BlobItem]:
        """Yield the open notices in that state; one that left it a moment ago may be among them."""
        return (item for item in self._index.list(PREFIX) if item.metadata.get("state") == state)

    def waiting(self, burst: str) -> Iterator[str]:
        """Yield the names of the notices of a burst that nobody has begun to deliver, in no particular order; others
        may be among them."""
        for item in self._index.list(PREFIX):
            if item.metadata.get("waiting") == burst:
                yield item.name

    def records(self) -> Iterator[OutboxRecord]:
        """Yield every notice with its deliveries, in no particular order; one read per notice."""
        for item in self._blobs.list(PREFIX):
            if stored := self.load(item.name):
                yield stored.record


def blob_name(key: str) -> str:
    """Return the blob of the notice with that key."""
    return f"{PREFIX}{hashlib.sha256(key.encode()).hexdigest()}.json"


def _is_open(record: OutboxRecord) -> bool:
    """Return whether something is still to be sent, or a person has to say what becomes of it."""
    return record.state in {"pending", "failed"}


def _metadata(record: OutboxRecord) -> dict[str, str]:
    waiting = {"waiting": burst_of(record.notice)} if record.is_waiting else {}
    return {"state": record.state, "kind": record.notice.kind.value, **waiting}
