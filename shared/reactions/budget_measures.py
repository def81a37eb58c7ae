"""What the policy's `budget` section asks for when a budget is crossed; several reactions read it."""

from __future__ import annotations

from shared.domain.fact import BudgetCrossed, Fact
from shared.policy.sections.budgets import Budget, Measure
from shared.policy.sections.model import Policy

# So many points above the alert's threshold, what is spent is added to the notice.
FAR_BEYOND = 10.0


def measures(fact: Fact, policy: Policy) -> tuple[Measure, ...]:
    """Return what the policy wants done about a crossed budget; forecasts are only reported.

    Money that is spent counts, not only the threshold that the alert was set to: 11,111 of 1,000 is 1111 %, though the
    alert was about 25 %.
    """
    budget = policy.section(Budget)
    if budget is None or not isinstance(fact.body, BudgetCrossed) or not budget.listens_to(fact.body, fact.source):
        return ()
    reached = [t for t in budget.thresholds if t.at <= fact.body.reached_percent]
    if not reached:
        return ()
    measures = max(reached, key=lambda threshold: threshold.at).do
    return measures if fact.body.basis == "actual" else tuple(m for m in measures if m == "notify")


def budget_sentence(body: BudgetCrossed) -> str:
    """Return e.g. "budget ml-team: 812.50 of 1000.00 USD spent, 80% reached"."""
    verb = "spent" if body.basis == "actual" else "forecast"
    sums = f"budget {body.budget}: {body.spent:.2f} of {body.amount:.2f} {body.currency} {verb}"
    if body.reached_percent < body.percent + FAR_BEYOND:
        return f"{sums}, {body.percent:g}% reached"
    return f"{sums}, {body.reached_percent:g}% reached (the alert is set to {body.percent:g}%)"
