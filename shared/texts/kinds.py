"""Which parameters a notice shows as facts, in which order, and how each is written."""

from __future__ import annotations

from typing import Literal

from shared.domain.notice import NoticeKind

ValueType = Literal["text", "number", "percent", "time", "money", "cause", "reaction", "basis", "run-outcome", "step"]

# One vocabulary for all kinds, so that a word means the same everywhere and is translated once.
# percent is 0-100; time is ISO 8601 with an offset; money is in the currency of the parameter `currency`.
PARAMETERS: dict[str, ValueType] = {
    "version": "text",
    "champion": "text",
    "endpoint": "text",
    "deployment": "text",
    "release": "text",
    "step": "step",
    "traffic_percent": "percent",
    "reason": "text",
    "detail": "text",
    "monitor": "text",
    "signal": "text",
    "feature": "text",
    "features": "text",
    "metric": "text",
    "value": "number",
    "threshold": "number",
    "job": "text",
    "outcome": "run-outcome",
    "cause": "cause",
    "what": "reaction",
    "submitter": "text",
    "quorum": "number",
    "expires_at": "time",
    "budget": "text",
    "percent": "percent",
    "basis": "basis",
    "spent": "money",
    "amount": "money",
    "currency": "text",
    "until": "time",
    "instances": "text",
    "rule": "text",
    "fired_at": "time",
    "assignment": "text",
    "resource": "text",
    "found_at": "time",
    "items": "number",
    "location": "text",
    "id": "text",
    "event_type": "text",
    "given_up": "number",
    "poison": "number",
    "quarantined": "number",
}

# `reason` stands in the sentence already, and `currency` beside the money; neither is repeated as a fact.
FACTS: dict[NoticeKind, tuple[str, ...]] = {
    NoticeKind.DRIFT_DETECTED: ("version", "monitor", "signal", "metric", "value", "threshold", "features", "detail"),
    NoticeKind.LABELS_REQUESTED: ("items", "location", "detail"),
    NoticeKind.TRAINING_STARTED: ("job", "cause", "detail"),
    NoticeKind.TRAINING_FAILED: ("job", "outcome", "cause", "detail"),
    NoticeKind.TRAINING_BREAKER: ("job", "detail"),
    NoticeKind.REACTION_SUPPRESSED: ("what", "cause", "detail"),
    NoticeKind.RELEASE_OPENED: ("version", "champion", "endpoint", "submitter", "release"),
    NoticeKind.RELEASE_REJECTED: ("version", "champion", "endpoint", "release", "detail"),
    NoticeKind.APPROVAL_NEEDED: ("version", "champion", "endpoint", "step", "submitter", "quorum", "expires_at"),
    NoticeKind.APPROVAL_REMINDER: ("version", "champion", "endpoint", "step", "submitter", "quorum", "expires_at"),
    NoticeKind.APPROVAL_ESCALATED: ("version", "champion", "endpoint", "step", "submitter", "quorum", "expires_at"),
    NoticeKind.APPROVAL_EXPIRED: ("version", "champion", "endpoint", "step", "expires_at"),
    NoticeKind.CANARY_STARTED: ("version", "champion", "endpoint", "traffic_percent", "step"),
    NoticeKind.PROMOTED: ("version", "champion", "endpoint", "release", "detail"),
    NoticeKind.ROLLED_BACK: ("version", "champion", "endpoint", "traffic_percent", "release", "detail"),
    NoticeKind.RELEASE_FAILED: ("version", "champion", "endpoint", "step", "release", "detail"),
    NoticeKind.RELEASE_HELD: ("version", "champion", "endpoint", "traffic_percent", "step", "release", "detail"),
    NoticeKind.TRAFFIC_CHANGED: ("endpoint", "version", "champion", "release", "detail"),
    NoticeKind.MONITOR_TROUBLE: ("monitor", "signal", "job", "detail"),
    NoticeKind.BUDGET_CROSSED: ("budget", "percent", "basis", "spent", "amount", "detail"),
    NoticeKind.RETRAINING_FROZEN: ("budget", "until", "detail"),
    NoticeKind.COMPUTE_STOPPED: ("budget", "instances", "detail"),
    NoticeKind.ENDPOINT_DEGRADED: (
        "endpoint",
        "deployment",
        "rule",
        "metric",
        "value",
        "threshold",
        "fired_at",
        "detail",
    ),
    NoticeKind.POLICY_NON_COMPLIANT: ("resource", "assignment", "found_at", "detail"),
    NoticeKind.EVENT_QUARANTINED: ("event_type", "id", "detail"),
    NoticeKind.ACCESS_REFUSED: ("detail",),
    NoticeKind.DEAD_LETTERS_ARRIVED: ("given_up", "poison", "quarantined", "detail"),
}
