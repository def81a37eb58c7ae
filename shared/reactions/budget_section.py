"""The policy's `budget` section, which several reactions read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import ConfigDict, RootModel

from shared.domain.fact import BudgetCrossed, Fact
from shared.policy.model import Policy
from shared.policy.quantities import Percent
from shared.policy.section import Section

Measure = Literal["notify", "freeze-retraining", "stop-compute"]


class Threshold(Section):
    """What to do once spending reached `at` percent of the budget."""

    at: Percent
    do: tuple[Measure, ...]


class Budget(RootModel[tuple[Threshold, ...]]):
    """Thresholds; of those that were reached, the highest decides."""

    model_config = ConfigDict(frozen=True)

    def problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        seen: set[float] = set()
        for number, threshold in enumerate(self.root):
            if threshold.at in seen:
                yield f"{number}.at", f"{threshold.at:g}% stands here twice; put all of its measures into one entry"
            seen.add(threshold.at)


def measures(fact: Fact, policy: Policy) -> tuple[Measure, ...]:
    """Return what the policy wants done about a crossed budget; forecasts are told, never acted on."""
    budget = policy.section(Budget)
    if budget is None or not isinstance(fact.body, BudgetCrossed):
        return ()
    reached = [t for t in budget.root if t.at <= fact.body.percent]
    if not reached:
        return ()
    wanted = max(reached, key=lambda threshold: threshold.at).do
    return wanted if fact.body.basis == "actual" else tuple(m for m in wanted if m == "notify")


def budget_sentence(body: BudgetCrossed) -> str:
    """Return e.g. "budget ml-team: 812.50 of 1000.00 USD spent, 80% reached"."""
    verb = "spent" if body.basis == "actual" else "forecast"
    return (
        f"budget {body.budget}: {body.spent:.2f} of {body.amount:.2f} {body.currency} {verb}, {body.percent:g}% reached"
    )
