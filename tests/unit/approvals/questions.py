"""Questions for tests of approvals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.domain.ids import ModelName, ModelVersion, ReleaseId
from shared.domain.releases.approval import ApprovalRequest

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ANA, BEN, EVE = "ana@example.com", "ben@example.com", "eve@example.com"
RELEASE = ReleaseId("flight-delay-3")


def a_request(
    release: str = RELEASE,
    digest: str = "d1",
    quorum: int = 1,
    submitter: str | None = "carla@example.com",
    submitter_may_approve: bool = False,
    expires_in: timedelta = timedelta(hours=24),
    evidence: tuple[tuple[str, str], ...] = (("roc_auc", "pass: 0.74, at least 0.70"),),
    requested_at: datetime = NOW,
) -> ApprovalRequest:
    return ApprovalRequest(
        release=ReleaseId(release),
        model=ModelName("flight-delay"),
        version=ModelVersion("3"),
        step="deploy",
        digest=digest,
        requested_at=requested_at,
        expires_at=NOW + expires_in,
        approvers=(ANA, BEN, "carla@example.com"),
        quorum=quorum,
        submitter=submitter,
        submitter_may_approve=submitter_may_approve,
        evidence=evidence,
    )
