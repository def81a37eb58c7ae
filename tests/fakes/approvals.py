"""Questions to people, answered by the test."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from shared.domain.ids import ReleaseId
from shared.domain.releases.approval import ApprovalRequest, Decision


class FakeApprovals:
    """An `ApprovalStore`; `requests` are the questions that were asked, once each."""

    def __init__(self) -> None:
        self.requests: list[ApprovalRequest] = []
        self.closed: list[tuple[ReleaseId, str]] = []
        self._decisions: dict[tuple[str, str], Decision] = {}

    def open(self, request: ApprovalRequest) -> None:
        if all((earlier.release, earlier.digest) != (request.release, request.digest) for earlier in self.requests):
            self.requests.append(request)

    def close(self, release: ReleaseId, digest: str, reason: str) -> None:
        self.closed.append((release, reason))

    def decision(self, release: ReleaseId, digest: str) -> Decision | None:
        return self._decisions.get((release, digest))

    def decide(self, choice: Literal["approved", "rejected", "expired"], at: datetime, reason: str = "") -> None:
        """Answer the newest question."""
        request = self.requests[-1]
        self._decisions[request.release, request.digest] = Decision(choice, ("ben@example.com",), reason, at)
