"""All policies, indexed by model and endpoint, and what they decide about a fact together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from shared.domain.fact import Fact
from shared.domain.reaction import Reaction
from shared.domain.state import ModelState
from shared.policy.deciding.concern import concerns, unconcerned
from shared.policy.deciding.decide import decide, needs_state
from shared.policy.sections.model import Policy


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done about a fact; `remarks` say why no policy reacts to it."""

    concerned: tuple[Policy, ...]
    reactions: tuple[Reaction, ...]
    remarks: tuple[str, ...]


class PolicyBook:
    """Policies by model and by endpoint: a workspace may have thousands, and most facts name one model."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._all = tuple(policies)
        self._by_model: dict[str, list[Policy]] = defaultdict(list)
        self._by_endpoint: dict[str, list[Policy]] = defaultdict(list)
        for policy in self._all:
            self._by_model[policy.model].append(policy)
            self._by_endpoint[policy.endpoint.name].append(policy)

    def plan(self, fact: Fact, state_of: Callable[[Policy], ModelState], now: Callable[[], datetime]) -> Plan:
        """Return the reactions of all policies; `state_of` is called only where a rule depends on the state."""
        concerned = self.about(fact)
        # `now` is called after `state_of`: reading a blob corrects the worker's clock (adapters/storage/clock.py).
        reactions = [
            reaction
            for policy in concerned
            for state in [state_of(policy) if needs_state(fact, policy) else ModelState(policy.model)]
            for reaction in decide(fact, policy, state, now())
        ]
        return Plan(concerned, tuple(reactions), () if concerned else (unconcerned(fact),))

    def about(self, fact: Fact) -> tuple[Policy, ...]:
        """Return the policies that the fact concerns, in the order they were loaded."""
        return tuple(policy for policy in self._candidates(fact) if concerns(fact, policy))

    def _candidates(self, fact: Fact) -> Iterable[Policy]:
        if model := getattr(fact.body, "model", None):
            return self._by_model.get(model, ())
        if endpoint := getattr(fact.body, "endpoint", None):
            return self._by_endpoint.get(endpoint, ())
        return self._all
