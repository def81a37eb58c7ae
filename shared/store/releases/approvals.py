"""Questions to people and their answers: one blob per question, per answer, and per decision.

Every blob is written once (If-None-Match), so that the second writer sees what the first one wrote.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from shared.domain.ids import ReleaseId
from shared.domain.releases.approval import ApprovalRequest, Decision, Vote
from shared.errors import AmbiguousWriteError, PermanentError
from shared.ports.blobs import BlobStore
from shared.store.codec import decode, encode

PREFIX = "approvals/"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,254}")


@dataclass(frozen=True, slots=True)
class ApprovalRecords:
    """Reads and writes the blobs; knows no rules."""

    blobs: BlobStore

    def ask(self, request: ApprovalRequest) -> None:
        """Store the question; the first one with its release and digest stays."""
        self.blobs.create(_folder(request.release, request.digest) + "request.json", encode(request))

    def request(self, release: ReleaseId, digest: str) -> ApprovalRequest | None:
        blob = self.blobs.get(_folder(release, digest) + "request.json")
        return None if blob is None else decode(ApprovalRequest, blob.body)

    def newest_request(self, release: ReleaseId) -> ApprovalRequest | None:
        """Return the question that counts: earlier ones are void, their evidence has changed."""
        names = [item.name for item in self.blobs.list(_release_folder(release)) if item.name.endswith("/request.json")]
        bodies = [blob.body for name in names if (blob := self.blobs.get(name))]
        return max((decode(ApprovalRequest, body) for body in bodies), key=lambda r: r.requested_at, default=None)

    def releases_undecided(self) -> Iterator[ReleaseId]:
        """Yield the releases that have a question without a decision, by name; only names are read."""
        requests: dict[str, set[str]] = {}
        decided: dict[str, set[str]] = {}
        for item in self.blobs.list(PREFIX):
            release, digest, leaf = item.name.removeprefix(PREFIX).split("/", 2)
            if leaf == "request.json":
                requests.setdefault(release, set()).add(digest)
            elif leaf == "decision.json":
                decided.setdefault(release, set()).add(digest)
        return (ReleaseId(release) for release, digests in requests.items() if digests - decided.get(release, set()))

    def votes(self, release: ReleaseId, digest: str) -> tuple[Vote, ...]:
        """Return the answers, first given first."""
        names = [item.name for item in self.blobs.list(_folder(release, digest) + "votes/")]
        bodies = [blob.body for name in names if (blob := self.blobs.get(name))]
        return tuple(sorted((decode(Vote, body) for body in bodies), key=lambda vote: (vote.at, vote.person)))

    def cast(self, release: ReleaseId, digest: str, vote: Vote) -> Vote:
        """Store a person's answer and return the one that stays: theirs from before, if they had answered."""
        person = hashlib.sha256(vote.key.encode()).hexdigest()[:32]
        body = self._first(_folder(release, digest) + f"votes/{person}.json", encode(vote))
        return decode(Vote, body)

    def decision(self, release: ReleaseId, digest: str) -> Decision | None:
        blob = self.blobs.get(_folder(release, digest) + "decision.json")
        return None if blob is None else decode(Decision, blob.body)

    def decide(self, release: ReleaseId, digest: str, decision: Decision) -> Decision:
        """Store the decision and return the one that stays, which another may have made."""
        return decode(Decision, self._first(_folder(release, digest) + "decision.json", encode(decision)))

    def _first(self, name: str, body: bytes) -> bytes:
        """Write a blob unless it exists, and return what it holds then.

        Raises:
            AmbiguousWriteError: it is unknown whether it was written.
        """
        with suppress(AmbiguousWriteError):  # what was written is seen by reading
            if self.blobs.create(name, body):
                return body
        blob = self.blobs.get(name)
        if blob is None:
            raise AmbiguousWriteError(code="approvals.unclear", message=f"{name} may or may not be written")
        return blob.body


def _release_folder(release: str) -> str:
    return f"{PREFIX}{_checked(release)}/"


def _folder(release: str, digest: str) -> str:
    return f"{_release_folder(release)}{_checked(digest)}/"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise PermanentError(
            code="approvals.name",
            message=f"{name!r:.80} cannot name a question",
            hint="take the address from the notice that asked",
        )
    return name
