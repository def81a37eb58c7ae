"""Stop the workspace's running compute instances when a budget is spent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.domain.fact import BudgetCrossed, Fact
from shared.domain.notice import NoticeKind
from shared.domain.reaction import Reaction
from shared.domain.state import ModelState
from shared.policy.sections.budgets import Budget
from shared.policy.sections.model import Policy
from shared.reactions.budget_measures import budget_sentence, measures
from shared.reactions.spec import Performed, ReactionContext, ReactionSpec, done

NAME = "stop-compute"


def propose(fact: Fact, policy: Policy, state: ModelState, now: datetime) -> Iterable[Reaction]:
    if NAME in measures(fact, policy) and isinstance(fact.body, BudgetCrossed):
        yield Reaction(NAME, policy.model, budget_sentence(fact.body))


def perform(reaction: Reaction, context: ReactionContext) -> Performed:
    budget = context.policy.section(Budget)
    only = budget.named.compute_instances if budget and budget.named else ()
    # Clusters scale to zero by themselves; instances run, and cost, until someone stops them.
    stopped = context.workspace.stop_compute_instances(only)
    names = ", ".join(stopped) or "none was running"
    # Told in any case: a worker that died after stopping them has told nobody, and its successor finds none running.
    notice = context.notice(NoticeKind.COMPUTE_STOPPED, instances=names, reason=reaction.why)
    return done(reaction, f"compute instances stopped: {names}; {reaction.why}", "", notice)


SPEC = ReactionSpec(NAME, propose, perform, {"budget": Budget}, looks_at_state=())
