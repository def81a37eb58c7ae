"""What is to be done about a fact: the rules propose, the general guardrails hold back. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shared.domain.fact import Fact
from shared.domain.reaction import Reaction
from shared.domain.state import ModelState
from shared.policy.deciding.guardrails import general_guardrail
from shared.policy.sections.model import Policy


def decide(fact: Fact, policy: Policy, state: ModelState, now: datetime) -> list[Reaction]:
    """Return the reactions to `fact`, in the order of the policy's rules.

    Reactions that a guardrail holds back are in the list too, with the reason, so that "why was nothing
    done" has an answer. An empty list means that no rule proposed anything.
    """
    decided: list[Reaction] = []
    for rule in policy.rules:
        for proposed in rule.propose(fact, policy, state, now):
            decided.append(_guarded(proposed, policy, decided))
    return decided


def needs_state(fact: Fact, policy: Policy) -> bool:
    """Return whether a rule's decision about this fact depends on the state; reading it is a call to storage."""
    return any(isinstance(fact.body, rule.looks_at_state) for rule in policy.rules)


def _guarded(proposed: Reaction, policy: Policy, earlier: Sequence[Reaction]) -> Reaction:
    if proposed.suppressed is not None:
        return proposed
    return replace(proposed, suppressed=general_guardrail(proposed, policy, earlier))
