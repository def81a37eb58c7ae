"""Stop all retraining of a model when its budget is spent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from shared.domain.fact import BudgetCrossed, Fact
from shared.domain.notice import NoticeKind
from shared.domain.reaction import Reaction
from shared.domain.state import Freeze, ModelState
from shared.policy.sections.budgets import Budget
from shared.policy.sections.model import Policy
from shared.reactions.budget_measures import budget_sentence, measures
from shared.reactions.spec import Performed, ReactionContext, ReactionSpec, done

NAME = "freeze-retraining"
MOST_FACTS = 50


def propose(fact: Fact, policy: Policy, state: ModelState, now: datetime) -> Iterable[Reaction]:
    if NAME in measures(fact, policy) and isinstance(fact.body, BudgetCrossed):
        yield Reaction(NAME, policy.model, budget_sentence(fact.body))


def perform(reaction: Reaction, context: ReactionContext) -> Performed:
    freeze = Freeze(reason=reaction.why, since=context.now, fact=context.key)
    context.models.update(context.policy.model, lambda state: _frozen(state, freeze))
    notice = context.notice(NoticeKind.RETRAINING_FROZEN, reason=reaction.why)
    return done(reaction, f"retraining of {context.policy.model} is frozen: {reaction.why}", "", notice)


def _frozen(state: ModelState, freeze: Freeze) -> ModelState:
    """Return the state with the freeze, once per fact: repeating must not bring back what a person has lifted."""
    if freeze.fact in state.frozen_by:
        return state
    frozen_by = (*state.frozen_by, freeze.fact)[-MOST_FACTS:]
    # A freeze that ends by itself, or has ended, does not stand for this one, which a person has to lift.
    is_frozen = state.freeze is not None and state.freeze.until is None
    return replace(state, freeze=state.freeze if is_frozen else freeze, frozen_by=frozen_by)


SPEC = ReactionSpec(NAME, propose, perform, {"budget": Budget}, looks_at_state=())
