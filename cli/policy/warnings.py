"""Warnings about a valid policy that may not do what its author expects."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from shared.domain.notice import ASKS_TO_DECIDE, NEEDS_A_PERSON, NoticeKind
from shared.policy.reading.people import Directory
from shared.policy.sections.budgets import Budget
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import Monitor
from shared.policy.sections.quantities import duration_text
from shared.reactions.notify_section import DEFAULT_CHANNEL, Notify
from shared.reactions.request_labels import Labelling
from shared.reactions.retrain_section import Retrain
from shared.release.sections.gates_and_approval import Approval
from shared.release.sections.rollout import Rollout

# What can only happen with a section; everything else can happen to any policy.
_ONLY_WITH: dict[NoticeKind, type] = {
    NoticeKind.LABELS_REQUESTED: Labelling,
    NoticeKind.LABELS_READ: Labelling,
    NoticeKind.TRAINING_FAILED: Retrain,
    NoticeKind.TRAINING_BREAKER: Retrain,
    NoticeKind.TRAINING_SIGNS: Retrain,
    NoticeKind.RETRAINING_FROZEN: Budget,
    NoticeKind.COMPUTE_STOPPED: Budget,
    NoticeKind.BUDGET_CROSSED: Budget,
    NoticeKind.RELEASE_REJECTED: Rollout,
    NoticeKind.ROLLED_BACK: Rollout,
    NoticeKind.RELEASE_ABORTED: Rollout,
    NoticeKind.RELEASE_FAILED: Rollout,
    NoticeKind.RELEASE_HELD: Rollout,
    NoticeKind.TRAFFIC_CHANGED: Rollout,
    NoticeKind.MONITOR_TROUBLE: Monitor,
}


# The timer `monitors` runs this often, unless VIGIA_MONITOR_SCHEDULE says otherwise.
MONITORS_RUN_EVERY = timedelta(minutes=5)


def warnings(policy: Policy, people: Directory | None) -> Iterator[str]:
    """Yield what the policy asks or tells by no rule of its own, and what does not come as it is written, each with
    what to write.

    Args:
        people: who people.yaml beside it lists; None when that cannot be read.
    """
    monitor = policy.section(Monitor)
    if monitor and monitor.every < MONITORS_RUN_EVERY:
        yield (
            f"monitor.every: {duration_text(monitor.every)} is less than the {duration_text(MONITORS_RUN_EVERY)} after "
            "which the timer runs again; write 5m or more, or set VIGIA_MONITOR_SCHEDULE to run it as often"
        )
    if monitor and monitor.spark and monitor.spark.runtime == "3.4":
        yield (
            'monitor.spark.runtime: "3.4" has had no support since 2026-03-31 and is switched off: write "3.5" or '
            "leave it out"
        )
    notify = policy.section(Notify) or Notify(())
    named = {kind for rule in notify.root for kind in rule.on}
    if asks := _asks(policy):
        yield from _about_the_question(policy, notify)
    else:
        named |= ASKS_TO_DECIDE | {NoticeKind.APPROVAL_EXPIRED}
    if NoticeKind.APPROVAL_NEEDED in named or not asks:
        # A reminder and an escalation go where the question went.
        named |= ASKS_TO_DECIDE
    missing = [kind.value for kind in NoticeKind if _can_come(kind, policy) and kind not in named | ASKS_TO_DECIDE]
    if missing:
        yield f"notify: no rule names {', '.join(missing)}; they go to {policy.people.owner} by {DEFAULT_CHANNEL}"
    yield from _about_who_decides(policy, people)


def _about_who_decides(policy: Policy, people: Directory | None) -> Iterator[str]:
    approval = policy.section(Approval)
    if approval is None or not _asks(policy):
        return
    approvers = sorted({address.lower() for address in (*policy.people.approvers, *approval.escalate_to)})
    if approval.not_by == "submitter" and approvers and len(approvers) <= approval.quorum:
        yield (
            f"approval.quorum: of {len(approvers)} who may decide {approval.quorum} must agree: a version that one of "
            "them submitted, or whose submitter is not known, is refused; name one more in people.approvers"
        )
    listed = people.people if people else {}
    unproven = [
        approver for approver in approvers if people is not None and not (approver in listed and listed[approver].oid)
    ]
    if unproven:
        has = "has" if len(unproven) == 1 else "have"
        yield (
            f"people.yaml: {', '.join(unproven)} may approve and {has} no oid: whoever signs in under such an address "
            "decides; write the object id that Entra ID shows, e.g. ana@example.com: "
            '{oid: "11111111-2222-3333-4444-555555555555"}'
        )


def _about_the_question(policy: Policy, notify: Notify) -> Iterator[str]:
    approvers = {address.lower() for address in policy.people.approvers}
    emails = {route.email for route in notify.routes(NoticeKind.APPROVAL_NEEDED, policy.people)}
    write = "write {on: [approval-needed], to: [approvers], by: [teams, email]}"
    if not approvers:
        yield "people: releases wait for an approval that nobody may give: name people.approvers"
    elif not emails:
        who = ", ".join(sorted(approvers))
        yield f"notify: no rule asks anybody for the approval; {who} are asked by {DEFAULT_CHANNEL} alone: {write}"
    elif not emails & approvers:
        yield f"notify: approval-needed reaches nobody who may decide: {write}"


def _asks(policy: Policy) -> bool:
    approval = policy.section(Approval)
    if approval is None or policy.section(Rollout) is None:
        return False
    return approval.when != "never" or approval.for_undo != "never"


def _can_come(kind: NoticeKind, policy: Policy) -> bool:
    return kind in NEEDS_A_PERSON and (kind not in _ONLY_WITH or policy.section(_ONLY_WITH[kind]) is not None)
