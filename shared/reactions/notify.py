"""Tell people what happened, as far as no other reaction's own notice says it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.domain.fact import BudgetCrossed, DriftDetected, EndpointDegraded, Fact, RunEnded
from shared.domain.notice import NoticeKind
from shared.domain.reaction import Reaction
from shared.domain.state import ModelState
from shared.policy.model import Policy
from shared.reactions.budget_section import budget_sentence, measures
from shared.reactions.notify_section import Notify
from shared.reactions.spec import Performed, ReactionSpec, Work, arguments, done

NAME = "notify"


def propose(fact: Fact, policy: Policy, state: ModelState, now: datetime) -> Iterable[Reaction]:
    match fact.body:
        case DriftDetected(detail=detail, signal=signal, monitor=monitor):
            yield _tell(policy, NoticeKind.DRIFT_DETECTED, detail, signal=signal, monitor=monitor)
        case RunEnded(run=run, outcome="failed" | "canceled" as outcome, model=policy.model):
            yield _tell(policy, NoticeKind.TRAINING_FAILED, f"run {run} {outcome}", job=run, outcome=outcome)
        case BudgetCrossed() as budget if NAME in measures(fact, policy):
            percent = f"{budget.percent:g}"
            yield _tell(
                policy, NoticeKind.BUDGET_CROSSED, budget_sentence(budget), budget=budget.budget, percent=percent
            )
        case EndpointDegraded(endpoint=policy.endpoint.name, rule=rule, condition="fired", detail=detail):
            yield _tell(policy, NoticeKind.ENDPOINT_DEGRADED, detail, rule=rule, endpoint=policy.endpoint.name)


def _tell(policy: Policy, kind: NoticeKind, why: str, **parameters: str) -> Reaction:
    return Reaction(NAME, policy.model, why, arguments(kind=kind, reason=why, **parameters))


def perform(reaction: Reaction, work: Work) -> Performed:
    parameters = dict(reaction.arguments)
    kind = NoticeKind(parameters.pop("kind"))
    if isinstance(work.fact.body, DriftDetected):
        version = work.fact.body.run.partition("@")[0]
        notice = work.daily_notice(kind, f"{work.fact.body.signal}/{version}", **parameters)
    else:
        notice = work.notice(kind, **parameters)
    return done(reaction, f"people are told: {reaction.why}", "", notice)


SPEC = ReactionSpec(NAME, propose, perform, {"notify": Notify})
