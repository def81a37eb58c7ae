"""Budget alerts, in the common and in the legacy schema."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Literal

from shared.events import outgoing
from shared.events.alerts.refusal import refuse
from shared.events.fields import Fields
from shared.events.money import parse_money
from shared.ports.publisher import OutgoingEvent


def budget_event(essentials: Fields, data: Fields) -> OutgoingEvent:
    """Return what the common schema tells: sums of money are texts formatted for people.

    Raises:
        EventError: it lacks what a budget alert promises.
    """
    fired_at = essentials.time("firedDateTime")
    amount = _money(data, "BudgetThreshold")
    threshold = _money(data, "NotificationThresholdAmount")
    name = data.name("BudgetName")
    basis: Literal["actual", "forecasted"] = (
        "actual" if data.one_of("ThresholdType", "Actual", "Forecasted") == "Actual" else "forecasted"
    )
    has_forecast = basis == "forecasted" and data.has("ForecastedTotalForPeriod")
    return outgoing.budget_alert(
        data.optional_text("BudgetId") or _budget_id(data.text("Scope"), name),
        fired_at,
        budget_name=name,
        basis=basis,
        percent=_percent(threshold, amount),
        amount=amount,
        spent=_money(data, "ForecastedTotalForPeriod" if has_forecast else "SpentAmount"),
        currency=data.optional_name("Unit") or "",
        period_start=_period(data.optional_date("BudgetStartDate"), fired_at),
    )


def legacy_budget_event(data: Fields, received_at: datetime) -> OutgoingEvent:
    """Return what the legacy schema tells: numbers are plain texts, the threshold is a ratio, there is no time.

    Raises:
        EventError: it lacks what a budget alert promises.
    """
    name = data.name("BudgetName")
    amount = data.number("Budget")
    spent = data.number("SpendingAmount")
    ratio = data.number("NotificationThresholdAmount")
    scope = f"/subscriptions/{data.name('SubscriptionId')}"
    if group := data.optional_name("ResourceGroup"):
        scope += f"/resourceGroups/{group}"
    return outgoing.budget_alert(
        _budget_id(scope, name),
        received_at,
        budget_name=name,
        # This schema does not say which: money that is not spent yet can only be a forecast.
        basis="actual" if spent >= ratio * amount else "forecasted",
        percent=_percent(ratio * amount, amount),
        amount=amount,
        spent=spent,
        currency=data.optional_name("Unit") or "",
        period_start=_period(_american_date(data.optional_text("BudgetStartDate")), received_at),
    )


def _money(data: Fields, key: str) -> float:
    if data.is_number(key):
        return data.number(key)
    text = data.text(key)
    found = parse_money(text)
    if found is None:
        refuse(f"{key} is {text!r:.60}, which is not a sum of money", "send it as e.g. $1,000.00 or 1000.00")
    return found


def _percent(threshold: float, amount: float) -> float:
    percent = 100 * threshold / amount if amount > 0 else math.nan
    if not 0 <= percent < math.inf:
        refuse(f"a threshold of {threshold:g} of a budget of {amount:g} is no share", "give the budget an amount")
    return round(percent, 4)


def _budget_id(scope: str, name: str) -> str:
    return f"{scope.rstrip('/')}/providers/Microsoft.Consumption/budgets/{name}"


def _period(started: date | None, at: datetime) -> date:
    """Return the first day of the month, or the budget's own start when that is later: alerts name the start of
    the whole budget, under which the crossing of one month would hide that of the next."""
    month = at.date().replace(day=1)
    return max(month, started) if started else month


def _american_date(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text.split(" ")[0], "%m/%d/%Y").date()  # noqa: DTZ007 (a day has no zone)
    except ValueError:
        refuse(f"BudgetStartDate is {text!r:.60}", "send it as month/day/year")
