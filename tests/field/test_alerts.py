"""Alerts that are no trouble, are about another deployment, or come before anything serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.domain.releases.release import ReleaseState
from tests.field.explained import explained, inputs
from tests.unit.engine.fact_world import World, endpoint_alert

AUTOSCALE, ADVISOR, CHAMPION = (
    "10_autoscale_scaleup.json",
    "10_advisor_recommendation.json",
    "09_alert_on_champion.json",
)


@pytest.mark.parametrize("name", [AUTOSCALE, ADVISOR])
def test_what_is_only_information_is_noted_with_the_reason(tmp_path: Path, name: str) -> None:
    (answer,) = explained(tmp_path, name)
    assert answer["outcome"] == "ignored"
    assert "is no trouble" in answer["reason"]


def _activity(**context: object) -> Any:
    alert = inputs(AUTOSCALE)
    alert["data"]["essentials"]["monitoringService"] = "Activity Log - Administrative"
    alert["data"]["alertContext"] = {"operationName": "deployments/write", **context}
    return alert


@pytest.mark.parametrize(
    ("context", "outcome"),
    [
        pytest.param({"level": "Warning", "status": "Started"}, "ignored", id="started"),
        pytest.param({"level": "Error", "status": "Accepted"}, "ignored", id="accepted"),
        pytest.param({"level": "Error", "status": "succeeded"}, "ignored", id="succeeded"),
        pytest.param({"level": "INFORMATIONAL", "status": "Failed"}, "ignored", id="level_in_capitals"),
        pytest.param({"level": 4, "status": "Active"}, "ignored", id="level_as_a_number"),
        pytest.param({"level": "Verbose"}, "ignored", id="verbose"),
        pytest.param({}, "ignored", id="neither"),
        pytest.param({"level": "Error", "status": "Failed"}, "fact", id="failed"),
        pytest.param({"level": 2, "status": "Failed"}, "fact", id="error_as_a_number"),
        pytest.param({"level": "Critical", "status": "Active"}, "fact", id="critical"),
        pytest.param({"status": "Failed"}, "fact", id="failed_without_a_level"),
    ],
)
def test_an_activity_is_trouble_by_its_level_and_status(tmp_path: Path, context: Any, outcome: str) -> None:
    (answer,) = explained(tmp_path, _activity(**context))
    assert answer["outcome"] == outcome


def test_a_resolved_alert_does_nothing_and_says_why(tmp_path: Path) -> None:
    alert = inputs(CHAMPION)
    alert["data"]["essentials"]["monitorCondition"] = "Resolved"
    (answer,) = explained(tmp_path, alert)
    assert answer["reactions"] == []
    assert answer["reason"] == "alert r is resolved: there is nothing to do"


def test_health_that_is_unknown_is_noted(tmp_path: Path) -> None:
    alert = inputs(CHAMPION)
    alert["data"]["essentials"]["monitoringService"] = "Resource Health"
    alert["data"]["alertContext"] = {"level": "Informational", "properties": {"currentHealthStatus": "Unknown"}}
    (answer,) = explained(tmp_path, alert)
    assert answer["outcome"] == "ignored"


def test_each_deployment_that_a_criterion_names_is_told(tmp_path: Path) -> None:
    alert = inputs(CHAMPION)
    (criterion,) = alert["data"]["alertContext"]["condition"]["allOf"]
    other = {**criterion, "dimensions": [{"name": "DeploymentName", "value": "v-7"}]}
    anything = {**criterion, "dimensions": [{"name": "deployment", "value": "*"}]}
    alert["data"]["alertContext"]["condition"]["allOf"] = [
        {**criterion, "dimensions": [{"name": "deployment", "value": "v-6"}, {"name": "deployment", "value": "v-7"}]},
        other,
        anything,
    ]
    answers = explained(tmp_path, alert)
    assert [answer["data"]["deployment"] for answer in answers] == ["v-6", "v-7"]
    assert len({answer["key"] for answer in answers}) == 2


def test_an_alert_is_known_by_its_own_id(tmp_path: Path) -> None:
    renamed, later = inputs(CHAMPION), inputs(CHAMPION)
    renamed["data"]["essentials"]["firedDateTime"] = "2026-11-20T07:00:01Z"
    later["data"]["essentials"]["alertId"] += "b"
    first, again, another = explained(tmp_path, [inputs(CHAMPION), renamed, later])
    assert first["key"] == again["key"] != another["key"]


def _aborts(state: ReleaseState, deployment: str | None) -> list[Any]:
    world = World()
    world.open_release("7", state)
    world.process(endpoint_alert(deployment=deployment))
    assert "endpoint-degraded" in world.kinds
    return [request for item in world.releases.items() if (request := world.releases.request(item.id))]


@pytest.mark.parametrize("deployment", ["v-6", "V-6", "something-else"])
def test_an_alert_on_another_deployment_only_tells(deployment: str) -> None:
    assert _aborts(ReleaseState.CANARY, deployment) == []


@pytest.mark.parametrize("deployment", ["v-7", "V-7", None])
def test_an_alert_on_the_challenger_or_on_the_endpoint_takes_it_back(deployment: str | None) -> None:
    assert len(_aborts(ReleaseState.CANARY, deployment)) == 1
    assert len(_aborts(ReleaseState.WATCHING, deployment)) == 1


@pytest.mark.parametrize(
    "state",
    [
        ReleaseState.GATING,
        ReleaseState.EVALUATING,
        ReleaseState.AWAITING_APPROVAL,
        ReleaseState.DEPLOYING,
        ReleaseState.COMPARING,
    ],
)
@pytest.mark.parametrize("deployment", ["v-7", None])
def test_while_nothing_of_it_serves_an_alert_leaves_the_release_alone(
    state: ReleaseState, deployment: str | None
) -> None:
    assert _aborts(state, deployment) == []
