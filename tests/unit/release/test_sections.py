"""The policy's sections about releases."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from shared.domain.releases.plan import (
    EvaluationPlan,
    GatePlan,
    KeepPlan,
    KubernetesPlan,
    ProbePlan,
    ReleasePlan,
    SmokeTestPlan,
)
from shared.errors import PolicyError
from shared.policy.reading.load import load_policy
from shared.policy.sections.model import Policy
from shared.release.gates.registry import judge
from shared.release.sections.gates_and_approval import SECTIONS
from shared.release.sections.to_plan import plan_from
from shared.store.codec import decode, encode
from tests.fakes.releases import a_release

HEAD = """\
model: flight-delay
kind: tabular
endpoint: {name: flight-delay, type: online}
people: {owner: ana@example.com, approvers: [ana@example.com, ben@example.com]}
"""
WHOLE = (
    HEAD
    + """\
evaluate: {job: azureml:evaluate-flight-delay@latest, data: azureml:flights-labelled@latest}
gates:
  - {metric: roc_auc, at_least: 0.70}
  - {not_worse_than_champion: {metric: roc_auc, margin: 0.005, confidence: 95%}}
  - {slices: {by: [carrier], metric: recall, min_ratio: 0.8}}
approval: {when: production, quorum: 1, expires: 24h, not_by: submitter}
rollout:
  strategy: canary
  steps: [10%, 50%, 100%]
  bake: 15m
  watch_for: 2h
  judge:
    errors: {worse_by_at_most: 1%}
    latency: {quantile: 0.95, ratio_at_most: 1.25}
    false_rollbacks: 1%
    on_no_data: hold
