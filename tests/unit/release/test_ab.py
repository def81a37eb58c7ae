"""An A/B test: the split is held, guarded, and tested when the plan says, and no more often."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.ids import DeploymentName, EndpointName, ModelName, ModelVersion
from shared.domain.releases.outcome import AbPlan, LabelSource
from shared.domain.releases.release import Release, ReleaseRequest, ReleaseState, Serving
from shared.domain.releases.verdict import Judgement, Verdict
from shared.errors import PolicyError
from shared.policy.reading.load import load_policy
from shared.policy.sections.model import Policy
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.release.advance import advance
from shared.release.core.observation import Observation
from shared.release.core.transitions import ReleaseUpdate
from shared.release.sections.ab_test import can_tell
from shared.release.sections.gates_and_approval import SECTIONS
from shared.release.sections.rollout import Rollout
from shared.release.sections.to_plan import plan_from
from shared.release.states.ab_test import due
from shared.store.codec import decode, encode
from tests.fakes.releases import NOW, a_plan, a_release

V1, V2 = DeploymentName("v-1"), DeploymentName("v-2")
WEEK, HOUR = timedelta(days=7), timedelta(hours=1)
LABELS = LabelSource("azureml:labels@latest", "row_id", "label", timedelta(days=1))
AB = AbPlan("roc_auc", LABELS, needed_gain=0.0)
GOOD = Judgement(Verdict.PASS, "latency and errors within the tolerance", numbers={"requests": 9.0})
OPEN = Judgement(Verdict.INCONCLUSIVE, "latency not proven within the tolerance yet")
BAD = Judgement(Verdict.FAIL, "errors beyond the tolerance")


def judged_as(verdict: Verdict) -> Judgement:
    return Judgement(verdict, f"the outcome is {verdict}", numbers={"gain_low": 0.01})


def held(ab: AbPlan = AB, outcomes: tuple[Judgement, ...] = ()) -> Release:
    """Return a test whose split is held since NOW."""
    until = ab.extend_until or WEEK
    plan = a_plan(strategy="ab", ab=ab, steps=(50, 100), bake=WEEK, decide_within=until + HOUR)
    return replace(
        a_release(plan=plan),
        champion=Serving(V1, ModelVersion("1")),
        state=ReleaseState.CANARY,
        phase="baking",
        traffic_since=NOW,
        traffic_steps=(50,),
        deadline=NOW + until + HOUR,
        outcomes=outcomes,
    )


def look(
    release: Release,
    now: datetime,
    guard: Judgement = GOOD,
    outcome: Judgement | None = None,
    request: ReleaseRequest | None = None,
) -> ReleaseUpdate:
    deployments = tuple(
        DeploymentRecord(name, ModelName("flight-delay"), ModelVersion(name[-1]), "Succeeded") for name in (V1, V2)
    )
    endpoint = EndpointRecord(EndpointName("flight-delay"), "Succeeded", {V1: 50, V2: 50}, {}, deployments, "")
    return advance(release, Observation(endpoint=endpoint, judgement=guard, outcome=outcome, request=request), now)


def test_a_pass_of_the_guard_alone_moves_nothing_however_long_it_holds() -> None:
    for updated in (HOUR, WEEK - HOUR, WEEK):
        after_it = look(held(), NOW + updated).release
        assert (after_it.state, after_it.step_index, after_it.phase) == (ReleaseState.CANARY, 0, "baking")
    assert after_it.judgement
    assert after_it.judgement.reason.startswith("held until 2026-11-27 09:00 UTC, then tested; so far latency")


def test_a_failure_of_the_guard_rolls_back_at_once() -> None:
    release = look(held(), NOW + HOUR, BAD).release
    assert (release.state, release.ends_as) == (ReleaseState.ROLLING_BACK, ReleaseState.ROLLED_BACK)


def test_a_proven_outcome_promotes() -> None:
    release = look(held(), NOW + WEEK, GOOD, judged_as(Verdict.PASS)).release
    assert (release.step_index, release.phase) == (1, "shifting")
    assert release.history[-1].reason == "the outcome is pass; latency and errors within the tolerance"


def test_a_refuted_outcome_rolls_back() -> None:
    release = look(held(), NOW + WEEK, GOOD, judged_as(Verdict.FAIL)).release
    assert (release.state, release.ends_as) == (ReleaseState.ROLLING_BACK, ReleaseState.ROLLED_BACK)
    assert release.reason.startswith("the outcome is fail")


def test_an_outcome_that_decides_nothing_keeps_the_champion() -> None:
    release = look(held(), NOW + WEEK, GOOD, judged_as(Verdict.INCONCLUSIVE)).release
    assert (release.state, release.ends_as) == (ReleaseState.ROLLING_BACK, ReleaseState.ABORTED)
    assert release.reason.startswith(
        "the A/B test of 7 d is undecided, so the champion stays: the outcome is inconclusive"
    )


def test_a_proven_outcome_waits_for_the_guard_and_is_not_tested_again() -> None:
    waiting = look(held(), NOW + WEEK, OPEN, judged_as(Verdict.PASS)).release
    assert (waiting.step_index, len(waiting.outcomes)) == (0, 1)
    assert due(waiting, NOW + WEEK + HOUR / 2) is None
    assert look(waiting, NOW + WEEK + HOUR / 2).release.step_index == 1
    assert look(waiting, NOW + WEEK + HOUR, OPEN).release.ends_as is ReleaseState.ABORTED


def test_an_outcome_before_its_time_counts_for_nothing() -> None:
    release = look(held(), NOW + WEEK - HOUR, GOOD, judged_as(Verdict.PASS)).release
    assert (release.step_index, release.outcomes) == (0, ())


def test_an_extended_test_is_taken_twice_and_no_more() -> None:
    extended = replace(AB, extend_until=2 * WEEK)
    first = look(held(extended), NOW + WEEK, GOOD, judged_as(Verdict.INCONCLUSIVE)).release
    assert (first.state, first.phase, len(first.outcomes)) == (ReleaseState.CANARY, "baking", 1)
    assert [due(first, NOW + days * timedelta(days=1)) for days in (8, 14)] == [None, NOW + 2 * WEEK]
    between = look(first, NOW + WEEK + HOUR, GOOD, judged_as(Verdict.PASS)).release
    assert (between.step_index, between.outcomes) == (0, first.outcomes)
    assert look(first, NOW + 2 * WEEK, GOOD, judged_as(Verdict.PASS)).release.step_index == 1
    ended = look(first, NOW + 2 * WEEK, GOOD, judged_as(Verdict.INCONCLUSIVE)).release
    assert "the A/B test of 14 d is undecided" in ended.reason


def test_storage_that_does_not_answer_is_asked_for_an_hour() -> None:
    waiting = look(held(), NOW + WEEK).release
    assert due(waiting, NOW + WEEK + HOUR / 2) == NOW + WEEK
    assert look(waiting, NOW + WEEK + HOUR).release.ends_as is ReleaseState.ABORTED


def test_a_person_may_end_the_test() -> None:
    request = ReleaseRequest("promote", "ana@example.com", "we know enough", NOW, 0)
    release = look(held(), NOW + HOUR, GOOD, request=request).release
    assert release.step_index == 1
    assert "we know enough; the judge had said inconclusive: held until" in release.history[-1].reason


def test_a_test_is_stored_with_its_outcomes() -> None:
    release = held(replace(AB, extend_until=2 * WEEK), (judged_as(Verdict.INCONCLUSIVE),))
    assert decode(Release, encode(release)) == release


# The policy's keys.

HEAD = """\
model: flight-delay
kind: tabular
endpoint: {name: flight-delay, type: online}
people: {owner: ana@example.com, approvers: [ana@example.com, ben@example.com]}
"""
AIM = "metric: roc_auc, labels: azureml:labels@latest"


def load(rollout: str) -> Policy:
    return load_policy(f"{HEAD}rollout: {{{rollout}}}\n", "policies/flight-delay.yaml", SECTIONS, ())


def a_test(outcome: str = f"{AIM}, better_by_at_least: 0", more: str = "") -> str:
    return f"strategy: ab, judge: {{interval: 10m}}, outcome: {{{outcome}}}" + (f", {more}" if more else "")


def test_a_test_is_planned_as_it_is_written() -> None:
    outcome = f"{AIM}, label: late, worse_by_at_most: 0.005, confidence: 90%, labels_within: 1d"
    plan = plan_from(load(a_test(outcome, "split: 30%, hold_for: 14d")))
    assert (plan.strategy, plan.steps, plan.bake) == ("ab", (30, 100), 2 * WEEK)
    assert plan.decide_within == 2 * WEEK + HOUR
    source = LabelSource("azureml:labels@latest", "row_id", "late", timedelta(days=1))
    assert plan.ab == AbPlan("roc_auc", source, needed_gain=-0.005, confidence=0.9)


def test_an_extended_test_has_a_deadline() -> None:
    plan = plan_from(load(a_test(more="on_inconclusive: extend")))
    assert plan.ab
    assert (plan.ab.extend_until, plan.decide_within) == (2 * WEEK, 2 * WEEK + HOUR)
    later = plan_from(load(a_test(more="on_inconclusive: extend, decide_within: 21d")))
    assert later.decide_within == 3 * WEEK + HOUR


def test_other_strategies_test_nothing() -> None:
    assert plan_from(load("strategy: canary")).ab is None


@pytest.mark.parametrize(
    ("rollout", "message"),
    [
        pytest.param("strategy: ab", "must know what decides it; write outcome:", id="no_outcome"),
        pytest.param("hold_for: 7d", "canary is no A/B test; leave it out, or write strategy: ab", id="canary"),
        pytest.param(a_test(more="steps: [10%, 100%]"), "ab has no steps", id="steps"),
        pytest.param(a_test(more="bake: 15m"), "leave it out, and write hold_for: 7d", id="bake"),
        pytest.param(a_test(more="split: 100%"), "write 1% to 99%, e.g. 50%", id="no_split"),
        pytest.param(a_test(more="decide_within: 20d"), "or write on_inconclusive: extend", id="deadline"),
        pytest.param(
            a_test(more="on_inconclusive: extend, decide_within: 7d"), "no time to extend the hold by", id="no_time"
        ),
        pytest.param(a_test(AIM), "needs one aim; write either better_by_at_least: 0", id="no_aim"),
        pytest.param(a_test(f"{AIM}, better_by_at_least: 0, worse_by_at_most: 0.1"), "needs one aim", id="two_aims"),
        pytest.param(a_test(f"{AIM}, better_by_at_least: 0, confidence: 20%"), "decides nothing", id="confidence"),
        pytest.param(
            a_test(f"{AIM}, better_by_at_least: 0, labels_within: 7d"),
            "no row is old enough when the test is taken; write hold_for: 14d",
            id="labels_after_the_end",
        ),
        pytest.param(
            a_test("metric: roc_auc, labels: azureml:labels:3, better_by_at_least: 0"),
            "azureml:labels:3 never changes, and labels arrive later; write azureml:labels@latest",
            id="labels_that_never_arrive",
        ),
        pytest.param(a_test(f"{AIM}, better_by_at_least: 0, better: lower"), "which way roc_auc", id="direction"),
        pytest.param(
            f"strategy: ab, outcome: {{{AIM}, better_by_at_least: 0}}",
            "7d in intervals of 1m are 10,080 to read at each look; write judge: {interval: 5m}",
            id="many_intervals",
        ),
        pytest.param(
            a_test(f"{AIM}, worse_by_at_most: 0.005", "expected_traffic: 200 per hour"),
            "200 per hour for 7d, 50 % of them the new version's, prove a difference of 0.014 in roc_auc, not 0.005; "
            "write worse_by_at_most: 0.02, or hold_for: 52d",
            id="little_traffic",
        ),
        pytest.param(
            a_test(more="expected_traffic: 5 per day"), "are too few rows for any test", id="hardly_any_traffic"
        ),
    ],
)
def test_tests_that_cannot_decide_are_refused_with_a_remedy(rollout: str, message: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load(rollout)
    assert message in str(refused.value)


def test_what_a_test_can_tell_is_known_where_the_traffic_is() -> None:
    policy = load(a_test(more="expected_traffic: 1000 per hour"))
    rollout = policy.section(Rollout)
    assert rollout
    assert can_tell(rollout) == pytest.approx(0.0061, abs=1e-4)
    quiet = load(a_test()).section(Rollout)
    assert quiet
    assert can_tell(quiet) is None


QUALITY = "metric: accuracy, labels: azureml:labels@latest, worse_by_at_most: 0.02"


def test_quality_is_judged_as_it_is_written() -> None:
    plan = plan_from(load(f"judge: {{quality: {{{QUALITY}, labels_within: 1h, required: true}}}}")).judge.quality
    assert plan
    assert (plan.metric, plan.worse_by_at_most, plan.required) == ("accuracy", 0.02, True)
    assert plan.labels == LabelSource("azureml:labels@latest", "row_id", "label", HOUR)


@pytest.mark.parametrize(
    ("quality", "message"),
    [
        pytest.param(QUALITY.replace("accuracy", "roc_auc"), "judge.quality.metric", id="not_per_row"),
        pytest.param(QUALITY.replace("@latest", ":7"), "write azureml:labels@latest", id="pinned"),
        pytest.param(QUALITY.replace("0.02", "1"), "so that 1 allows everything", id="all_wrong"),
    ],
)
def test_quality_that_cannot_be_judged_is_refused(quality: str, message: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load(f"judge: {{quality: {{{quality}}}}}")
    assert message in str(refused.value)
