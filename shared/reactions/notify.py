"""Tell people what happened, as far as no other reaction's own notice says it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

from shared.domain.fact import (
    BudgetCrossed,
    DriftDetected,
    EndpointDegraded,
    Fact,
    MonitorContradicted,
    PolicyStateChanged,
    RunEnded,
)
from shared.domain.ids import JobName, ModelName
from shared.domain.notice import NoticeKind
from shared.domain.reaction import Reaction
from shared.domain.state import ModelState
from shared.policy.sections.model import Policy
from shared.reactions.budget_measures import budget_sentence, measures
from shared.reactions.notify_section import Notify
from shared.reactions.spec import Performed, ReactionContext, ReactionSpec, arguments, done

NAME = "notify"


def propose(fact: Fact, policy: Policy, state: ModelState, now: datetime) -> Iterable[Reaction]:
    match fact.body:
        case DriftDetected(detail=detail, signal=signal, monitor=monitor):
            yield _tell(policy, NoticeKind.DRIFT_DETECTED, detail, signal=signal, monitor=monitor)
        case MonitorContradicted(detail=detail, signal=signal, monitor=monitor, run=run):
            yield _tell(policy, NoticeKind.MONITOR_TROUBLE, detail, signal=signal, monitor=monitor or signal, job=run)
        # Anyone can give a job our tags; only those that we started are ours. Their tags may be missing.
        case RunEnded(run=run, outcome="failed" | "canceled" as outcome) if _is_ours(run, state):
            yield _tell(policy, NoticeKind.TRAINING_FAILED, f"run {run} {outcome}", job=run, outcome=outcome)
        case BudgetCrossed() as budget if NAME in measures(fact, policy):
            percent = f"{budget.reached_percent:g}"
            yield _tell(
                policy, NoticeKind.BUDGET_CROSSED, budget_sentence(budget), budget=budget.budget, percent=percent
            )
        case EndpointDegraded(endpoint=policy.endpoint.name, rule=rule, condition="fired", detail=detail):
            yield _tell(policy, NoticeKind.ENDPOINT_DEGRADED, detail, rule=rule, endpoint=policy.endpoint.name)
        case PolicyStateChanged(is_violation=True) as state_of_policy:
            yield _policy_notice(policy, state_of_policy)


def _is_ours(run: JobName, state: ModelState) -> bool:
    return any(training.job == run for training in state.trainings)


def _policy_notice(policy: Policy, changed: PolicyStateChanged) -> Reaction:
    assignment, resource = (text.rpartition("/")[2] for text in (changed.assignment, changed.resource))
    reason = f"assignment {assignment} of Azure Policy finds {resource} non-compliant"
    at = changed.changed_at.isoformat()
    return _tell(policy, NoticeKind.POLICY_NON_COMPLIANT, reason, assignment=assignment, resource=resource, found_at=at)


def _tell(policy: Policy, kind: NoticeKind, reason: str, **parameters: str) -> Reaction:
    return Reaction(NAME, policy.model, reason, arguments(kind=kind, reason=reason, **parameters))


def perform(reaction: Reaction, context: ReactionContext) -> Performed:
    parameters = dict(reaction.arguments)
    kind = NoticeKind(parameters.pop("kind"))
    detail = reaction.why
    if kind is NoticeKind.TRAINING_FAILED and parameters["outcome"] == "failed":
        failure = context.workspace.job_failure(JobName(parameters["job"]))
        detail = failure.added_to(detail)
        parameters |= {**failure.parameters, "reason": detail}
    if isinstance(context.fact.body, DriftDetected):
        version = context.fact.body.run.partition("@")[0]
        notice = context.daily_notice(kind, f"{context.fact.body.signal}/{version}", **parameters)
        notice = replace(notice, path=report_path(context.policy.model, context.fact.body.report))
    else:
        notice = context.notice(kind, **parameters)
    return done(reaction, f"notified: {detail}", "", notice)


def report_path(model: ModelName, report: str) -> str:
    """Return where the page of a monitor's report is; who may publish events must not choose another page."""
    return f"api/monitors/{quote(model, safe='')}/{quote(report, safe='')}" if report else ""


SPEC = ReactionSpec(NAME, propose, perform, {"notify": Notify}, looks_at_state=(RunEnded,))
