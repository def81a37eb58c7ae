"""A notice to people, before it is decided whom it goes to, by which channel, and in which language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.domain.ids import ModelName


class NoticeKind(StrEnum):
    """Every reason Vigia writes to people; policies route by these names."""

    DRIFT_DETECTED = "drift-detected"
    LABELS_REQUESTED = "labels-requested"
    LABELS_READ = "labels-read"
    TRAINING_STARTED = "training-started"
    TRAINING_FAILED = "training-failed"
    TRAINING_BREAKER = "training-breaker"
    TRAINING_SIGNS = "training-signs"
    REACTION_SUPPRESSED = "reaction-suppressed"
    RELEASE_OPENED = "release-opened"
    RELEASE_REJECTED = "release-rejected"
    APPROVAL_NEEDED = "approval-needed"
    APPROVAL_REMINDER = "approval-reminder"
    APPROVAL_ESCALATED = "approval-escalated"
    APPROVAL_EXPIRED = "approval-expired"
    CANARY_STARTED = "canary-started"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled-back"
    RELEASE_ABORTED = "release-aborted"
    RELEASE_FAILED = "release-failed"
    RELEASE_HELD = "release-held"
    RELEASE_RESUMED = "release-resumed"
    TRAFFIC_CHANGED = "traffic-changed"
    MONITOR_TROUBLE = "monitor-trouble"
    NOT_RUNNING = "not-running"
    BUDGET_CROSSED = "budget-crossed"
    RETRAINING_FROZEN = "retraining-frozen"
    COMPUTE_STOPPED = "compute-stopped"
    ENDPOINT_DEGRADED = "endpoint-degraded"
    POLICY_NON_COMPLIANT = "policy-non-compliant"
    EVENT_QUARANTINED = "event-quarantined"
    ACCESS_REFUSED = "access-refused"
    DEAD_LETTERS_ARRIVED = "dead-letters-arrived"


ASKS_TO_DECIDE = frozenset({NoticeKind.APPROVAL_NEEDED, NoticeKind.APPROVAL_REMINDER, NoticeKind.APPROVAL_ESCALATED})
# Of no use unless somebody gets it: sent to the owner, or to those who may decide, where no rule names it.
NEEDS_A_PERSON = ASKS_TO_DECIDE | {
    NoticeKind.LABELS_REQUESTED,
    NoticeKind.LABELS_READ,
    NoticeKind.TRAINING_FAILED,
    NoticeKind.TRAINING_BREAKER,
    NoticeKind.RELEASE_REJECTED,
    NoticeKind.APPROVAL_EXPIRED,
    NoticeKind.ROLLED_BACK,
    NoticeKind.RELEASE_ABORTED,
    NoticeKind.RELEASE_FAILED,
    NoticeKind.RELEASE_HELD,
    NoticeKind.TRAFFIC_CHANGED,
    NoticeKind.MONITOR_TROUBLE,
    NoticeKind.NOT_RUNNING,
    NoticeKind.BUDGET_CROSSED,
    NoticeKind.RETRAINING_FROZEN,
    NoticeKind.COMPUTE_STOPPED,
    NoticeKind.ENDPOINT_DEGRADED,
    NoticeKind.POLICY_NON_COMPLIANT,
    NoticeKind.EVENT_QUARANTINED,
    NoticeKind.ACCESS_REFUSED,
    NoticeKind.DEAD_LETTERS_ARRIVED,
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell.

    Args:
        key: the same however often the notice is produced; what de-duplication looks at.
        parameters: values for the texts, e.g. {"version": "3", "reason": "…"}; plain text, never markup.
        path: page of ours that the notice links to, relative to the public URL; empty for none.
    """

    kind: NoticeKind
    key: str
    model: ModelName
    parameters: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
