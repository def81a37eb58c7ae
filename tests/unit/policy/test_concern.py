"""Which policies a fact is about."""

from __future__ import annotations

import pytest

from shared.domain.fact import Fact
from shared.policy.deciding.concern import concerns, unconcerned
from tests.unit.engine.fact_world import a_policy, blob_created, budget, policy_state, run_ended
from tests.unit.events.wire import WORKSPACE, fact_from, grid

CHURN = a_policy()
OURS = "job-0123456789abcdef-0"


def image() -> Fact:
    data = {"target": {"repository": "scoring", "digest": "sha256:1"}}
    return fact_from(grid("", data, eventType="Microsoft.ContainerRegistry.ImagePushed"))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(policy_state("NonCompliant", WORKSPACE), True, id="policy_on_the_workspace"),
        pytest.param(policy_state("NonCompliant", f"{WORKSPACE}/onlineEndpoints/CHURN"), True, id="on_its_endpoint"),
        pytest.param(policy_state("NonCompliant", f"{WORKSPACE}/batchEndpoints/churn"), True, id="on_a_batch_endpoint"),
        pytest.param(
            policy_state("NonCompliant", f"{WORKSPACE}/onlineEndpoints/churn/deployments/v7"),
            True,
            id="on_a_deployment",
        ),
        pytest.param(policy_state("NonCompliant", f"{WORKSPACE}/onlineEndpoints/other"), False, id="on_another"),
        pytest.param(policy_state("NonCompliant", f"{WORKSPACE}/computes/churn"), False, id="on_a_compute"),
        pytest.param(run_ended("RunCompleted", "", run=OURS, model=None), True, id="run_of_ours_without_tags"),
        pytest.param(run_ended("RunCompleted", "", run="abc", model=None), False, id="nobodys_run"),
        pytest.param(run_ended("RunCompleted", "", run=f"x{OURS}", model=None), False, id="a_name_that_holds_one"),
        pytest.param(run_ended("RunCompleted", "", run=OURS, model="other"), False, id="another_models_run"),
        pytest.param(blob_created("train/a.csv"), True, id="new_files"),
        pytest.param(budget(), True, id="a_budget"),
    ],
)
def test_concerns(body: str, expected: bool) -> None:
    assert concerns(fact_from(body), CHURN) is expected


def test_an_image_is_recorded_only() -> None:
    assert not concerns(image(), CHURN)
    assert unconcerned(image()) == "images are recorded only: nothing reacts to scoring"


def test_why_a_verdict_concerns_nobody() -> None:
    fact = fact_from(policy_state("NonCompliant", f"{WORKSPACE}/computes/churn"))
    assert unconcerned(fact) == f"no policy is about {WORKSPACE.lower()}/computes/churn"
