"""Single decisions of the release state machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.ids import DeploymentName, EndpointName, ModelName, ModelVersion, ReleaseId
from shared.domain.releases.release import Release, ReleaseState, Serving
from shared.domain.releases.verdict import GateResult, Judgement, Verdict
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.ports.workspace import ModelRecord
from shared.release.advance import advance
from shared.release.core.actions import ClaimEndpoint, SetMirror, SetTraffic
from shared.release.core.names import deployment_name, evaluation_job, release_id
from shared.release.core.observation import EndpointClaim, Observation
from shared.release.core.transitions import CALL_AGAIN_AFTER
from shared.release.core.versions import is_newer
from shared.release.states.before_traffic import evaluation_request
from tests.fakes.releases import NOW, a_plan, a_release

V1, V2 = DeploymentName("v-1"), DeploymentName("v-2")
ENDPOINT = EndpointName("flight-delay")
MODEL = ModelRecord(ModelName("flight-delay"), ModelVersion("2"), "mlflow_model", "", NOW, "ana", None, {})
BOTH = tuple(
    DeploymentRecord(DeploymentName(f"v-{n}"), ModelName("flight-delay"), ModelVersion(n), "Succeeded") for n in "12"
)


def an_endpoint(state: str = "Succeeded", model: str = "flight-delay", **traffic: int) -> EndpointRecord:
    split = {DeploymentName(name.replace("_", "-")): share for name, share in traffic.items()}
    deployments = tuple(replace(deployment, model=ModelName(model)) for deployment in BOTH)
    return EndpointRecord(ENDPOINT, state, split, {}, deployments, "")


def baking(**changes: Any) -> Release:
    values: dict[str, Any] = {
        "state": ReleaseState.CANARY,
        "phase": "baking",
        "champion": Serving(V1, ModelVersion("1")),
        "traffic_steps": (10,),
        "traffic_since": NOW,
        "deadline": NOW + timedelta(minutes=40),
    }
    return replace(a_release(), **{**values, **changes})


@pytest.mark.parametrize(
    ("verdict", "minutes", "step_index"),
    [
        pytest.param(Verdict.PASS, 8, 1, id="pass_after_the_bake_moves_on"),
        pytest.param(Verdict.PASS, 7, 0, id="pass_before_the_bake_waits"),
        pytest.param(Verdict.INCONCLUSIVE, 8, 0, id="inconclusive_holds"),
    ],
)
def test_only_a_pass_after_the_bake_moves_traffic(verdict: Verdict, minutes: int, step_index: int) -> None:
    observation = Observation(endpoint=an_endpoint(v_1=90, v_2=10), judgement=Judgement(verdict, "compared"))

    update = advance(baking(), observation, NOW + timedelta(minutes=minutes))

    assert (update.release.state, update.release.step_index) == (ReleaseState.CANARY, step_index)


def test_a_fail_rolls_back_at_once() -> None:
    observation = Observation(
        endpoint=an_endpoint(v_1=90, v_2=10), judgement=Judgement(Verdict.FAIL, "41 of 512 failed")
    )

    update = advance(baking(), observation, NOW + timedelta(minutes=1))

    assert (update.release.state, update.release.reason) == (ReleaseState.ROLLING_BACK, "41 of 512 failed")
    assert update.wake_at == NOW + timedelta(minutes=1)


def test_a_plan_that_aborts_without_data_does_so_after_the_bake() -> None:
    plan = a_plan(judge=replace(a_plan().judge, on_no_data="abort"))
    observation = Observation(endpoint=an_endpoint(v_1=90, v_2=10))

    update = advance(baking(plan=plan), observation, NOW + timedelta(minutes=8))

    assert (update.release.state, update.release.ends_as) == (ReleaseState.ROLLING_BACK, ReleaseState.ABORTED)


@pytest.mark.parametrize(
    ("observation", "is_done"),
    [
        pytest.param(Observation(endpoint=an_endpoint(v_1=100)), True, id="read_back"),
        pytest.param(Observation(endpoint=an_endpoint(v_1=90, v_2=10)), False, id="not_yet"),
        pytest.param(Observation(endpoint=an_endpoint("Updating", v_1=100)), False, id="a_write_is_under_way"),
        pytest.param(
            Observation(
                endpoint=an_endpoint(v_1=100),
                claim=EndpointClaim(ENDPOINT, ReleaseId("flight-delay-2"), 2, {V1: 90, V2: 10}),
            ),
            False,
            id="an_earlier_write_of_ours_may_still_land",
        ),
    ],
)
def test_a_roll_back_is_done_when_traffic_was_read_back(observation: Observation, is_done: bool) -> None:
    release = baking(state=ReleaseState.ROLLING_BACK, ends_as=ReleaseState.ROLLED_BACK, reason="worse")

    update = advance(release, observation, NOW)

    assert update.release.state.is_terminal is is_done
    assert bool(update.actions) is not is_done


def test_a_roll_back_that_does_not_work_calls_people_again_and_goes_on() -> None:
    release = baking(state=ReleaseState.ROLLING_BACK, ends_as=ReleaseState.ROLLED_BACK, deadline=NOW)

    update = advance(release, Observation(endpoint=an_endpoint(v_1=50, v_2=50)), NOW)

    assert update.release.state is ReleaseState.ROLLING_BACK
    assert update.release.deadline == NOW + CALL_AGAIN_AFTER
    assert update.release.notices[-1].kind == "release-held"
    assert update.actions == (SetTraffic(ENDPOINT, {V1: 100}),)


def test_traffic_is_not_moved_to_a_champion_that_does_not_answer() -> None:
    release = baking(state=ReleaseState.ROLLING_BACK, ends_as=ReleaseState.ROLLED_BACK, reason="worse")
    endpoint = an_endpoint(v_1=50, v_2=50)
    endpoint = replace(endpoint, deployments=(replace(BOTH[0], state="Failed"), BOTH[1]))

    update = advance(release, Observation(endpoint=endpoint), NOW)

    assert (update.release.state, update.actions) == (ReleaseState.ROLLING_BACK, ())
    assert update.release.held_because == "cannot roll back: deployment v-1 does not answer"


@pytest.mark.parametrize(
    ("traffic", "writes"),
    [
        pytest.param({"v_1": 100}, True, id="as_before"),
        pytest.param({"v_1": 70, "v_2": 30}, False, id="changed_by_hand"),
    ],
)
def test_a_shift_starts_from_the_traffic_it_knows(traffic: dict[str, Any], writes: bool) -> None:
    release = baking(phase="shifting", traffic_steps=(), traffic_since=None)

    update = advance(release, Observation(endpoint=an_endpoint(**traffic)), NOW)

    assert update.actions == ((SetTraffic(ENDPOINT, {V1: 90, V2: 10}),) if writes else ())
    assert bool(update.release.held_because) is not writes


def test_an_endpoint_that_serves_another_model_is_not_taken() -> None:
    claim = EndpointClaim(ENDPOINT, ReleaseId("flight-delay-2"), 1)
    observation = Observation(model=MODEL, endpoint=an_endpoint(model="churn", v_1=100), claim=claim)

    update = advance(a_release(), observation, NOW)

    assert update.release.state is ReleaseState.FAILED
    assert update.release.reason == "endpoint flight-delay serves another model, churn"


def test_an_unowned_endpoint_is_claimed_before_anything_else() -> None:
    update = advance(a_release(), Observation(model=MODEL, endpoint=an_endpoint(v_1=100)), NOW)

    assert (update.release.state, update.actions) == (ReleaseState.OPENED, (ClaimEndpoint(ENDPOINT),))


def test_the_version_that_serves_already_is_superseded() -> None:
    claim = EndpointClaim(ENDPOINT, ReleaseId("flight-delay-2"), 1)
    observation = Observation(model=MODEL, endpoint=an_endpoint(v_2=100), claim=claim)

    assert advance(a_release(), observation, NOW).release.state is ReleaseState.SUPERSEDED


@pytest.mark.parametrize(
    ("when", "has_champion", "state"),
    [
        pytest.param("production", True, ReleaseState.AWAITING_APPROVAL, id="production_replaces"),
        pytest.param("production", False, ReleaseState.DEPLOYING, id="production_first"),
        pytest.param("always", False, ReleaseState.AWAITING_APPROVAL, id="always"),
        pytest.param("never", True, ReleaseState.DEPLOYING, id="never"),
    ],
)
def test_who_is_asked(when: Any, has_champion: bool, state: ReleaseState) -> None:
    plan = a_plan(evaluation=None, approval=replace(a_plan().approval, when=when))
    champion = Serving(V1, ModelVersion("1")) if has_champion else None
    release = replace(a_release(plan=plan), state=ReleaseState.GATING, champion=champion)

    assert advance(release, Observation(model=MODEL, gate_results=()), NOW).release.state is state


@pytest.mark.parametrize(
    ("approval", "state", "reason"),
    [
        pytest.param({"approvers": ("ana", "ben")}, ReleaseState.AWAITING_APPROVAL, "", id="two_must_agree"),
        pytest.param({}, ReleaseState.REJECTED, "2 must agree, and people.approvers names 1", id="too_few_approvers"),
        pytest.param(
            {"approvers": ("ana", "ben"), "unknown_submitter": "refuse"},
            ReleaseState.REJECTED,
            "the policy refuses such versions; list them in people.yaml",
            id="refused_by_policy",
        ),
        pytest.param(
            {"submitter_may_approve": True}, ReleaseState.AWAITING_APPROVAL, "", id="submitters_may_approve_anyway"
        ),
    ],
)
def test_a_version_that_nobody_knows_the_submitter_of(approval: Any, state: ReleaseState, reason: str) -> None:
    plan = a_plan(evaluation=None, approval=replace(a_plan().approval, **approval))
    release = replace(a_release(plan=plan), state=ReleaseState.GATING, submitter=None, submitter_is_unknown=True)

    updated = advance(release, Observation(model=MODEL, gate_results=()), NOW).release

    assert updated.state is state
    assert reason in updated.reason


@pytest.mark.parametrize(
    ("approval", "state"),
    [
        pytest.param({"approvers": ("ana", "ben"), "quorum": 2}, ReleaseState.REJECTED, id="one_of_two_submitted"),
        pytest.param({"approvers": ("ANA",)}, ReleaseState.REJECTED, id="the_only_one_submitted"),
        pytest.param({"approvers": ("ana", "ben")}, ReleaseState.AWAITING_APPROVAL, id="another_one_may"),
        pytest.param({"approvers": ("ben", "eve"), "quorum": 2}, ReleaseState.AWAITING_APPROVAL, id="no_approver"),
        pytest.param(
            {"approvers": ("ana",), "submitter_may_approve": True}, ReleaseState.AWAITING_APPROVAL, id="by_nobody"
        ),
    ],
)
def test_a_quorum_that_is_out_of_reach_without_the_submitter_is_told_at_once(
    approval: Any, state: ReleaseState
) -> None:
    plan = a_plan(evaluation=None, approval=replace(a_plan().approval, **approval))
    release = replace(a_release(plan=plan), state=ReleaseState.GATING, submitter="ana")

    updated = advance(release, Observation(model=MODEL, gate_results=()), NOW).release

    assert updated.state is state
    if state is ReleaseState.REJECTED:
        assert "ana submitted version" in updated.reason
        assert "name more approvers, or ask fewer (approval.quorum)" in updated.reason
        assert updated.notices[-1].kind == "release-rejected"


def test_other_evidence_is_another_question() -> None:
    plan = a_plan(evaluation=None)
    release = replace(a_release(plan=plan), state=ReleaseState.GATING)
    digests = {
        advance(
            release, Observation(model=MODEL, gate_results=(GateResult("g", Verdict.PASS, "r", {"value": value}),)), NOW
        ).release.approval_digest
        for value in (0.7, 0.8)
    }

    assert len(digests) == 2


def test_without_a_champion_the_challenger_is_evaluated_against_itself() -> None:
    release = a_release()
    plan = release.plan.evaluation
    assert plan is not None

    request = evaluation_request(release, plan, evaluation_job(release.id))

    assert request.inputs["champion"] == request.inputs["challenger"] == "azureml:flight-delay:2"
    assert request.tags == {"vigia.release": "flight-delay-2", "vigia.model": "flight-delay"}


@pytest.mark.parametrize(
    ("version", "than", "hours", "expected"),
    [
        pytest.param("10", "9", -1, True, id="numbers_by_value_whatever_their_age"),
        pytest.param("9", "10", 1, False, id="numbers_not_by_text"),
        pytest.param("b", "a", -1, False, id="words_by_creation"),
        pytest.param("a", "b", 1, True, id="words_not_by_text"),
        pytest.param("b", "a", None, False, id="unknown_creation_decides_nothing"),
    ],
)
def test_which_version_is_newer(version: str, than: str, hours: int | None, expected: bool) -> None:
    created = None if hours is None else NOW + timedelta(hours=hours)
    assert is_newer(ModelVersion(version), created, ModelVersion(than), NOW) is expected


@pytest.mark.parametrize("version", ["3", "2026.11.20", "a_b", "x" * 60])
def test_deployment_names_are_valid_and_differ(version: str) -> None:
    name = deployment_name(ModelVersion(version))
    assert 3 <= len(name) <= 32
    assert name.replace("-", "").isalnum()
    assert name != deployment_name(ModelVersion(version + "-"))


def test_release_ids_stay_apart() -> None:
    ids = {release_id(ModelName(m), ModelVersion(v)) for m, v in [("a b", "1"), ("a-b", "1"), ("a/b", "1")]}
    assert len(ids) == 3


def test_a_roll_back_to_a_deleted_champion_first_ends_the_copies() -> None:
    release = replace(baking(state=ReleaseState.ROLLING_BACK, phase=None), plan=a_plan(mirror=50))
    alone = replace(an_endpoint(v_2=100), deployments=BOTH[1:])

    copied = advance(release, Observation(endpoint=replace(alone, mirror_traffic={V2: 50})), NOW)
    updated = advance(release, Observation(endpoint=alone), NOW)

    assert (copied.release.state, copied.actions) == (ReleaseState.ROLLING_BACK, (SetMirror(ENDPOINT, {}),))
    assert updated.release.state is ReleaseState.LOST
