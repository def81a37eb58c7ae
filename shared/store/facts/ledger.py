"""The ledger: one blob per fact, so that a fact's effects happen once, whichever worker crashes in between.

    absent ──create──► claimed(epoch 1, token, plan) ──replace──► done | parked

The plan is claimed together with the fact: the worker that takes a claim over runs the recorded plan, never a new one.

A fact that concerns no policy is passing: it is kept apart, for a short while, so that people can ask about it. What is
kept there decides nothing: reported again when a policy is concerned, the fact is claimed as a new one, whether its
record was deleted by then or not.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from shared.domain.fact import Fact
from shared.domain.ids import FactKey
from shared.domain.notice import Notice
from shared.domain.reaction import Reaction, ReactionResult
from shared.errors import AmbiguousWriteError, RetryableError
from shared.ports.blobs import Blob, BlobItem, BlobStore
from shared.store.codec import decode, encode
from shared.store.open_index import TRUSTED_FOR, OpenIndex

PREFIX = "ledger/"
PASSING = "passing/"
# A larger event is not kept beside its fact: each write carries the whole entry.
LARGEST_RAW = 32 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger knows of one fact.

    Args:
        token: of the worker that holds the claim; new with every epoch.
        policy_digests: of the policies that decided, in plan order.
        remarks: why nothing (more) was done, e.g. "no policy for model x".
        notices: posted from here once the entry is done.
        notices_posted: whether the outbox has them all.
        is_released: the worker gave the claim back because something had to wait; any worker may take it at once.
        raw: the first event of the fact, as it came; "" when it was larger than 32 KB.
        epochs_before: epochs that had passed when a person last had the plan tried again.
    """

    fact: Fact
    plan: tuple[Reaction, ...]
    state: Literal["claimed", "done", "parked"]
    epoch: int
    token: str
    policy_digests: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    outcomes: tuple[ReactionResult, ...] = ()
    notices: tuple[Notice, ...] = ()
    notices_posted: bool = False
    is_released: bool = False
    raw: str = ""
    epochs_before: int = 0

    @property
    def is_passing(self) -> bool:
        """Return whether the fact concerned no policy."""
        return not self.plan and not self.policy_digests

    @property
    def attempts(self) -> int:
        """Return how often the plan was begun since the claim, or since a person had it tried again."""
        return self.epoch - self.epochs_before


