"""What people are told while a release waits for them."""

from __future__ import annotations

from datetime import datetime

from shared.domain.notice import NoticeKind
from shared.domain.releases.release import Release
from shared.release.core.transitions import tell

STEP = "deploy"


def call_to_decide(release: Release, kind: NoticeKind) -> Release:
    """Return the release, which has just been asked about or still is, with a notice of that kind."""
    plan = release.plan.approval
    return tell(
        release,
        kind,
        f"/api/approvals/{release.id}",
        reason=release.reason,
        step=STEP,
        quorum=str(release.approvals_needed),
        expires_at=(release.entered_at + plan.expires).isoformat(),
    )


def without_four_eyes(release: Release) -> str:
    """Return why nobody need be asked: the submitter could approve their own version, or without them too few are left
    who may agree; empty when all is well."""
    plan = release.plan.approval
    if plan.submitter_may_approve:
        return ""
    if not release.submitter_is_unknown:
        return _too_few_others(release)
    who = f"nobody knows who submitted version {release.version} ({release.cause})"
    remedy = "list them in people.yaml, with the name that Azure shows among their aliases"
    if plan.unknown_submitter == "refuse":
        return f"{who}, and the policy refuses such versions; {remedy}"
    if len(plan.approvers) < release.approvals_needed:
        needed = f"{release.approvals_needed} must agree, and people.approvers names {len(plan.approvers)}"
        return f"{who}; {needed}; {remedy}, or name more approvers"
    return ""


def _too_few_others(release: Release) -> str:
    plan, submitter = release.plan.approval, (release.submitter or "").lower()
    others = sum(address.lower() != submitter for address in plan.approvers)
    if others >= release.approvals_needed:
        return ""
    return (
        f"{submitter} submitted version {release.version} and may not agree to it; {release.approvals_needed} must, "
        f"and people.approvers names {others or 'nobody'} besides; name more approvers, or ask fewer (approval.quorum)"
    )


def reminded(release: Release, now: datetime) -> Release:
    """Return the release with the reminder and the escalation that are due; each is told once."""
    plan, waited = release.plan.approval, now - release.entered_at
    for kind, delay in (
        (NoticeKind.APPROVAL_REMINDER, plan.remind_after),
        (NoticeKind.APPROVAL_ESCALATED, plan.escalate_after),
    ):
        is_notified = any(notice.kind is kind for notice in release.notices)
        if delay is not None and waited >= delay and not is_notified:
            release = call_to_decide(release, kind)
    return release
