"""Budget alerts, in the common and in the legacy schema."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import datetime

from shared.domain.arm_ids import budget_id, scope_id
from shared.errors import EventError
from shared.events.alerts.money import parse_money
from shared.events.alerts.refusal import refuse
from shared.events.sent import outgoing
from shared.events.wire.fields import Fields
from shared.ports.publisher import OutgoingEvent

# The Consumption API takes thresholds of 0 to 1000 percent. Source: Azure/bicep-types-az,
# microsoft.consumption/2026-06-01, read 2026-11-20.
LARGEST_SHARE = 10.0
SMALLEST_PART = 0.05
THRESHOLD = "NotificationThresholdAmount"


def budget_event(essentials: Fields, data: Fields) -> OutgoingEvent:
    """Return what the common schema tells: sums of money are texts formatted for people.

    It names the start of the whole budget, and may come weeks after the period that it is about: only its own id tells
    one month's crossing from the next.

    Raises:
        EventError: it lacks what a budget alert promises.
    """
    fired_at = essentials.time("firedDateTime")
    amount = _money(data, "BudgetThreshold")
    percentage = _percentage(data, THRESHOLD)
    threshold = _money(data, THRESHOLD) if percentage is None else percentage / 100 * amount
    name = data.name("BudgetName")
    is_actual = data.one_of("ThresholdType", "Actual", "Forecasted") == "Actual"
    has_forecast = not is_actual and data.has("ForecastedTotalForPeriod")
    spent = _money(data, "ForecastedTotalForPeriod" if has_forecast else "SpentAmount")
    alert = essentials.optional_text("alertId")
    return outgoing.budget_alert(
        data.optional_text("BudgetId") or budget_id(data.text("Scope"), name),
        fired_at,
        budget_name=name,
        basis="actual" if is_actual else "forecasted",
        percent=_percent(threshold, amount),
        amount=amount,
        spent=spent,
        currency=data.optional_name("Unit") or "",
        alert=alert.strip() if alert else _content_id(is_actual, threshold, amount, spent, fired_at.isoformat()),
    )


def legacy_budget_event(data: Fields, received_at: datetime) -> OutgoingEvent:
    """Return what the legacy schema tells: numbers are plain texts, and there is neither a time nor an id.

    Its content stands for the id: the same crossing told again says the same, the next one has another sum spent.

    Raises:
        EventError: it lacks what a budget alert promises.
    """
    name = data.name("BudgetName")
    amount, spent = _number_or_money(data, "Budget"), _number_or_money(data, "SpendingAmount")
    percentage = _percentage(data, THRESHOLD)
    threshold = (
        _legacy_threshold(_number_or_money(data, THRESHOLD), amount, spent)
        if percentage is None
        else percentage / 100 * amount
    )
    started = data.optional_text("BudgetStartDate")
    scope = scope_id(data.name("SubscriptionId"), data.optional_name("ResourceGroup") or "")
    return outgoing.budget_alert(
        budget_id(scope, name),
        received_at,
        budget_name=name,
        # This schema does not say which: money that is not spent yet can only be a forecast.
        basis="actual" if spent >= threshold else "forecasted",
        percent=_percent(threshold, amount),
        amount=amount,
        spent=spent,
        currency=data.optional_name("Unit") or "",
        alert=_content_id(threshold, amount, spent, started),
    )


def _legacy_threshold(number: float, amount: float, spent: float) -> float:
    """Return the threshold as a sum of money; the schema writes it as one ("8000.0" of "10000"), or as a share ("0.8").

    A budget takes thresholds of up to 1000 %, so that more than 10 is no share. Of a small budget both may be meant:
    then a share is, unless only as a sum it is reached, and as a sum it is no tiny part of the budget.
    """
    if number > LARGEST_SHARE:
        return number
    is_reached_as_sum_only = number <= spent < number * amount
    return number if is_reached_as_sum_only and number >= SMALLEST_PART * amount else number * amount


def _content_id(*content: str | float | None) -> str:
    """Return what stands for the id of an alert that has none."""
    return f"content/{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]}"


def _money(data: Fields, key: str) -> float:
    if data.is_number(key):
        return data.number(key)
    text = data.text(key)
    amount = parse_money(text)
    if amount is None:
        refuse(f"{key} is {text!r:.60}, which is not a sum of money", "send it as e.g. $1,000.00 or 1000.00")
    return amount


def _number_or_money(data: Fields, key: str) -> float:
    """Return a number that is written plainly, as the legacy schema does, or for people."""
    try:
        return data.number(key)
    except EventError:
        return _money(data, key)


def _percentage(data: Fields, key: str) -> float | None:
    """Return the number before a percent sign; None when there is no such sign."""
    text = "" if data.is_number(key) else (data.optional_text(key) or "").strip()
    return parse_money(text.removesuffix("%")) if text.endswith("%") else None


def _percent(threshold: float, amount: float) -> float:
    percent = 100 * threshold / amount if amount > 0 else math.nan
    if not 0 <= percent < math.inf:
        refuse(f"a threshold of {threshold:g} of a budget of {amount:g} is no share", "give the budget an amount")
    return round(percent, 4)