@dataclass(frozen=True, slots=True)
class Claimed:
    """The fact is ours to act on until the lease runs out.

    `at` is when it became ours by the server's clock. Whatever depends on the time is judged by it, so that a worker
    whose clock is off acts no differently, and one that takes over sees a later time than the one before it saw.
    """

    entry: Entry
    etag: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Busy:
    """Another worker holds a fresh claim; the sweep takes over if that worker crashed."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Finished:
    """Everything about this fact was done before; nothing is left but, perhaps, its notices."""

    entry: Entry
    etag: str


@dataclass(frozen=True, slots=True)
class Contradiction:
    """The same fact was reported with other values; which of them is true is for a person to decide."""

    entry: Entry


Claim = Claimed | Busy | Finished | Contradiction


class Ledger:
    """Claims and completions over a blob store; two round trips per new fact, one when there is nothing to do."""

    def __init__(self, blobs: BlobStore, lease: timedelta) -> None:
        self._blobs = blobs
        self._index = OpenIndex(blobs)
        self._lease = lease

    def claim(
        self,
        fact: Fact,
        plan: tuple[Reaction, ...],
        digests: tuple[str, ...],
        remarks: tuple[str, ...],
        raw: str = "",
        is_new: bool = False,
    ) -> Claim:
        """Claim the fact with its plan, or return who claimed it before.

        A fact with an empty plan is done as soon as it is written: most facts of a busy workspace ask for nothing.

        Args:
            raw: its event.
            is_new: no worker can have crashed over the message that reports it.

        Raises:
            AmbiguousWriteError: it is unknown whether the claim was written; the event must come again.
        """
        stored_raw = raw if len(raw.encode()) <= LARGEST_RAW else ""
        fresh = Entry(fact, plan, "claimed" if plan else "done", 1, _token(), digests, remarks, raw=stored_raw)
        if fresh.is_passing:
            return self._pass(fresh, is_new)
        try:
            written = self._blobs.create(_name(fact.key), encode(fresh), _metadata(fresh))
        except AmbiguousWriteError:
            return self._after_ambiguity(fresh)
        if written is not None:
            return self._ours(fresh, written.etag, written.written_at)
        return self._contest(fresh, self._blobs.get(_name(fact.key)))

    def take_over(self, key: FactKey) -> Claim | None:
        """Take an open claim whose lease ran out; None when there is no such fact."""
        blob = self._blobs.get(_name(key))
        if blob is None:
            self._index.correct(_name(key), None, is_open=False)
            return None
        claim = self._judge(blob)
        if isinstance(claim, Finished):
            self._correct_marker(claim.entry, blob)
        return claim

    def finish(
        self, claim: Claimed, outcomes: tuple[ReactionResult, ...], notices: tuple[Notice, ...]
    ) -> Finished | None:
        """Record that all is done. None when the claim was taken over meanwhile: the other worker's record stands."""
        return self._close(claim, replace(claim.entry, state="done", outcomes=outcomes, notices=notices))

    def park(
        self, claim: Claimed, outcomes: tuple[ReactionResult, ...], notices: tuple[Notice, ...]
    ) -> Finished | None:
        """Record that the plan cannot be carried out and waits for a person."""
        return self._close(claim, replace(claim.entry, state="parked", outcomes=outcomes, notices=notices))

    def release(self, claim: Claimed) -> None:
        """Give the claim up, so that the next attempt need not wait for the lease to run out."""
        entry = replace(claim.entry, is_released=True)
        name, metadata = _name(entry.fact.key), _metadata(entry)
        self._index.replace(name, encode(entry), claim.etag, metadata, is_open=True)

    def reopen(self, key: FactKey) -> bool:
        """Have the recorded plan of a parked fact carried out again; False when it is not parked (any more).

        Its effects have names, so whatever had succeeded before is not done twice.
        """
        return self._settle(
            key,
            lambda entry: replace(
                entry,
                state="claimed",
                token=_token(),
                outcomes=(),
                notices=(),
                notices_posted=False,
                is_released=True,
                epochs_before=entry.epoch,
            ),
        )

    def dismiss(self, key: FactKey, remark: str) -> bool:
        """Close a parked fact permanently, with a remark that says who does so and why. False when it is not parked."""
        return self._settle(key, lambda entry: replace(entry, state="done", remarks=(*entry.remarks, remark)))

    def mark_posted(self, finished: Finished) -> None:
        """Record that the outbox has the notices. Losing this write only posts them again, which is harmless."""
        entry = replace(finished.entry, notices_posted=True)
        self._blobs.replace(_name(entry.fact.key), encode(entry), finished.etag, _metadata(entry))

    def entry(self, key: FactKey) -> Entry | None:
        stored = self.read(key)
        return None if stored is None else stored[0]

    def read(self, key: FactKey) -> tuple[Entry, datetime] | None:
        """Return the entry and when it was last written, by the server's clock."""
        blob = self._blobs.get(_name(key)) or self._blobs.get(_name(key, PASSING))
        return None if blob is None else (decode(Entry, blob.body), blob.last_modified)

    def open_keys(self) -> Iterator[FactKey]:
        """Yield facts that are claimed but not done, and done ones whose notices were not posted."""
        for item in self._index.list(PREFIX):
            entry = None if _waits_for_a_person(item) else self.entry(_key(item.name))
            if entry is not None and (entry.state == "claimed" or _is_unposted(entry)):
                yield entry.fact.key

    def due(self, now: datetime) -> Iterator[tuple[FactKey, datetime]]:
        """Yield those of them that nobody can be working on: whose lease ran out by `now`, or was given up; each with
        the time of what happened.

        Parked ones are among them once an hour, because a marker may say what was so before.
        """
        for item in self._index.list(PREFIX):
            is_claimed = item.metadata.get("state") == "claimed" and "released" not in item.metadata
            at_rest = TRUSTED_FOR if _waits_for_a_person(item) else self._lease if is_claimed else timedelta(0)
            if now - item.last_modified >= at_rest:
                since = item.metadata.get("since")
                yield _key(item.name), datetime.fromisoformat(since) if since else item.last_modified

    def parked_keys(self) -> Iterator[FactKey]:
        """Yield facts whose plan could not be carried out and waits for a person."""
        for item in self._index.list(PREFIX):
            # Whoever had one tried again may have died after its marker, before its record.
            entry = self.entry(_key(item.name)) if "released" in item.metadata else None
            if item.metadata.get("state") == "parked" or (entry is not None and entry.state == "parked"):
                yield _key(item.name)

    def keys(self, beginning: str = "", since: datetime | None = None) -> Iterator[FactKey]:
        """Yield each fact that is kept, passing ones last: those whose keys begin so, and whose entry was written at or
        after `since` (UTC, by the server's clock)."""
        passing = {_key(item.name): item for item in self._blobs.list(PASSING + beginning)}
        for item in self._blobs.list(PREFIX + beginning):
            passing.pop(_key(item.name), None)
            if since is None or item.last_modified >= since:
                yield _key(item.name)
        yield from (key for key, item in passing.items() if since is None or item.last_modified >= since)

    def _pass(self, fresh: Entry, is_new: bool) -> Claim:
        """Keep a fact that concerns no policy. It may have been claimed while it did, by a worker that crashed before
        it made the marker: then the message that this worker had makes it."""
        name = _name(fresh.fact.key, PASSING)
        if not is_new and (claimed := self._blobs.get(_name(fresh.fact.key))):
            return self._contest(fresh, claimed)
        if written := self._blobs.create(name, encode(fresh), _metadata(fresh)):
            return Finished(fresh, written.etag)
        return self._contest(fresh, self._blobs.get(name))

    def _settle(self, key: FactKey, change: Callable[[Entry], Entry]) -> bool:
        """Change a parked entry, guarded by its ETag: of two people who resolve it, one wins."""
        name = _name(key)
        blob = self._blobs.get(name)
        entry = decode(Entry, blob.body) if blob else None
        if blob is None or entry is None or entry.state != "parked":
            return False
        changed = change(entry)
        body, metadata, is_open = encode(changed), _metadata(changed), _is_open(changed)
        # Its marker first: what a marker says to be parked, no sweep looks at for an hour.
        written = self._index.replace(name, body, blob.etag, metadata, is_open=is_open, marks_first=True)
        return written is not None

    def _close(self, claim: Claimed, closed: Entry) -> Finished | None:
        name = _name(closed.fact.key)
        try:
            written = self._blobs.replace(name, encode(closed), claim.etag, _metadata(closed))
        except AmbiguousWriteError:
            blob = self._blobs.get(name)
            if blob is None or decode(Entry, blob.body) != closed:
                raise
            return Finished(closed, blob.etag)
        if written is not None and closed.state == "parked":
            self._correct_marker(closed)
        return None if written is None else Finished(closed, written.etag)

    def _after_ambiguity(self, fresh: Entry) -> Claim:
        blob = self._blobs.get(_name(fresh.fact.key))
        if blob is None:
            raise AmbiguousWriteError("ledger.unknown", f"the claim of {fresh.fact.key[:16]} may still land")
        if decode(Entry, blob.body).token == fresh.token:
            return self._ours(fresh, blob.etag, blob.last_modified)
        return self._contest(fresh, blob)

    def _contest(self, fresh: Entry, blob: Blob | None) -> Claim:
        fact = fresh.fact
        if blob is None:
            raise AmbiguousWriteError("ledger.vanished", f"fact {fact.key[:16]} existed a moment ago")
        entry = decode(Entry, blob.body)
        if entry.fact.payload_digest != fact.payload_digest:
            return Contradiction(entry)
        # A worker that knows no policy that is concerned cannot carry out a plan that one made: the sweep does.
        claim = Busy(entry) if fresh.is_passing and entry.state == "claimed" else self._judge(blob)
        if isinstance(claim, Busy) or entry.state == "parked":
            # The event is dropped now, and with it what would bring the fact back: its marker does from here on.
            self._index.mark(_name(fact.key), _metadata(entry))
        return claim

    def _ours(self, entry: Entry, etag: str, at: datetime) -> Claimed | Finished:
        if entry.state != "claimed":
            return Finished(entry, etag)
        # Without it the sweep does not find the fact if we crash, only its event does, which comes back later.
        with suppress(RetryableError):
            self._index.mark(_name(entry.fact.key), _metadata(entry))
        return Claimed(entry, etag, at)

    def _correct_marker(self, entry: Entry, record: Blob | None = None) -> None:
        self._index.correct(_name(entry.fact.key), _metadata(entry), is_open=_is_open(entry), record=record)

    def _judge(self, blob: Blob) -> Claim:
        entry = decode(Entry, blob.body)
        if entry.state != "claimed":
            return Finished(entry, blob.etag)
        # Both times are the server's, so a worker whose clock is off cannot steal a fresh claim.
        if not entry.is_released and blob.read_at - blob.last_modified < self._lease:
            return Busy(entry)
        return self._next_epoch(entry, blob.etag)

    def _next_epoch(self, entry: Entry, etag: str) -> Claim:
        taken = replace(entry, epoch=entry.epoch + 1, token=_token(), is_released=False)
        name = _name(entry.fact.key)
        try:
            written = self._blobs.replace(name, encode(taken), etag, _metadata(taken))
        except AmbiguousWriteError:
            blob = self._blobs.get(name)
            if blob is None or decode(Entry, blob.body).token != taken.token:
                raise
            return Claimed(taken, blob.etag, blob.last_modified)
        return Busy(entry) if written is None else Claimed(taken, written.etag, written.written_at)


def _name(key: FactKey, prefix: str = PREFIX) -> str:
    return f"{prefix}{key}.json"


def _key(name: str) -> FactKey:
    return FactKey(name.rpartition("/")[2].removesuffix(".json"))


def _token() -> str:
    return uuid.uuid4().hex


def _is_unposted(entry: Entry) -> bool:
    return entry.state != "claimed" and bool(entry.notices) and not entry.notices_posted


def _is_open(entry: Entry) -> bool:
    """Return whether somebody, a worker or a person, still has to do something about the fact."""
    return entry.state != "done" or _is_unposted(entry)


def _metadata(entry: Entry) -> dict[str, str]:
    released = {"released": "yes"} if entry.is_released else {}
    notices = "unposted" if _is_unposted(entry) else "settled"
    return {"state": entry.state, "notices": notices, "since": entry.fact.occurred_at.isoformat(), **released}


def _waits_for_a_person(item: BlobItem) -> bool:
    return item.metadata.get("state") == "parked" and item.metadata.get("notices") != "unposted"
