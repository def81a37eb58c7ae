"""Questions to people and their answers: one blob per question, per answer, and per decision.

Every blob is written once (If-None-Match), so that the second writer sees what the first one wrote. A question without
a decision has a marker, by which it is found among all that were ever decided.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass

from shared.domain.ids import ReleaseId
from shared.domain.releases.approval import ApprovalRequest, Decision, Vote
from shared.errors import AmbiguousWriteError, PermanentError, RetryableError
from shared.ports.blobs import BlobStore
from shared.store.codec import decode, encode
from shared.store.open_index import OpenIndex

PREFIX = "approvals/"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,254}")


@dataclass(frozen=True, slots=True)
class ApprovalRecords:
    """Reads and writes the blobs; knows no rules."""

    blobs: BlobStore

    @property
    def _index(self) -> OpenIndex:
        return OpenIndex(self.blobs)

    def ask(self, request: ApprovalRequest) -> None:
        """Store the question; the first one with its release and digest stays."""
        name = _request_name(request.release, request.digest)
        if self._index.create(name, encode(request), {}, is_open=True) is None:
            self._is_open(request.release, request.digest)

    def request(self, release: ReleaseId, digest: str) -> ApprovalRequest | None:
        blob = self.blobs.get(_request_name(release, digest))
        return None if blob is None else decode(ApprovalRequest, blob.body)

    def newest_request(self, release: ReleaseId) -> ApprovalRequest | None:
        """Return the question that counts: earlier ones are void, their evidence has changed."""
        names = [item.name for item in self.blobs.list(_release_folder(release)) if item.name.endswith("/request.json")]
        bodies = [blob.body for name in names if (blob := self.blobs.get(name))]
        return max((decode(ApprovalRequest, body) for body in bodies), key=lambda r: r.requested_at, default=None)

    def releases_undecided(self) -> list[ReleaseId]:
        """Return the releases that have a question without a decision, by name."""
        undecided: dict[ReleaseId, None] = {}
        for item in self._index.list(PREFIX):
            release, digest, _ = item.name.removeprefix(PREFIX).split("/", 2)
            if self._is_open(release, digest):
                undecided[ReleaseId(release)] = None
        return list(undecided)

    def _is_open(self, release: str, digest: str) -> bool:
        """Return whether the question waits for people; where it does not, its marker goes."""
        name = _request_name(release, digest)
        exists = self.blobs.get(name) is not None
        if exists and self.blobs.get(_decision_name(release, digest)) is None:
            return True
        self._index.correct(name, {} if exists else None, is_open=False)
        return False

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
        blob = self.blobs.get(_decision_name(release, digest))
        return None if blob is None else decode(Decision, blob.body)

    def decide(self, release: ReleaseId, digest: str, decision: Decision) -> Decision:
        """Store the decision and return the one that stays, which another may have made."""
        stays = decode(Decision, self._first(_decision_name(release, digest), encode(decision)))
        with suppress(RetryableError):  # whoever looks for open questions corrects it
            self._index.correct(_request_name(release, digest), {}, is_open=False)
        return stays

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


def _request_name(release: str, digest: str) -> str:
    return _folder(release, digest) + "request.json"


def _decision_name(release: str, digest: str) -> str:
    return _folder(release, digest) + "decision.json"


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