"""
)


def load(text: str) -> Policy:
    return load_policy(text, "policies/flight-delay.yaml", SECTIONS, ())


def test_a_whole_policy_becomes_a_plan() -> None:
    plan = plan_from(load(WHOLE))

    assert plan.evaluation == EvaluationPlan(
        "azureml:evaluate-flight-delay@latest", "azureml:flights-labelled@latest", "serverless"
    )
    assert plan.gates[0] == GatePlan(
        "metric", {"better": None, "metric": "roc_auc", "at_least": 0.7, "at_most": None, "confidence": "95%"}
    )
    assert [gate.kind for gate in plan.gates] == ["metric", "not_worse_than_champion", "slices"]
    assert (plan.steps, plan.bake, plan.decide_within) == ((10, 50, 100), timedelta(minutes=15), timedelta(hours=1))
    assert (plan.judge.errors_worse_by_at_most, plan.judge.latency_ratio_at_most) == (0.01, 1.25)
    assert (plan.judge.false_rollbacks, plan.judge.interval) == (0.01, timedelta(minutes=1))
    assert (plan.approval.when, plan.approval.submitter_may_approve) == ("production", False)
    assert plan.approval.approvers == ("ana@example.com", "ben@example.com")


def test_a_stored_plan_is_the_plan() -> None:
    release = a_release(plan=plan_from(load(WHOLE)))
    stored = decode(type(release), encode(release))

    assert decode(ReleasePlan, encode(release.plan)) == stored.plan
    assert [result.gate for result in judge(stored, "evaluation", None)] == [
        "metric roc_auc",
        "not worse than champion roc_auc",
        "slices recall by carrier",
    ]


LABELS = "metric: accuracy, labels: 'azureml:labels@latest', worse_by_at_most: 0.02"
REQUIRED = f"judge: {{quality: {{{LABELS}, required: true}}}}"


@pytest.mark.parametrize(
    ("rollout", "remedy"),
    [
        ("strategy: blue-green", "write strategy: canary"),
        ("strategy: all-at-once", "write strategy: canary"),
        ("steps: [100%]", "write strategy: canary and steps: [10%, 50%, 100%]"),
    ],
)
def test_quality_that_is_required_needs_a_step_that_waits_for_it(rollout: str, remedy: str) -> None:
    with pytest.raises(PolicyError, match=r"judge\.quality\.required: .* no step waits for labels") as refused:
        load(HEAD + f"rollout: {{{rollout}, {REQUIRED}}}\n")
    assert remedy in str(refused.value)


@pytest.mark.parametrize(
    "rollout",
    [
        f"strategy: canary, {REQUIRED}",
        f"strategy: shadow, steps: [100%], {REQUIRED}",
        f"strategy: blue-green, {REQUIRED.replace('required: true', 'required: false')}",
    ],
)
def test_quality_holds_a_step_or_a_shadow_or_rolls_back_later(rollout: str) -> None:
    assert plan_from(load(HEAD + f"rollout: {{{rollout}}}\n")).judge.quality is not None


def test_without_rollout_nothing_can_be_released() -> None:
    with pytest.raises(PolicyError, match="add a section rollout"):
        plan_from(load(HEAD))


def test_a_shadow_goes_before_the_steps_and_old_deployments_go_after_a_day() -> None:
    plan = plan_from(load(HEAD + "rollout: {strategy: shadow, mirror: 30%, smoke_test: {request: '[]'}}\n"))
    assert (plan.strategy, plan.mirror, plan.steps) == ("shadow", 30, (10, 50, 100))
    assert plan.smoke_test == SmokeTestPlan("[]")
    assert plan.keep == KeepPlan(timedelta(hours=24), "delete")
    assert (plan.on_hand_edit, plan.on_new_version) == ("hold", "queue")


def test_all_at_once_has_one_step_and_nobody_is_asked_unless_the_policy_says_so() -> None:
    plan = plan_from(load(HEAD + "rollout: {strategy: all-at-once}\n"))
    assert (plan.steps, plan.approval.when) == ((100,), "never")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("rollout: {strategy: batch}", "batch needs a batch endpoint; write endpoint: ", id="batch"),
        pytest.param("rollout: {strategy: blue-green, steps: [100%]}", "blue-green has no steps", id="no_steps"),
        pytest.param("rollout: {mirror: 50%}", "canary copies no requests", id="nothing_to_copy"),
        pytest.param("rollout: {strategy: shadow, mirror: 60%}", "copies 1% to 50%", id="too_many_copies"),
        pytest.param("rollout: {smoke_test: {request: ''}}", "smoke_test.request", id="empty_request"),
        pytest.param("rollout: {smoke_test: {request: x, answers_within: 0s}}", "in no time", id="no_time_to_answer"),
        pytest.param("rollout: {steps: [10%, 50%]}", "end the steps with 100%", id="unfinished"),
        pytest.param("rollout: {steps: [50%, 10%, 100%]}", "above the one before", id="descending"),
        pytest.param("rollout: {steps: [2.5%, 100%]}", "whole percents; write 2%", id="fractions"),
        pytest.param("rollout: {steps: [10, 100]}", "write 10%", id="no_unit"),
        pytest.param("rollout: {bake: 2m}", "a step needs 5 intervals of 1m to be judged; write 5m", id="short_bake"),
        pytest.param("rollout: {bake: 15m, decide_within: 5m}", "shorter than the bake", id="no_time_to_decide"),
        pytest.param("rollout: {judge: {errors: null, latency: null}}", "nothing is left to judge", id="no_judge"),
        pytest.param(
            "rollout: {judge: {errors: {worse_by_at_most: 1%, ratio_at_most: 1.5}}}",
            "two tolerances",
            id="two_tolerances",
        ),
        pytest.param(
            "rollout: {steps: [5%, 100%], expected_traffic: 40 per hour}",
            "expected_traffic: 5 % of 40 per hour needs about 294 h to decide; the step bakes 15m and is given up "
            "after 1h; write a larger first step or a looser tolerance, or probe: "
            "{sample: azureml:NAME@latest, per_interval: ",
            id="little_traffic",
        ),
        pytest.param(
            "rollout: {probe: {sample: 'azureml:requests@latest', per_interval: 3}}",
            "probe.per_interval: 3 probes an interval needs about",
            id="few_probes",
        ),
        pytest.param("rollout: {judge: {false_rollbacks: 0%}}", "must be above 0%", id="never_wrong"),
        pytest.param("rollout: {baek: 5m}", "bake", id="misspelt"),
        pytest.param(
            "rollout: {}\napproval: {expires: 24h, remind_after: 24h}", "is not within the 1d there are", id="reminder"
        ),
        pytest.param("rollout: {}\napproval: {when: always, quorum: 3}", "3 must agree but", id="quorum"),
        pytest.param("gates: [{metric: roc_auc, at_least: 0.7}]", "add a section evaluate", id="no_evaluation"),
        pytest.param("gates: [{metric: auc, at_least: 0.7}]", "'auc' is not a metric; write roc_auc", id="metric"),
        pytest.param("gates: [{metric: roc_auc}]", "write either at_least or at_most", id="no_bound"),
        pytest.param(
            "gates: [{not_worse_than_champion: {metric: f1, confidence: 20%}}]", "decides nothing", id="confidence"
        ),
    ],
)
def test_impossible_plans_are_refused_with_a_remedy(text: str, sentence: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load(HEAD + text + "\n")
    assert sentence in str(refused.value)


def test_the_judge_is_planned_as_it_is_written() -> None:
    text = "rollout: {judge: {errors: {ratio_at_most: 1.5}, latency: {quantile: 0.99}, scores: {shift_at_most: 0.05}}}"
    plan = plan_from(load(HEAD + text)).judge
    assert (plan.errors_worse_by_at_most, plan.errors_ratio_at_most) == (None, 1.5)
    assert (plan.latency_quantile, plan.latency_ratio_at_most, plan.score_shift_at_most) == (0.99, 1.25, 0.05)


def test_the_probes_that_are_proposed_are_enough() -> None:
    probe = "rollout: {probe: {sample: 'azureml:requests@latest', per_interval: N}}"
    with pytest.raises(PolicyError) as refused:
        load(HEAD + probe.replace("N", "3"))
    proposed = str(refused.value).rpartition("per_interval: ")[2].strip()
    plan = plan_from(load(HEAD + probe.replace("N", proposed)))
    assert plan.probe == ProbePlan("azureml:requests@latest", int(proposed))


def test_traffic_that_is_enough_is_no_problem() -> None:
    assert load(HEAD + "rollout: {expected_traffic: 1000 per minute}")


def test_those_who_are_told_last_may_decide_and_reminders_have_their_times() -> None:
    text = "rollout: {}\napproval: {expires: 8h, escalate_to: [carla@example.com, ben@example.com], for_undo: always}\n"
    plan = plan_from(load(HEAD + text)).approval
    assert plan.approvers == ("ana@example.com", "ben@example.com", "carla@example.com")
    assert (plan.remind_after, plan.escalate_after) == (timedelta(hours=4), timedelta(hours=6))
    assert plan.for_undo
    assert plan_from(load(HEAD + "rollout: {}\napproval: {}\n")).approval.escalate_after is None


KUBERNETES = """\
endpoint:
  name: flight-delay
  type: kubernetes
  compute: arc-factory
  instance_type: small
  resources: {cpu: 500m, memory: 1Gi, limits: {cpu: "1", memory: 2Gi}}
