"""Random walks of the release state machine: whatever is observed, these things hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.approval import Decision
from shared.domain.ids import DeploymentName, EndpointName, ModelName, ModelVersion, ReleaseId
from shared.domain.release import Release, ReleaseRequest, ReleaseState
from shared.domain.verdict import GateResult, Judgement, Verdict
from shared.ports.workspace import DeploymentRecord, EndpointRecord, JobRecord, ModelRecord
from shared.release.actions import SetTraffic
from shared.release.moves import Step
from shared.release.names import evaluation_job
from shared.release.observation import EndpointClaim, Observation, Rival
from shared.release.step import step
from tests.fakes.releases import NOW, a_plan, a_release

V1, V2 = DeploymentName("v-1"), DeploymentName("v-2")
ENDPOINT = EndpointName("flight-delay")
MODEL = ModelRecord(ModelName("flight-delay"), ModelVersion("2"), "mlflow_model", "", NOW, "ana", None, {})

_CHOICES: list[Literal["approved", "rejected", "expired"] | None] = [
    None,
    "approved",
    "approved",
    "rejected",
    "expired",
]
_REQUESTS: list[Literal["abort", "hold", "resume"] | None] = [*[None] * 12, "hold", "abort", "resume"]

verdicts = st.sampled_from([Verdict.PASS, Verdict.PASS, Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL])
splits = st.sampled_from([{V1: 100}, {V1: 90, V2: 10}, {V1: 50, V2: 50}, {V2: 100}, {V1: 30, V2: 70}, {}])
states = st.sampled_from(["Succeeded", "Succeeded", "Succeeded", "Updating", "Failed"])
jobs = st.sampled_from([None, "Running", "Completed", "Completed", "Completed", "Failed"])
choices = st.sampled_from(_CHOICES)
requests = st.sampled_from(_REQUESTS)
pauses = st.sampled_from([timedelta(0), timedelta(minutes=1), timedelta(minutes=9), timedelta(hours=3)])


@st.composite
def deployments(draw: st.DrawFn) -> tuple[DeploymentRecord, ...]:
    names = [name for name in ("1", "2") if draw(st.integers(0, 9))]
    return tuple(
        DeploymentRecord(DeploymentName(f"v-{n}"), ModelName("flight-delay"), ModelVersion(n), draw(states))
        for n in names
    )


@st.composite
def observations(draw: st.DrawFn, release: Release, written: SetTraffic | None) -> Observation:
    traffic = dict(written.traffic) if written and draw(st.integers(0, 3)) else draw(splits)
    endpoint = EndpointRecord(ENDPOINT, draw(states), traffic, {}, draw(deployments()), "")
    status, choice, request = draw(jobs), draw(choices), draw(requests)
    owner = draw(st.sampled_from([None, release.id, release.id, release.id]))
    return Observation(
        request=ReleaseRequest(request, "ana", "because", NOW) if request else None,
        model=MODEL if draw(st.integers(0, 9)) else None,
        endpoint=endpoint if draw(st.integers(0, 19)) else None,
        claim=EndpointClaim(ENDPOINT, owner, 3, traffic),
        holder=ReleaseId("other") if draw(st.integers(0, 9)) == 0 else None,
        rivals=(Rival(ReleaseId("x-3"), ModelVersion("3"), None),) if draw(st.integers(0, 19)) == 0 else (),
        job=JobRecord(evaluation_job(release.id), status, {}, "vigia") if status else None,
        gate_results=(GateResult("metric roc_auc", draw(verdicts), "measured"),) if draw(st.integers(0, 9)) else None,
        decision=Decision(choice, ("ben",), "", NOW) if choice else None,
        judgement=Judgement(draw(verdicts), "compared") if draw(st.integers(0, 9)) else None,
    )


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data(), has_champion=st.booleans())
def test_a_release_keeps_its_promises_whatever_it_sees(data: st.DataObject, has_champion: bool) -> None:
    release, now = a_release(plan=a_plan()), NOW
    written: SetTraffic | None = SetTraffic(ENDPOINT, {V1: 100}) if has_champion else None
    for _ in range(60):
        seen = data.draw(observations(release, written))
        taken = step(release, seen, now)
        _check(release, seen, taken)
        written = next((action for action in taken.actions if isinstance(action, SetTraffic)), written)
        release = replace(taken.release, posted=len(taken.release.notices))
        now = max(now, taken.wake_at if data.draw(st.booleans()) else now) + data.draw(pauses)
        if release.is_settled:
            return


def _check(before: Release, seen: Observation, taken: Step) -> None:
    after = taken.release
    _check_terminal(before, after)
    _check_traffic(before, seen, taken)
    _check_memory(before, after)


def _check_terminal(before: Release, after: Release) -> None:
    if before.state.is_terminal:
        assert after.state is before.state
    assert after.state.is_terminal or after.deadline is not None
    if after.state is ReleaseState.ROLLED_BACK and before.state is not after.state:
        assert before.state is ReleaseState.ROLLING_BACK


def _check_traffic(before: Release, seen: Observation, taken: Step) -> None:
    after = taken.release
    for action in taken.actions:
        if isinstance(action, SetTraffic):
            assert sum(action.traffic.values()) == 100
            assert before.state in {ReleaseState.CANARY, ReleaseState.ROLLING_BACK}
            known = {after.challenger.deployment} | ({after.champion.deployment} if after.champion else set())
            assert set(action.traffic) <= known
            if before.state is ReleaseState.ROLLING_BACK and after.champion:
                assert dict(action.traffic) == {after.champion.deployment: 100}
    if after.step_index > before.step_index:
        assert after.judgement is None
        assert seen.judgement is not None
        assert seen.judgement.verdict is Verdict.PASS
        assert not (seen.request and seen.request.kind in {"hold", "abort"})
    if len(after.traffic_steps) > len(before.traffic_steps):
        assert seen.traffic == before.traffic_at(before.step_index)
    if after.state is ReleaseState.ROLLED_BACK and before.state is not after.state and after.champion:
        assert seen.traffic == {after.champion.deployment: 100}


def _check_memory(before: Release, after: Release) -> None:
    assert after.notices[: len(before.notices)] == before.notices
    assert after.history[: len(before.history)] == before.history
    assert len({notice.key for notice in after.notices}) == len(after.notices)
    assert (after.plan, after.id, after.opened_by) == (before.plan, before.id, before.opened_by)
    if after.state is not before.state:
        assert after.history[-1].reason
        assert after.history[-1].entered is after.state
