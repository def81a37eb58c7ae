"""Asking people, and hearing what they decided."""

from __future__ import annotations

from typing import Protocol

from shared.domain.ids import ReleaseId
from shared.domain.releases.approval import ApprovalRequest, Decision


class ApprovalStore(Protocol):
    def open(self, request: ApprovalRequest) -> None:
        """Ask the question; asking again with the same release and digest changes nothing. Raises RetryableError."""
        ...

    def close(self, release: ReleaseId, digest: str, reason: str) -> None:
        """Close the question because its release has ended; what was decided before stays. Raises RetryableError."""
        ...

    def decision(self, release: ReleaseId, digest: str) -> Decision | None:
        """Return what the question came to, None while it is open. Raises RetryableError."""
        ...