"""
PROBED = "rollout: {probe: {sample: 'azureml:requests@latest', per_interval: 100}, decide_within: 8h"


def on_kubernetes(rollout: str, endpoint: str = KUBERNETES) -> Policy:
    return load(HEAD.replace("endpoint: {name: flight-delay, type: online}\n", endpoint) + rollout)


def test_a_kubernetes_endpoint_is_an_online_one_on_a_cluster() -> None:
    policy = on_kubernetes(f"{PROBED}}}")

    cluster = KubernetesPlan("arc-factory", "small", {"cpu": "500m", "memory": "1Gi"}, {"cpu": "1", "memory": "2Gi"})
    assert (policy.endpoint.type, policy.endpoint.kubernetes) == ("online", cluster)
    assert plan_from(policy).kubernetes == cluster
    assert decode(ReleasePlan, encode(plan_from(policy))) == plan_from(policy)


@pytest.mark.parametrize(
    ("rollout", "message"),
    [
        pytest.param("rollout: {strategy: canary}", "only probes are measured; write probe:", id="no_probe"),
        pytest.param(f"{PROBED}, strategy: shadow}}", "copies no requests; write strategy: canary", id="shadow"),
        pytest.param(
            f"{PROBED}, deployment: {{instance_type: Standard_DS3_v2}}}}", "instance_type: NAME", id="a_vm_size"
        ),
        pytest.param(f"{PROBED}, watch_for: 24h}}", "write judge: {interval: 3m}", id="too_long"),
        pytest.param(f"{PROBED.replace('100', '1')}}}", "write decide_within", id="too_few_probes"),
        pytest.param(f"{PROBED}, expected_traffic: 40 per hour}}", "is measured nowhere", id="others_requests"),
    ],
)
def test_what_a_kubernetes_endpoint_lacks_is_refused_with_what_to_write(rollout: str, message: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(message)):
        on_kubernetes(rollout)


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("endpoint: {name: flight-delay, type: online, compute: arc}\n", "write type: kubernetes"),
        ("endpoint: {name: flight-delay, type: kubernetes, resources: {cpu: lots}}\n", "a text, e.g. cpu: 500m"),
    ],
)
def test_a_clusters_keys_are_checked(endpoint: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        on_kubernetes(f"{PROBED}}}", endpoint)


def test_a_smoke_tests_load_is_counted_in_requests() -> None:
    policy = load(
        HEAD
        + "rollout: {smoke_test: {requests: 'azureml:sample@latest', for: 2m, rate: 5 per second, errors_at_most: 1%, "
        + "latency: {quantile: 0.9, at_most: 300ms}, answers: {like: churn, tolerance: 0.01}}}"
    )

    plan = plan_from(policy).smoke_test
    assert plan is not None
    assert plan.load is not None
    assert (plan.load.requests, plan.load.per_second, plan.load.slow_after) == (600, 5.0, timedelta(milliseconds=300))
    assert (plan.load.errors_at_most, round(plan.load.slow_at_most, 6)) == (0.01, 0.1)
    assert decode(ReleasePlan, encode(plan_from(policy))) == plan_from(policy)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        pytest.param("answers_within: 2s", "write request: BODY", id="nothing"),
        pytest.param("request: x, for: 2m", "for a load requests:", id="no_requests"),
        pytest.param("requests: 'azureml:s@latest', for: 10s", "smoke_test.for: 50 requests prove no", id="too_few"),
        pytest.param("requests: 'azureml:s@latest', errors_at_most: 0%", "write e.g. 1%", id="none_may_fail"),
        pytest.param("requests: 'azureml:s@latest', rate: 500 per second", "write rate: 5 per second", id="too_many"),
        pytest.param(
            "requests: 'azureml:s@latest', latency: {quantile: 0.999, at_most: 1s}", "write 599s", id="rare_quantile"
        ),
    ],
)
def test_a_load_that_can_prove_nothing_is_refused(test: str, message: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(message)):
        load(HEAD + f"rollout: {{smoke_test: {{{test}}}}}")


def test_a_form_that_nothing_compares_with_the_original_is_refused() -> None:
    evaluated = HEAD + "evaluate: {job: 'azureml:e@latest', data: 'azureml:d@latest'}\n"
    with pytest.raises(PolicyError, match=r"write gates: .{conversion: {}}"):
        load(evaluated + "rollout: {package: {form: onnx}}")
    policy = load(evaluated + "gates: [{conversion: {}}]\nrollout: {package: {form: onnx}}")
    assert plan_from(policy).package == "onnx"
