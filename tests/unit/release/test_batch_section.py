"""The policy's part `rollout.batch`: the plan it becomes, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from shared.bootstrap import policy_sections
from shared.domain.releases.batch import BatchPlan, BatchResources, BatchTolerances, PredictionLayout
from shared.domain.releases.plan import KeepPlan, ReleasePlan
from shared.errors import PolicyError
from shared.policy.reading.load import load_policy
from shared.policy.sections.model import Policy
from shared.release.sections.gates_and_approval import SECTIONS
from shared.release.sections.to_plan import plan_from
from shared.store.codec import decode, encode

EXAMPLE = Path(__file__).parents[3] / "policies" / "examples" / "churn-scores.yaml"
HEAD = """\
model: churn-scores
kind: tabular
endpoint: {name: churn-scores, type: batch}
people: {owner: ana@example.com}
"""
BATCH = "batch: {sample: azureml:s@latest, compute: c, classes: {changed_at_most: 2%}}"


def load(rollout: str, head: str = HEAD) -> Policy:
    return load_policy(f"{head}rollout: {{{rollout}}}\n", "policies/churn-scores.yaml", SECTIONS, ())


def test_the_least_that_must_be_written() -> None:
    plan = plan_from(load(f"strategy: batch, watch_for: 26h, {BATCH}"))
    assert plan.batch == BatchPlan("azureml:s@latest", BatchResources("c"), BatchTolerances(changed_at_most=0.02))
    assert (plan.strategy, plan.steps, plan.endpoint_type) == ("batch", (100,), "batch")
    assert (plan.decide_within, plan.watch_for) == (timedelta(hours=24), timedelta(hours=26))
    assert decode(ReleasePlan, encode(plan)) == plan


def test_everything_that_may_be_written() -> None:
    batch = (
        "batch: {sample: azureml:s:3, compute: c, mini_batch_size: 2, concurrency: 4, error_threshold: 5, "
        "max_retries: 1, timeout: 5m, classes: {changed_at_most: 1%, threshold: 0.5}, mean: {shift_at_most: 0.05}, "
        "missing_at_most: 0.1%, confidence: 99%, failed_jobs_at_most: 1, "
        "predictions: {columns: [id, score], key: [id], prediction: score, separator: ' '}}"
    )
    plan = plan_from(load(f"strategy: batch, watch_for: 26h, keep: {{champion_for: 7d, then: keep}}, {batch}"))
    assert plan.batch == BatchPlan(
        sample="azureml:s:3",
        resources=BatchResources("c", 2, 4, 5, 1, timedelta(minutes=5)),
        tolerances=BatchTolerances(0.01, 0.05, 0.001, 0.5, 0.99),
        layout=PredictionLayout(("id", "score"), ("id",), "score", " "),
        failed_jobs_at_most=1,
    )
    assert plan.keep == KeepPlan(timedelta(days=7), "keep", timedelta(days=7))


REFUSED = [
    pytest.param(f"strategy: batch, {BATCH}", "rollout.watch_for: is needed: it should cover", id="watch_for"),
    pytest.param("strategy: batch, watch_for: 26h", "rollout.batch: is needed; write batch: {sample:", id="no_batch"),
    pytest.param(
        "strategy: batch, watch_for: 26h, batch: {sample: azureml:s@latest, compute: c}",
        "rollout.batch: nothing is left to compare",
        id="nothing_to_compare",
    ),
    pytest.param(
        f"strategy: batch, watch_for: 26h, steps: [100%], {BATCH}", "rollout.steps: is about traffic", id="steps"
    ),
    pytest.param(f"strategy: batch, watch_for: 26h, bake: 1h, {BATCH}", "rollout.bake: is about traffic", id="bake"),
    pytest.param(
        f"strategy: batch, watch_for: 26h, smoke_test: {{request: x}}, {BATCH}",
        "rollout.smoke_test: is about",
        id="smoke",
    ),
    pytest.param(
        f"strategy: batch, watch_for: 26h, keep: {{then: scale-down}}, {BATCH}",
        "rollout.keep.then: a batch",
        id="scale",
    ),
    pytest.param(
        f"strategy: batch, watch_for: 26h, deployment: {{instance_type: x}}, {BATCH}",
        "rollout.deployment.instance_type: is the cluster's",
        id="instance_type",
    ),
    pytest.param(
        f"strategy: batch, watch_for: 26h, {BATCH.replace('2%', '0%')}", "no batch proves that none ever", id="zero"
    ),
    pytest.param(
        f"strategy: batch, watch_for: 26h, {BATCH[:-1]}, predictions: {{key: [id]}}}}",
        "id is not among the columns row, prediction, file",
        id="unknown_key",
    ),
    pytest.param(
        f"strategy: batch, watch_for: 26h, {BATCH[:-1]}, confidence: 100%}}", "batch.confidence: must be at", id="sure"
    ),
    pytest.param(f"strategy: canary, {BATCH}", "rollout: traffic is moved on online endpoints only", id="canary"),
    pytest.param(f"strategy: canary, {BATCH}", "rollout.batch: canary compares no batch", id="batch_of_canary"),
]


@pytest.mark.parametrize(("rollout", "sentence"), REFUSED)
def test_a_plan_that_cannot_work_is_refused(rollout: str, sentence: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load(rollout)
    assert sentence in str(refused.value)


def test_an_online_endpoint_has_no_default_to_swap() -> None:
    with pytest.raises(PolicyError, match="batch needs a batch endpoint; write endpoint: "):
        load(f"strategy: batch, watch_for: 26h, {BATCH}", HEAD.replace("type: batch", "type: online"))


def test_the_example_is_a_policy() -> None:
    policy = load_policy(EXAMPLE.read_text(encoding="utf-8"), "churn-scores.yaml", policy_sections(), ())
    plan = plan_from(policy)
    assert plan.batch is not None
    assert plan.deployment.instance_count == 2
