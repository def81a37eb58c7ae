"""The ledger, broken: claims, takeovers, closing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.domain.fact import Fact
from shared.domain.notice import Notice
from shared.domain.reaction import Reaction, ReactionResult
from shared.errors import AmbiguousWriteError
from shared.ports.blobs import Blob, Written
from shared.store.codec import decode, encode
from shared.store.facts.ledger import (
    PASSING,
    PREFIX,
    Busy,
    Claim,
    Claimed,
    Entry,
    Finished,
    Ledger,
    _metadata,
    _name,
    _token,
)
from shared.store.open_index import OPEN, OpenIndex
from tests.simulation.faults import HOUR
from tests.simulation.services import Blobs
from tests.simulation.variants.spec import Patch, Variant
from tests.simulation.world import Parts


class ClaimsOverOthers(Ledger):
    def claim(self, fact: Fact, plan: tuple[Reaction, ...], *rest: Any) -> Claim:
        fresh = Entry(fact, plan, "claimed", 1, _token(), *rest[:2])
        blob = self._blobs.get(_name(fact.key))
        if blob is not None:
            return self._judge(blob)
        written = self._blobs.put(_name(fact.key), encode(fresh), _metadata(fresh))
        return _claimed(fresh, written)


class ClosesWhateverIsThere(Ledger):
    def _close(self, claim: Claimed, closed: Entry) -> Finished | None:
        written = self._blobs.put(_name(closed.fact.key), encode(closed), _metadata(closed))
        return Finished(closed, written.etag)


class ReadsSilenceAsConflict(Ledger):
    """No answer is taken for "somebody else has it", without looking."""

    def _after_ambiguity(self, fresh: Entry) -> Claim:
        return Busy(fresh)


class ReadsAnyClaimAsOurs(Ledger):
    """After no answer, whatever lies there is taken for what was written."""

    def _after_ambiguity(self, fresh: Entry) -> Claim:
        blob = self._blobs.get(_name(fresh.fact.key))
        if blob is None:
            raise AmbiguousWriteError("ledger.unknown", "the claim may still land")
        return _claimed(fresh, blob)


class TakesOverByItsOwnClock(Ledger):
    """The lease is measured by the worker's clock, and a takeover looks at no ETag."""

    def _judge(self, blob: Any) -> Claim:
        entry = decode(Entry, blob.body)
        if entry.state != "claimed":
            return Finished(entry, blob.etag)
        run = getattr(self._blobs, "run")  # noqa: B009 (a part of the simulation, unknown to the port)
        if run.worker_clock() - blob.last_modified < self._lease:
            return Busy(entry)
        taken = replace(entry, epoch=entry.epoch + 1, token=_token(), is_released=False)
        return _claimed(taken, self._blobs.put(_name(entry.fact.key), encode(taken), _metadata(taken)))


class TakesOverWithoutSayingSo(Ledger):
    """A takeover writes no new epoch: the one who was thought dead still holds the same claim."""

    def _next_epoch(self, entry: Entry, etag: str) -> Claim:
        blob = self._blobs.get(_name(entry.fact.key))
        return Busy(entry) if blob is None or blob.etag != etag else _claimed(entry, blob)


class BelievesEveryTelling(Ledger):
    """A fact told with other values is taken for a duplicate."""

    def _contest(self, fresh: Entry, blob: Blob | None) -> Claim:
        assert blob is not None
        return self._judge(blob)


class MarksBeforePosting(Ledger):
    """The record says that its notices were handed over before they were."""

    def finish(
        self, claim: Claimed, outcomes: tuple[ReactionResult, ...], notices: tuple[Notice, ...]
    ) -> Finished | None:
        closed = replace(claim.entry, state="done", outcomes=outcomes, notices=notices, notices_posted=True)
        finished = self._close(claim, closed)
        return finished and replace(finished, entry=replace(closed, notices_posted=False))


class PassesForGood(Ledger):
    """A fact that concerned no policy is a duplicate when one is concerned."""

    def claim(self, fact: Fact, *rest: Any) -> Claim:
        passed = self._blobs.get(_name(fact.key, PASSING))
        return super().claim(fact, *rest) if passed is None else self._contest(Entry(fact, (), "done", 1, ""), passed)


def _marks_after(index: OpenIndex, name: str, body: bytes, metadata: Any, *, is_open: bool) -> Written | None:
    written = index._blobs.create(name, body, metadata)
    if is_open:
        index.mark(name, metadata)
    return written


def _closes_the_marker_first(index: OpenIndex, name: str, body: bytes, etag: str, metadata: Any, **rest: Any) -> Any:
    if not rest["is_open"]:
        index._discard(name)
    return index._blobs.replace(name, body, etag, metadata)


def _claimed(entry: Entry, at: Written | Blob) -> Claimed:
    return Claimed(entry, at.etag, at.written_at if isinstance(at, Written) else at.last_modified)


def _by_event_id(fact: Fact) -> str:
    return fact.event_id.encode().hex()


VARIANTS: tuple[Variant[Parts], ...] = (
    Variant("claim-unconditional", "a claim is written without If-None-Match", Parts(ledger=ClaimsOverOthers)),
    Variant("done-unconditional", "done is written without If-Match", Parts(ledger=ClosesWhateverIsThere)),
    Variant("silence-is-conflict", "no answer to a claim is a conflict", Parts(ledger=ReadsSilenceAsConflict)),
    Variant("any-claim-is-ours", "the token is not compared after no answer", Parts(ledger=ReadsAnyClaimAsOurs)),
    Variant("worker-clock-lease", "lease by the worker's clock, no ETag", Parts(ledger=TakesOverByItsOwnClock)),
    Variant("same-epoch-takeover", "takeover without new epoch", Parts(ledger=TakesOverWithoutSayingSo)),
    Variant("contradiction-ignored", "a contradiction is a duplicate", Parts(ledger=BelievesEveryTelling)),
    Variant("marked-before-posted", "posting is marked before posting", Parts(ledger=MarksBeforePosting)),
    Variant("no-sweep", "duplicates are dropped while busy, and nobody sweeps", Parts(has_sweep=False)),
    Variant(
        "marked-after", "the marker follows its record", patches=(Patch(OpenIndex, "create", _marks_after),), first=30
    ),
    Variant("closed-first", "the marker goes first", patches=(Patch(OpenIndex, "replace", _closes_the_marker_first),)),
    Variant(
        "decisions-go-by-age",
        "decisions are deleted while their events may still come",
        patches=(Patch(Blobs, "kept_for", {PASSING: HOUR, PREFIX: HOUR}),),
    ),
    Variant(
        "markers-go-by-age",
        "markers of what is open are deleted by age",
        patches=(Patch(Blobs, "kept_for", {OPEN: HOUR}),),
    ),
    Variant("passes-for-good", "what passed is a duplicate for ever", Parts(ledger=PassesForGood), first=27),
    Variant(
        "keyed-by-event", "facts are told apart by event id", patches=(Patch(Fact, "key", property(_by_event_id)),)
    ),
)
