"""What an action group posts (budget alerts in two schemas, Azure Monitor alerts) as events of our own."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from typing import Literal, NoReturn

from shared.domain.ids import EndpointName
from shared.errors import EventError
from shared.events import outgoing
from shared.events.fields import Fields
from shared.events.money import parse_money
from shared.events.strict_json import read_json
from shared.ports.publisher import OutgoingEvent

COMMON = "azureMonitorCommonAlertSchema"
LEGACY_BUDGET = "AIP Budget Notification"

_ENDPOINT_ID = re.compile(
    r"(?P<workspace>/.*/providers/microsoft\.machinelearningservices/workspaces/[^/]+)/(?:online|batch)endpoints/"
    r"(?P<endpoint>[^/]+)(?:/deployments/(?P<deployment>[^/]+))?/?",
    re.IGNORECASE,
)


def read_alert(body: str | bytes, received_at: datetime) -> OutgoingEvent:
    """Return the event that tells what an action group posted.

    Args:
        received_at: UTC; the time of alerts that carry none (legacy budget alerts).

    Raises:
        EventError: it is no alert that we know, or it lacks what its kind promises.
    """
    alert = Fields(read_json(body), "the alert", "")
    schema = alert.text("schemaId")
    data = alert.mapping("data")
    if schema.lower() == LEGACY_BUDGET.lower():
        return _legacy_budget(data, received_at)
    if schema.lower() != COMMON.lower():
        _refuse(f"schemaId {schema!r:.60} is not known", "switch the common alert schema on in the action group")
    context = data.mapping("alertContext")
    if (context.optional_text("AlertCategory") or "").lower() == "budgets":
        return _budget(data.mapping("essentials"), context.mapping("AlertData"))
    return _monitor(data.mapping("essentials"), context, data.mapping("customProperties"))


def _budget(essentials: Fields, data: Fields) -> OutgoingEvent:
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


def _legacy_budget(data: Fields, received_at: datetime) -> OutgoingEvent:
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


def _monitor(essentials: Fields, context: Fields, custom: Fields) -> OutgoingEvent:
    fired_at = essentials.time("firedDateTime")
    is_resolved = essentials.one_of("monitorCondition", "Fired", "Resolved") == "Resolved"
    criteria = context.mapping("condition").items("allOf")
    if not criteria:
        _refuse("the alert's context has no condition.allOf", "send metric or log search (V2) alerts here")
    dimensions = _dimensions(criteria)
    target = next((m for text in essentials.texts("alertTargetIDs") if (m := _ENDPOINT_ID.fullmatch(text))), None)
    endpoint = custom.optional_name("endpoint") or dimensions.get("endpointname") or dimensions.get("endpoint")
    if endpoint is None and target is not None:
        endpoint = _as_configured(target["endpoint"], essentials)
    if endpoint is None:
        _refuse(
            "the alert names no endpoint",
            "scope the rule to the endpoint, split it by a dimension EndpointName, or add the custom property endpoint",
        )
    deployment = dimensions.get("deployment") or dimensions.get("deploymentname")
    return outgoing.endpoint_alert(
        _source(target, essentials),
        essentials.time("resolvedDateTime") if is_resolved and essentials.has("resolvedDateTime") else fired_at,
        endpoint=EndpointName(endpoint),
        deployment=deployment or (target["deployment"] if target else None),
        rule=essentials.name("alertRule"),
        condition="resolved" if is_resolved else "fired",
        fired_at=fired_at,
        detail="; ".join(_sentence(criterion) for criterion in criteria),
    )


def _source(target: re.Match[str] | None, essentials: Fields) -> str:
    if target is not None:
        return target["workspace"]
    return next(iter(essentials.texts("alertTargetIDs")), None) or essentials.text("alertId")


def _as_configured(lowered: str, essentials: Fields) -> str:
    # Target ids come in lower case; the configuration items keep the name as it was given.
    items = essentials.texts("configurationItems")
    return next((item for item in items if item.lower() == lowered.lower()), lowered)


def _dimensions(criteria: tuple[Fields, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for criterion in criteria:
        for dimension in criterion.items("dimensions"):
            if value := dimension.optional_name("value"):
                found.setdefault(dimension.name("name").lower(), value)
    return found


def _sentence(criterion: Fields) -> str:
    names = (criterion.optional_text("metricName"), criterion.optional_text("metricMeasureColumn"))
    what = next(filter(None, names), "the query's result")
    value = f"{criterion.number('metricValue'):g}" if criterion.has("metricValue") else "unknown"
    bound = f"{criterion.number('threshold'):g}" if criterion.has("threshold") else "learned"
    return f"{what} is {value} ({criterion.optional_text('operator') or 'against'} {bound})"


def _money(data: Fields, key: str) -> float:
    if data.is_number(key):
        return data.number(key)
    text = data.text(key)
    found = parse_money(text)
    if found is None:
        _refuse(f"{key} is {text!r:.60}, which is not a sum of money", "send it as e.g. $1,000.00 or 1000.00")
    return found


def _percent(threshold: float, amount: float) -> float:
    percent = 100 * threshold / amount if amount > 0 else math.nan
    if not 0 <= percent < math.inf:
        _refuse(f"a threshold of {threshold:g} of a budget of {amount:g} is no share", "give the budget an amount")
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
        _refuse(f"BudgetStartDate is {text!r:.60}", "send it as month/day/year")


def _refuse(message: str, hint: str) -> NoReturn:
    raise EventError("alert.refused", f"the alert cannot be read: {message}", hint)
