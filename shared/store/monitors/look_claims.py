"""Who looks at what right now: one small blob per subject, changed by compare-and-set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.ports.blobs import BlobStore
from shared.store.codec import decode, encode

LOOK_CLAIMS = "look-claims/"
# Longer than a function may run (functionTimeout in host.json): whoever has held a claim for so long was killed.
LEASE = timedelta(minutes=12)


@dataclass(frozen=True, slots=True)
class LookRecord:
    """The newest look at a subject: when it was begun, UTC, and whether it has not come to its end."""

    begun_at: datetime
    is_held: bool


@dataclass(frozen=True, slots=True)
class LookClaim:
    """The right to look. `was_cut_off` says that the look before did not come to its end: its worker was killed."""

    subject: str
    etag: str
    begun_at: datetime
    was_cut_off: bool


class LookClaims:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    @contextmanager
    def held(
        self, subject: str, now: datetime, asked_at: datetime | None = None, lease: timedelta = LEASE
    ) -> Iterator[LookClaim | None]:
        """Hold the claim for the length of a `with`, errors included; a worker that dies keeps it for the lease.

        None is given when somebody else looks, or when a look has begun since this one was asked for.

        Raises:
            RetryableError: the storage does not answer.
        """
        claim = self.take(subject, now, asked_at, lease)
        try:
            yield claim
        except Exception:
            if claim:
                self.give_back(claim)
            raise
        if claim:
            self.give_back(claim)

    def take(
        self, subject: str, now: datetime, asked_at: datetime | None = None, lease: timedelta = LEASE
    ) -> LookClaim | None:
        name, body = f"{LOOK_CLAIMS}{subject}.json", encode(LookRecord(now, is_held=True))
        blob = self._blobs.get(name)
        if blob is None:
            written = self._blobs.create(name, body)
            return LookClaim(subject, written.etag, now, was_cut_off=False) if written else None
        last = decode(LookRecord, blob.body)
        if last.is_held and blob.read_at - blob.last_modified < lease:
            return None
        if not last.is_held and asked_at is not None and last.begun_at >= asked_at:
            return None
        written = self._blobs.replace(name, body, blob.etag)
        return LookClaim(subject, written.etag, now, was_cut_off=last.is_held) if written else None

    def give_back(self, claim: LookClaim) -> None:
        """Let the next look in; nothing happens when the lease was over and somebody else has the claim."""
        body = encode(LookRecord(claim.begun_at, is_held=False))
        self._blobs.replace(f"{LOOK_CLAIMS}{claim.subject}.json", body, claim.etag)
