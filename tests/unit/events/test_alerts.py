"""Action group bodies that are not what the golden files hold."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.domain.fact import Ignored
from shared.errors import EventError
from shared.events.alerts import read_alert
from shared.events.alerts.money import parse_money
from shared.ports.publisher import OutgoingEvent

FOLDER = Path(__file__).parents[2] / "golden" / "events"
NOW = datetime(2026, 11, 20, 7, 15, tzinfo=UTC)
Change = Callable[[dict[str, Any]], object]


def _event(body: str) -> OutgoingEvent:
    """Return the only event that an alert tells."""
    alert = read_alert(body, NOW)
    assert not isinstance(alert, Ignored)
    (event,) = alert
    return event


def _alert(name: str, change: Change) -> str:
    body = copy.deepcopy(json.loads((FOLDER / f"alert-{name}.json").read_text())["body"])
    change(body)
    return json.dumps(body)


def _budget(**changes: object) -> Change:
    return lambda body: body["data"]["alertContext"]["AlertData"].update(changes)


def _legacy(**changes: object) -> Change:
    return lambda body: body["data"].update(changes)


def _essentials(**changes: object) -> Change:
    return lambda body: body["data"]["essentials"].update(changes)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$1,000.00", 1000.0),
        ("1.000,00 €", 1000.0),
        ("€ 1.234.567,89", 1234567.89),
        ("CHF 1'000.50", 1000.5),
        ("1\u202f000,00 €", 1000.0),
        ("1 000,5 kr", 1000.5),
        ("₹1,00,000.00", 100000.0),
        ("¥11,111", 11111.0),
        ("R$ 812,50", 812.5),
        ("812.5", 812.5),
        ("1000", 1000.0),
        ("-$5.00", -5.0),
        ("($5.00)", -5.0),
        ("$0.00", 0.0),
    ],
)
def test_parse_money_reads_what_azure_formats(text: str, value: float) -> None:
    assert parse_money(text) == value


@pytest.mark.parametrize("text", ["", "free", "$", "1-2", "$1 and $2", "1,,2", "1.2.3,4,5", "9" * 65, "٣"])
def test_parse_money_when_there_is_no_telling_is_none(text: str) -> None:
    assert parse_money(text) is None


def test_budget_in_another_locale_is_the_same_threshold() -> None:
    changes = _budget(
        BudgetThreshold="1.000,00 €", NotificationThresholdAmount="800,00 €", SpentAmount="812,50 €", Unit="EUR"
    )
    data = _event(_alert("budget-common", changes)).data
    assert (data["percent"], data["amount"], data["spent"], data["currency"]) == (80.0, 1000.0, 812.5, "EUR")


def test_budget_crossed_again_in_the_next_month_is_another_event() -> None:
    november = _event(_alert("budget-common", _essentials(alertId="/alerts/november")))
    december = _event(_alert("budget-common", _essentials(alertId="/alerts/december")))
    assert november.id != december.id


def test_legacy_budget_that_is_not_spent_yet_is_a_forecast() -> None:
    assert _event(_alert("budget-legacy", _legacy(SpendingAmount="700"))).data["basis"] == "forecasted"


def test_metric_alert_keeps_the_endpoint_name_as_configured() -> None:
    event = _event(_alert("metric", _essentials(configurationItems=["Churn-Fake"])))
    assert event.data["endpoint"] == "Churn-Fake"


def test_service_that_is_spelt_in_another_way_is_the_same() -> None:
    for spelling in ("RESOURCE HEALTH", "resource-health", "Resourcehealth"):
        health = _event(_alert("resource-health", _essentials(monitoringService=spelling)))
        assert health.data["detail"] == "Fake outage: Unavailable (before: Available), PlatformInitiated"


def test_health_without_a_status_is_what_the_alert_says() -> None:
    def unknown(body: dict[str, Any]) -> None:
        body["data"]["alertContext"]["properties"] = None
        body["data"]["essentials"]["monitorCondition"] = "resolved"

    data = _event(_alert("resource-health", unknown)).data
    assert (data["condition"], data["detail"]) == ("resolved", "resource health: status unknown (before: unknown)")


@pytest.mark.parametrize("name", ["activity-administrative", "activity-policy"])
def test_who_did_it_is_not_passed_on(name: str) -> None:
    assert "fake@example.test" not in repr(read_alert(_alert(name, lambda body: None), NOW))


def test_every_criterion_that_names_an_endpoint_is_heard() -> None:
    def split(body: dict[str, Any]) -> None:
        for criterion, name in zip(body["data"]["alertContext"]["condition"]["allOf"], ("a", "b"), strict=True):
            criterion["dimensions"] = [{"name": "Endpoint-Name", "value": name}, {"name": "Deployment", "value": "v1"}]

    alert = read_alert(_alert("metric", split), NOW)
    assert not isinstance(alert, Ignored)
    assert [(event.data["endpoint"], event.data["deployment"]) for event in alert] == [("a", "v1"), ("b", "v1")]
    assert len({event.id for event in alert}) == 2


def test_a_long_expression_is_cut() -> None:
    def long(body: dict[str, Any]) -> None:
        body["data"]["alertContext"]["annotations"] = {"description": "x" * 100_000}

    assert len(str(_event(_alert("prometheus", long)).data["detail"])) == 2000


def _no_condition(body: dict[str, Any]) -> None:
    body["data"]["alertContext"] = {"operationName": "Microsoft.Resourcehealth/healthevent/Activated/action"}


def _nothing_but_a_subscription(body: dict[str, Any]) -> None:
    body["data"]["alertContext"] |= {"level": "Error", "status": "Failed"}
    body["data"]["alertContext"]["authorization"]["scope"] = "/subscriptions/00000000-0000-0000-0000-000000000001"
    body["data"]["essentials"]["alertTargetIDs"] = ["/subscriptions/00000000-0000-0000-0000-000000000001"]


def _no_endpoint(body: dict[str, Any]) -> None:
    body["data"]["customProperties"] = None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param("[]", "the alert", id="a_list"),
        pytest.param("{}", "schemaId is missing", id="empty"),
        pytest.param(
            '{"schemaId": "Microsoft.Insights/activityLogs", "data": {}}', "common alert schema", id="unknown"
        ),
        pytest.param(_alert("budget-common", _budget(BudgetThreshold="a lot")), "not a sum of money", id="no_money"),
        pytest.param(_alert("budget-common", _budget(BudgetThreshold="$0.00")), "is no share", id="no_budget"),
        pytest.param(_alert("budget-common", _budget(SpentAmount=None)), "SpentAmount is missing", id="no_spending"),
        pytest.param(_alert("budget-common", _budget(ThresholdType="x")), "ThresholdType", id="no_basis"),
        pytest.param(_alert("budget-common", _essentials(firedDateTime="")), "firedDateTime", id="no_time"),
        pytest.param(_alert("budget-legacy", _legacy(Budget="0")), "is no share", id="legacy_no_budget"),
        pytest.param(
            _alert("budget-legacy", _legacy(Budget="much")), "which is not a sum of money", id="legacy_no_number"
        ),
        pytest.param(_alert("budget-legacy", _legacy(NotificationThresholdAmount="-1")), "is no share", id="negative"),
        pytest.param(_alert("metric", _no_condition), "send metric, log search", id="no_shape_we_know"),
        pytest.param(_alert("log-search", _no_endpoint), "names no endpoint", id="no_endpoint"),
        pytest.param(
            _alert("activity-administrative", _nothing_but_a_subscription), "names no endpoint", id="no_scope"
        ),
        pytest.param(_alert("metric", _essentials(alertRule=None)), "alertRule is missing", id="no_rule"),
        pytest.param(_alert("metric", _essentials(monitorCondition="?")), "monitorCondition", id="no_condition"),
    ],
)
def test_alert_that_cannot_be_read_gets_an_event_error(body: str, message: str) -> None:
    with pytest.raises(EventError) as caught:
        read_alert(body, NOW)
    assert message in str(caught.value)
