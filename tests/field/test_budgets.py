"""Budgets as Azure tells them: weeks late, in two spellings, far beyond a threshold, and of other teams."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.explained import POLICY, acted, explained, inputs

OCTOBER, NOVEMBER = "03a_budget_october_fired_1_nov.json", "03b_budget_november_fired_29_nov.json"
LEGACY, BEYOND = "04_legacy_budget_amount.json", "11_spent_beyond_its_threshold.json"
EVERYTHING = ["freeze-retraining", "notify", "stop-compute"]
NAMED = POLICY.replace(
    "budget:\n",
    "budget:\n  name: ml-team\n  thresholds:\n",
)


def test_two_alerts_of_one_month_are_two_facts_and_one_alert_told_twice_is_one(tmp_path: Path) -> None:
    late, own, again = explained(tmp_path, [inputs(OCTOBER), inputs(NOVEMBER), inputs(OCTOBER)])
    assert late["key"] != own["key"]
    assert late["key"] == again["key"]
    assert [alert["data"]["period_start"] for alert in (late, own)] == [None, None]


def test_one_alert_is_one_fact_whenever_it_is_told(tmp_path: Path) -> None:
    later = inputs(OCTOBER)
    later["data"]["essentials"]["firedDateTime"] = "2026-12-24T06:00:00Z"
    first, second = explained(tmp_path, [inputs(OCTOBER), later])
    assert first["key"] == second["key"]


@pytest.mark.parametrize(
    ("budget", "threshold", "spent", "percent", "basis"),
    [
        pytest.param("10000", "8000.0", "8123.00", 80, "actual", id="a_sum"),
        pytest.param("10000", "0.8", "8123.00", 80, "actual", id="a_share"),
        pytest.param("10000", ".8", "8123.00", 80, "actual", id="a_share_without_its_zero"),
        pytest.param("10000", "0.8", "5000.00", 80, "forecasted", id="a_share_that_is_not_spent"),
        pytest.param("10000", "8000.0", "5000.00", 80, "forecasted", id="a_sum_that_is_not_spent"),
        pytest.param("1000", "1.1", "900", 110, "forecasted", id="more_than_all_of_it"),
        pytest.param("1000", "1.0", "1000.00", 100, "actual", id="all_of_it"),
        pytest.param("10", "8.0", "8.2", 80, "actual", id="a_sum_of_a_small_budget"),
        pytest.param("10", "0.8", "8.2", 80, "actual", id="a_share_of_a_small_budget"),
    ],
)
def test_a_legacy_threshold_is_read_in_both_spellings(
    tmp_path: Path, budget: str, threshold: str, spent: str, percent: float, basis: str
) -> None:
    alert = inputs(LEGACY)
    alert["data"] |= {"Budget": budget, "NotificationThresholdAmount": threshold, "SpendingAmount": spent}
    (answer,) = explained(tmp_path, alert)
    assert (answer["data"]["percent"], answer["data"]["basis"]) == (percent, basis)
    assert answer["data"]["spent"] == float(spent)


def test_a_legacy_alert_posted_again_is_one_fact_and_the_next_months_another(tmp_path: Path) -> None:
    next_month = inputs(LEGACY)
    next_month["data"]["SpendingAmount"] = "8001.10"
    first, again, another = explained(tmp_path, [inputs(LEGACY), inputs(LEGACY), next_month])
    assert first["key"] == again["key"] != another["key"]


def test_what_is_spent_counts_when_it_is_beyond_the_alerts_own_threshold(tmp_path: Path) -> None:
    answers = explained(tmp_path, BEYOND)
    assert (answers[0]["data"]["percent"], answers[0]["data"]["reached_percent"]) == (25, 1111.1)
    assert acted(answers) == EVERYTHING


def test_a_forecast_beyond_the_budget_only_tells(tmp_path: Path) -> None:
    alert = inputs(BEYOND)
    alert["data"]["alertContext"]["AlertData"] |= {
        "ThresholdType": "Forecasted",
        "NotificationThresholdAmount": "$1,000.00",
        "ForecastedTotalForPeriod": "$11,111.00",
        "SpentAmount": "$11.00",
    }
    assert acted(explained(tmp_path, alert)) == ["notify"]


def _common(name: str, scope: str = "/subscriptions/00000000-0000-0000-0000-000000000001") -> Any:
    alert = inputs(NOVEMBER)
    alert["data"]["alertContext"]["AlertData"] |= {
        "BudgetName": name,
        "Scope": f"{scope}/",
        "BudgetId": f"{scope}/providers/Microsoft.Consumption/budgets/{name}",
    }
    return alert


WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
    "/providers/Microsoft.MachineLearningServices/workspaces/ws"
)


def test_a_policy_that_names_its_budget_hears_no_other(tmp_path: Path) -> None:
    assert acted(explained(tmp_path, _common("ML-Team"), policy=NAMED)) == EVERYTHING
    (other,) = explained(tmp_path, _common("web-shop"), policy=NAMED)
    assert (other["outcome"], other["reactions"]) == ("fact", [])
    assert "no policy listens to budget 'web-shop'" in other["reason"]


def test_a_budgets_scope_tells_two_of_one_name_apart(tmp_path: Path) -> None:
    group = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-ml"
    policy = NAMED.replace("name: ml-team\n", f"name: [ml-team, spare]\n  scope: {group}/\n")
    assert acted(explained(tmp_path, _common("ml-team", group), policy=policy)) == EVERYTHING
    assert acted(explained(tmp_path, _common("ml-team", f"{group}-2"), policy=policy)) == []


@pytest.mark.parametrize(
    ("scope", "is_heard"),
    [
        ("/subscriptions/00000000-0000-0000-0000-000000000001", True),
        ("/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/RG", True),
        ("/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-web", False),
        ("/subscriptions/00000000-0000-0000-0000-000000000002", False),
        ("/providers/Microsoft.Management/managementGroups/all", False),
    ],
    ids=["subscription", "group", "another_group", "another_subscription", "management_group"],
)
def test_thresholds_without_a_name_hear_what_counts_the_workspace(tmp_path: Path, scope: str, is_heard: bool) -> None:
    answers = explained(tmp_path, _common("b", scope), "--workspace", WORKSPACE)
    assert acted(answers) == (EVERYTHING if is_heard else [])


@pytest.mark.parametrize("category", ["Credits", "Reservations", "Usage", "InsightAlert"])
def test_a_cost_alert_that_is_about_no_budget_is_noted(tmp_path: Path, category: str) -> None:
    alert = inputs(NOVEMBER)
    alert["data"]["alertContext"] = {"AlertCategory": category, "AlertData": {"Scope": "/subscriptions/1/"}}
    (answer,) = explained(tmp_path, alert)
    assert (answer["outcome"], answer["reason"]) == ("ignored", "a cost alert that is not about a budget")
