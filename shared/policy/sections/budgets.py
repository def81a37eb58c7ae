"""The policy's `budget` section: which budget it listens to, and what is done when spending crosses a threshold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, Field, RootModel

from shared.domain.arm_ids import budget_scope
from shared.domain.fact import BudgetCrossed
from shared.policy.sections.quantities import Percent
from shared.policy.sections.section import Section

if TYPE_CHECKING:
    from shared.policy.sections.model import Policy

Measure = Literal["notify", "freeze-retraining", "stop-compute"]
Name = Annotated[str, Field(min_length=1)]


class Threshold(Section):
    """What to do once spending reached `at` percent of the budget."""

    at: Percent
    do: tuple[Measure, ...]


class NamedBudget(Section):
    """A budget by its name, and what to do at its thresholds.

    `scope` is what the budget counts, where two of one name exist: the ARM id of a subscription, resource group or
    management group. `compute_instances` are the only ones that stop-compute stops; left out, all of the workspace.
    """

    name: Name | tuple[Name, ...]
    thresholds: tuple[Threshold, ...]
    scope: str | None = None
    compute_instances: tuple[Name, ...] = ()


class Budget(RootModel[tuple[Threshold, ...] | NamedBudget]):
    """Thresholds; of those that were reached, the highest decides.

    A list of thresholds alone listens to every budget that counts our workspace: of its resource group, or its
    subscription.
    """

    model_config = ConfigDict(frozen=True)

    @property
    def named(self) -> NamedBudget | None:
        return self.root if isinstance(self.root, NamedBudget) else None

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        return self.root.thresholds if isinstance(self.root, NamedBudget) else self.root

    @property
    def names(self) -> tuple[str, ...]:
        """Return the budgets' names; none for a list of thresholds alone."""
        if self.named is None:
            return ()
        return (self.named.name,) if isinstance(self.named.name, str) else self.named.name

    def listens_to(self, crossed: BudgetCrossed, source: str) -> bool:
        """Return whether it is about this budget; `source` is the budget's ARM id, lower-cased."""
        if self.named is None:
            return crossed.covers_workspace
        is_named = crossed.budget.lower() in {name.strip().lower() for name in self.names}
        scope = self.named.scope
        return is_named and (scope is None or scope.strip().rstrip("/").lower() == budget_scope(source))

    def problems(self, policy: Policy) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        at = "thresholds." if self.named else ""
        if self.named and not self.names:
            yield "name", "names no budget; write one, e.g. ml-team"
        if not self.thresholds:
            yield at.rstrip("."), "has no threshold, so nothing would ever be done; write e.g. {at: 80%, do: [notify]}"
        percentages: set[float] = set()
        for number, threshold in enumerate(self.thresholds):
            if threshold.at in percentages:
                yield f"{at}{number}.at", f"{threshold.at:g}% stands here twice; put all of its measures into one entry"
            percentages.add(threshold.at)
            if threshold.at <= 0:
                yield f"{at}{number}.at", "is reached before anything is spent; write e.g. 80%"
            if not threshold.do:
                yield f"{at}{number}.do", "does nothing; write e.g. [notify]"
        if self.named and self.named.scope is not None and not self.named.scope.strip().startswith("/"):
            yield "scope", "is not an ARM id; write e.g. /subscriptions/ID/resourceGroups/rg-ml"
