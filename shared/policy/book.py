"""All policies, so that those a fact is about are found without asking each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from shared.domain.fact import Fact
from shared.policy.concern import concerns
from shared.policy.model import Policy


class PolicyBook:
    """Finds policies by model and by endpoint; a workspace may have thousands, and most facts name one."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._all = tuple(policies)
        self._by_model: dict[str, list[Policy]] = defaultdict(list)
        self._by_endpoint: dict[str, list[Policy]] = defaultdict(list)
        for policy in self._all:
            self._by_model[policy.model].append(policy)
            self._by_endpoint[policy.endpoint.name].append(policy)

    def about(self, fact: Fact) -> tuple[Policy, ...]:
        """Return the policies that the fact concerns, in the order they were loaded."""
        return tuple(policy for policy in self._candidates(fact) if concerns(fact, policy))

    def _candidates(self, fact: Fact) -> Iterable[Policy]:
        if model := getattr(fact.body, "model", None):
            return self._by_model.get(model, ())
        if endpoint := getattr(fact.body, "endpoint", None):
            return self._by_endpoint.get(endpoint, ())
        return self._all
