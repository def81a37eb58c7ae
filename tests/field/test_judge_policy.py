"""What a policy may ask of the judge, given how Azure's log arrives."""

from __future__ import annotations

import pytest

from cli.kit.policy_files import policy_of
from shared.policy.reading.problems import PolicyProblemsError
from shared.release.sections.to_plan import plan_from

POLICY = """\
model: churn
kind: tabular
endpoint: {{name: churn, type: online}}
people: {{owner: ana@example.com}}
rollout:
  {rollout}
"""


@pytest.mark.parametrize(
    ("rollout", "problem"),
    [
        ("judge: {interval: 10s}", "too late for intervals of 10s; write 1m or more"),
        ("judge: {log_delay: 10m}", "too late for intervals of 1m; write 2m or more"),
        ("judge: {errors: {at_most: 0%}}", "is the share of requests that may fail at most; write e.g. 10%"),
        ("judge: {errors: {worse_by_at_most: 5%, at_most: 2%}}", "is below worse_by_at_most; write 5% or more"),
        ("{bake: 15m, judge: {latency: {warm_up: 58m}}}", "is 58m of the 1h that a step may take"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_what_to_write(rollout: str, problem: str) -> None:
    with pytest.raises(PolicyProblemsError) as problems:
        policy_of(POLICY.format(rollout=rollout), "churn.yaml")
    assert problem in str(problems.value)


@pytest.mark.parametrize(
    ("rollout", "warm_up"),
    [
        ("{bake: 15m}", 10),
        ("{bake: 1h}", 10),
        ("{bake: 8m}", 3),
        ("{bake: 5m}", 0),
        ("{bake: 5m, judge: {latency: {warm_up: 12m}}}", 12),
    ],
)
def test_a_short_bake_shortens_the_warm_up_that_nobody_wrote(rollout: str, warm_up: int) -> None:
    plan = plan_from(policy_of(POLICY.format(rollout=rollout), "churn.yaml"))
    assert plan.judge.latency_warm_up.total_seconds() == 60 * warm_up


def test_a_quick_log_allows_short_intervals() -> None:
    plan = plan_from(policy_of(POLICY.format(rollout="{bake: 1m, judge: {interval: 1s, log_delay: 1s}}"), "churn.yaml"))
    assert plan.judge.interval.total_seconds() == 1
    assert plan.judge.errors_at_most == 0.1
