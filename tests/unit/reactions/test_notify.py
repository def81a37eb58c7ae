"""Notify: what people hear about, and that lasting drift is told once a day."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.ids import ModelName
from shared.reactions.notify import report_path
from tests.unit.engine.fact_world import (
    World,
    budget,
    data_arrived,
    drift,
    endpoint_alert,
    policy_state,
    registered,
    run_ended,
)
from tests.unit.reactions.context import a_state, perform, proposed

NAME = "notify"
# A training of ours, called job-1.
OURS = a_state(1)


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        pytest.param(drift(), "drift-detected", "data-drift: age drifted", id="drift"),
        pytest.param(run_ended("RunStatusChanged", "Failed"), "training-failed", "run job-1 failed", id="failed"),
        pytest.param(run_ended("RunStatusChanged", "Canceled"), "training-failed", "run job-1 canceled", id="canceled"),
        pytest.param(budget(80), "budget-crossed", "budget ml-team: 801.00 of 1000.00 EUR spent, 80% reached", id="b"),
        pytest.param(endpoint_alert(), "endpoint-degraded", "p95 is 900 ms", id="alert"),
        pytest.param(
            run_ended("RunStatusChanged", "Failed", model=None), "training-failed", "run job-1 failed", id="0"
        ),
        pytest.param(
            policy_state("NonCompliant"),
            "policy-non-compliant",
            "assignment no-public-access of Azure Policy finds churn non-compliant",
            id="policy",
        ),
    ],
)
def test_what_people_hear_about(body: str, kind: str, reason: str) -> None:
    (reaction,) = proposed(NAME, body, OURS)
    assert (reaction.arguments["kind"], reaction.why) == (kind, reason)
    (notice,) = perform(World(), NAME, body, reaction).notices
    assert (notice.kind.value, notice.parameters["reason"]) == (kind, reason)
    assert "kind" not in notice.parameters


@pytest.mark.parametrize(
    "body",
    [
        registered(),
        data_arrived(),
        endpoint_alert("resolved"),
        run_ended("RunCompleted", "Completed"),
        run_ended("RunStatusChanged", "Failed", run="job-9"),
        run_ended("RunStatusChanged", "Failed", run="job-9", model=None),
        policy_state("Compliant"),
    ],
    ids=["registration", "data", "resolved", "completed", "a_strangers_run", "nobodys_run", "compliant"],
)
def test_what_they_do_not(body: str) -> None:
    assert proposed(NAME, body, OURS) == []


def test_repeating_it_is_one_notice() -> None:
    world = World()
    for body in (budget(80), endpoint_alert(), run_ended("RunStatusChanged", "Failed"), policy_state("NonCompliant")):
        (reaction,) = proposed(NAME, body, OURS)
        assert perform(world, NAME, body, reaction) == perform(world, NAME, body, reaction)


def test_drift_of_one_signal_and_version_is_one_notice_a_day() -> None:
    world = World()

    def key(run: str, signal: str = "data-drift") -> str:
        return perform(world, NAME, drift(run, signal=signal)).notices[0].key

    today = key("7@1")
    assert key("7@2") == today
    assert len({today, key("8@1"), key("7@1", "performance")}) == 3
    world.clock.advance(timedelta(days=1))
    assert key("7@3") != today


def test_drift_links_to_its_report_and_to_nothing_else() -> None:
    body = drift(report="churn-20260712T030000Z")
    (reaction,) = proposed(NAME, body, OURS)
    (notice,) = perform(World(), NAME, body, reaction).notices
    assert notice.path == "api/monitors/churn/churn-20260712T030000Z"
    assert "report" not in notice.parameters

    (plain,) = perform(World(), NAME, drift(), reaction).notices
    assert (plain.path, plain.key) == ("", notice.key)


def test_a_report_of_another_name_cannot_lead_elsewhere() -> None:
    assert report_path(ModelName("churn"), "../../.auth/logout?x=//evil") == (
        "api/monitors/churn/..%2F..%2F.auth%2Flogout%3Fx%3D%2F%2Fevil"
    )
