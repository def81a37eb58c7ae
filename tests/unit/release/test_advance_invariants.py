"""Random walks of the release state machine: whatever is observed, these things hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.approval import Decision
from shared.domain.ids import DeploymentName, EndpointName, ModelName, ModelVersion, ReleaseId
from shared.domain.notice import NoticeKind
from shared.domain.outcome import AbPlan, LabelSource
from shared.domain.release import Release, ReleaseRequest, ReleaseState, Serving, Undo
from shared.domain.release_plan import ProbePlan, SmokeTestPlan
from shared.domain.verdict import GateResult, Judgement, Verdict
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.ports.jobs import JobRecord
from shared.ports.workspace import Answer, ModelRecord
from shared.release.advance import advance
from shared.release.core.actions import CloseApproval, GiveBackEndpoint, SendProbes, SetMirror, SetTraffic
from shared.release.core.names import evaluation_job
from shared.release.core.observation import CompetingRelease, EndpointClaim, Observation
from shared.release.core.transitions import ReleaseUpdate, move
from tests.fakes.releases import NOW, a_plan, a_release

V1, V2 = DeploymentName("v-1"), DeploymentName("v-2")
ENDPOINT = EndpointName("flight-delay")
MODEL = ModelRecord(ModelName("flight-delay"), ModelVersion("2"), "mlflow_model", "", NOW, "ana", None, {})

SERVING = {ReleaseState.SHADOWING, ReleaseState.CANARY, ReleaseState.WATCHING, ReleaseState.ROLLING_BACK}
_CHOICES: list[Literal["approved", "rejected", "expired"] | None] = [
    None,
    "approved",
    "approved",
    "rejected",
    "expired",
]
_REQUESTS: list[Literal["abort", "hold", "resume", "promote"] | None] = [
    *[None] * 12,
    "hold",
    "abort",
    "resume",
    "promote",
]

WALKS = 4 * settings().max_examples  # a promise is broken deep in a walk if anywhere

verdicts = st.sampled_from([Verdict.PASS, Verdict.PASS, Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL])
splits = st.sampled_from(
    [{V1: 100}, {V1: 90, V2: 10}, {V1: 50, V2: 50}, {V1: 5, V2: 95}, {V2: 100}, {V1: 30, V2: 70}, {}]
)
rarely = st.sampled_from([False, False, False, True])
judgements = st.builds(
    Judgement,
    verdicts,
    st.just("compared"),
    st.booleans(),
    st.just({"requests": 40.0, "errors": 20.0, "champion_requests": 40.0}),
    suspects=rarely,
    champion_is_sick=rarely,
    is_broken=rarely,
    needs_a_person=rarely,
    is_proven=st.booleans(),
)
states = st.sampled_from(["Succeeded", "Succeeded", "Succeeded", "Updating", "Failed"])
jobs = st.sampled_from([None, "Running", "Completed", "Completed", "Completed", "Failed"])
choices = st.sampled_from(_CHOICES)
requests = st.sampled_from(_REQUESTS)
mirrors = st.sampled_from([{}, {}, {V2: 50}, {V2: 50}, {V2: 20}])
# Clocks of two workers differ, and one may have slept: time may jump, and go back.
pauses = st.sampled_from([timedelta(minutes=m) for m in (0, 0, 1, 1, 9, 9, 180, 10_000, -1, -60)])
answers = st.sampled_from([None, Answer(200, 0.1, ""), Answer(200, 0.1, ""), Answer(500, 0.1, "no")])
LABELS = LabelSource("azureml:labels@latest", "row_id", "label")
# The hold is the plan's bake of 8 minutes; an extended one ends ten minutes before the step's deadline of 40.
tests = st.sampled_from(
    [AbPlan("roc_auc", LABELS, 0.0), AbPlan("mean", LABELS, -0.1, extend_until=timedelta(minutes=30))]
)
outcomes = st.one_of(st.none(), st.builds(Judgement, verdicts, st.just("tested")))
plans = st.builds(
    a_plan,
    ab=st.one_of(st.none(), tests),
    mirror=st.sampled_from([0, 0, 50]),
    smoke_test=st.sampled_from([None, SmokeTestPlan("[]", timedelta(seconds=1))]),
    on_hand_edit=st.sampled_from(["hold", "repair"]),
    on_new_version=st.sampled_from(["queue", "replace", "refuse"]),
    steps=st.sampled_from([(10, 50, 100), (100,)]),
    probe=st.sampled_from([None, ProbePlan("azureml:requests@latest", 5)]),
    holdback=st.sampled_from([0, 5, 5, 60]),
    on_undecided=st.sampled_from(["ask", "ask", "roll-back", "finish"]),
    approval=st.sampled_from(
        [
            a_plan().approval,
            replace(
                a_plan().approval, remind_after=timedelta(hours=1), escalate_after=timedelta(hours=2), for_undo=True
            ),
        ]
    ),
)


PLACES = [None, -1, 0, 1, 2]
RIVALS: list[tuple[CompetingRelease, ...]] = [
    *[()] * 12,
    (CompetingRelease(ReleaseId("x-3"), ModelVersion("3"), None),),
    (CompetingRelease(ReleaseId("other"), ModelVersion("1"), None, ReleaseState.CANARY),),
]


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
    mirror = release.mirror if draw(st.integers(0, 3)) else draw(mirrors)
    endpoint = EndpointRecord(ENDPOINT, draw(states), traffic, mirror, draw(deployments()), "")
    status, choice, request = draw(jobs), draw(choices), draw(requests)
    owner = draw(st.sampled_from([None, release.id, release.id, release.id]))
    return Observation(
        request=_request(draw, request) if request else None,
        model=MODEL if draw(st.integers(0, 9)) else None,
        endpoint=endpoint if draw(st.integers(0, 19)) else None,
        claim=EndpointClaim(ENDPOINT, owner, 3, traffic, earlier=(draw(splits),), asked_at=NOW, mirror=mirror),
        other_owner=ReleaseId("other") if draw(st.integers(0, 9)) == 0 else None,
        competing=draw(st.sampled_from(RIVALS)),
        job=JobRecord(evaluation_job(release.id), status, {}, "vigia") if status else None,
        gate_results=(GateResult("metric roc_auc", draw(verdicts), "measured"),) if draw(st.integers(0, 9)) else None,
        decision=Decision(choice, ("ben",), "", NOW) if choice else None,
        judgement=draw(judgements) if draw(st.integers(0, 9)) else None,
        answer=draw(answers),
        outcome=draw(outcomes),
        probe_sample=draw(st.sampled_from([(), ("[1]", "[2]", "[3]")])),
    )


def _request(draw: st.DrawFn, kind: Literal["abort", "hold", "resume", "promote"]) -> ReleaseRequest:
    is_automatic = kind == "abort" and draw(st.booleans())
    return ReleaseRequest(kind, "ana", "because", NOW, draw(st.sampled_from(PLACES)), is_automatic=is_automatic)


@st.composite
def starts(draw: st.DrawFn, release: Release, has_champion: bool) -> Release:
    """Return the release as it begins, or as it is about to serve: few random walks come so far by themselves."""
    state = draw(
        st.sampled_from([ReleaseState.OPENED, ReleaseState.DEPLOYING, ReleaseState.CANARY, ReleaseState.WATCHING])
    )
    if state is ReleaseState.OPENED:
        return release
    deploying = replace(release, champion=Serving(V1, ModelVersion("1")) if has_champion else None)
    deploying = move(deploying, ReleaseState.DEPLOYING, "to begin with", NOW)
    if state is ReleaseState.DEPLOYING:
        return deploying
    serving = replace(move(deploying, ReleaseState.CANARY, "to begin with", NOW), phase="shifting")
    if state is ReleaseState.WATCHING:
        return watched(serving)
    return baking(serving) if len(serving.steps) > 1 and draw(st.booleans()) else serving


def baking(serving: Release) -> Release:
    since = NOW - serving.plan.bake
    return replace(serving, phase="baking", traffic_steps=(serving.steps[0],), traffic_since=since)


def watched(serving: Release) -> Release:
    promoted = replace(move(serving, ReleaseState.PROMOTED, "to begin with", NOW), phase=None)
    share = serving.traffic_at(len(serving.steps) - 1)[V2]
    return replace(
        move(promoted, ReleaseState.WATCHING, "to begin with", NOW),
        step_index=len(serving.steps) - 1,
        traffic_steps=(share,),
        traffic_since=NOW,
    )


@settings(max_examples=WALKS, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data(), has_champion=st.booleans())
def test_a_release_keeps_its_promises_whatever_it_sees(data: st.DataObject, has_champion: bool) -> None:
    release, now = data.draw(starts(a_release(plan=data.draw(plans)), has_champion)), NOW
    if data.draw(st.integers(0, 4)) == 0:
        release = replace(release, undo=Undo("ana", "because", NOW))
    written: SetTraffic | None = SetTraffic(ENDPOINT, {V1: 100}) if has_champion else None
    if release.traffic_since:
        written = SetTraffic(ENDPOINT, release.traffic_at(release.step_index))
    for _ in range(60):
        seen = data.draw(observations(release, written))
        update = advance(release, seen, now)
        _check(release, seen, update)
        _check_test(release, seen, update, now)
        _check_probes(release, update, now)
        _check_calls(release, update)
        written = next((action for action in update.actions if isinstance(action, SetTraffic)), written)
        release = replace(update.release, posted=len(update.release.notices))
        now = max(now, update.wake_at if data.draw(st.booleans()) else now) + data.draw(pauses)
        if release.is_settled:
            return


@given(data=st.data(), test=tests)
def test_an_ab_test_is_taken_when_it_is_due_and_not_again(data: st.DataObject, test: AbPlan) -> None:
    plan = a_plan(strategy="ab", ab=test, steps=(50, 100))
    up = replace(a_release(plan=plan), champion=Serving(V1, ModelVersion("1")))
    release, now = replace(move(up, ReleaseState.CANARY, "to begin with", NOW), phase="shifting"), NOW
    alive = tuple(DeploymentRecord(name, MODEL.name, ModelVersion(name[-1]), "Succeeded") for name in (V1, V2))
    for _ in range(30):
        endpoint = EndpointRecord(ENDPOINT, "Succeeded", release.traffic_at(release.step_index), {}, alive, "")
        guard = data.draw(st.sampled_from([Verdict.PASS, Verdict.PASS, Verdict.INCONCLUSIVE]))
        seen = Observation(endpoint=endpoint, judgement=Judgement(guard, "guarded"), outcome=data.draw(outcomes))
        update = advance(release, seen, now)
        _check(release, seen, update)
        _check_test(release, seen, update, now)
        release, now = update.release, now + data.draw(st.sampled_from([timedelta(minutes=m) for m in (1, 3, 9, 25)]))


def _check(before: Release, seen: Observation, update: ReleaseUpdate) -> None:
    after = update.release
    _check_terminal(before, after)
    _check_traffic(before, seen, update)
    _check_mirror(before, seen, update)
    _check_memory(before, after)


def _check_terminal(before: Release, after: Release) -> None:
    if before.state.is_terminal:
        assert after.state is before.state
    assert after.state.is_terminal or after.deadline is not None
    if after.state is ReleaseState.ROLLED_BACK and before.state is not after.state:
        assert before.state is ReleaseState.ROLLING_BACK


def _check_traffic(before: Release, seen: Observation, update: ReleaseUpdate) -> None:
    after = update.release
    for action in update.actions:
        if isinstance(action, SetTraffic):
            assert sum(action.traffic.values()) == 100
            assert before.state in SERVING
            _check_hand_edit(before, seen)
            known = {after.challenger.deployment} | ({after.champion.deployment} if after.champion else set())
            assert set(action.traffic) <= known
            if before.state is ReleaseState.ROLLING_BACK and after.champion:
                assert dict(action.traffic) == {after.champion.deployment: 100}
    if after.step_index > before.step_index >= 0:
        assert after.judgement is None
        _check_grounds(before, seen)
    if len(after.traffic_steps) > len(before.traffic_steps):
        assert seen.traffic == ({V2: 100} if before.phase == "ending" else before.traffic_at(before.step_index))
    _check_watch(before, seen, update)
    _check_way_back(before, seen, after)
    # A release that was only shadowed has no traffic to give back: what a person changes meanwhile stays.
    has_ended = after.state is ReleaseState.ROLLED_BACK and before.state is not after.state
    if has_ended and after.champion and before.has_moved_traffic:
        assert seen.traffic == {after.champion.deployment: 100}


def _check_watch(before: Release, seen: Observation, update: ReleaseUpdate) -> None:
    """The champion keeps its share until the end of the watch, which is a proof, a person's word, or the old policy."""
    after = update.release
    if before.state is not ReleaseState.WATCHING:
        return
    for action in update.actions:
        if isinstance(action, SetTraffic) and before.phase != "ending" and after.phase != "ending":
            is_alone = before.champion is None or seen.deployment(V1) is None
            assert dict(action.traffic) == ({V2: 100} if is_alone else before.traffic_at(len(before.steps) - 1))
    ends = after.phase == "ending" or after.state is ReleaseState.FINISHED
    if before.phase == "ending" or not ends:
        return
    judgement = after.judgement
    promotes = before.phase == "asking" and seen.request is not None and seen.request.kind == "promote"
    if promotes or before.plan.on_undecided == "finish" or before.champion is None:
        return
    assert judgement
    assert not any([judgement.suspects, judgement.needs_a_person, judgement.is_broken])
    assert judgement.verdict is not Verdict.FAIL
    assert judgement.is_proven or judgement.verdict is Verdict.PASS or before.has_passed


def _check_way_back(before: Release, seen: Observation, after: Release) -> None:
    """No automatic way back leads to a champion that does not answer or fails too much; a failure of the watch goes
    back only where both served side by side."""
    begins = after.state is ReleaseState.ROLLING_BACK and before.state is not after.state
    champion = seen.deployment(V1)
    is_forced = champion is None or before.champion is None or after.ends_as is ReleaseState.LOST
    if not begins or not before.has_moved_traffic or is_forced or champion is None:
        return
    if seen.request and seen.request.kind == "abort" and not seen.request.is_automatic:
        return
    assert champion.state == "Succeeded"
    assert not (after.judgement and after.judgement.champion_is_sick)
    if before.state is ReleaseState.WATCHING and after.ends_as is ReleaseState.ROLLED_BACK:
        assert before.holdback or before.probed_at


def _check_grounds(before: Release, seen: Observation) -> None:
    """What moves a step on: a pass, or a person's promotion of that step; nothing moves one on after a failure."""
    judgement = seen.judgement or Judgement(Verdict.INCONCLUSIVE, "nothing was measured")
    verdict = Verdict.FAIL if judgement.is_broken else judgement.verdict
    request = seen.request
    promotes = request is not None and request.kind == "promote" and request.step == before.step_index
    assert verdict is Verdict.PASS or (promotes and verdict is not Verdict.FAIL)
    assert promotes or not judgement.suspects
    assert promotes or judgement.is_proven or not judgement.champion_is_sick
    assert not (request and request.kind in {"hold", "abort"})


def _check_test(before: Release, seen: Observation, update: ReleaseUpdate, now: datetime) -> None:
    """An A/B test is taken when its hold has ended, once; a step of one moves on by its pass, or by a person."""
    after, plan = update.release, before.plan.ab
    assert after.outcomes[: len(before.outcomes)] == before.outcomes
    if plan is None:
        assert not after.outcomes
        return
    assert len(after.outcomes) <= (1 if plan.extend_until is None else 2)
    ends = [before.plan.bake] + ([plan.extend_until] if plan.extend_until else [])
    if len(after.outcomes) > len(before.outcomes):
        assert before.traffic_since
        assert now >= before.traffic_since + ends[len(before.outcomes)]
        assert all(each.verdict is Verdict.INCONCLUSIVE for each in before.outcomes)
    if after.step_index > before.step_index >= 0:
        promotes = seen.request is not None and seen.request.kind == "promote"
        assert promotes or after.outcomes[-1].verdict is Verdict.PASS


def _check_hand_edit(before: Release, seen: Observation) -> None:
    """A person's traffic is overwritten by a roll back, or where the policy says so; a late write of ours always."""
    if before.state is ReleaseState.ROLLING_BACK or before.plan.on_hand_edit == "repair":
        return
    known = [before.traffic_at(before.step_index), before.traffic_at(max(before.step_index, 0) - 1)]
    ours = [dict(split) for split in seen.claim.earlier] if seen.claim else []
    has_failed = seen.has_failed and before.phase in {"shifting", "ending"}
    assert has_failed or seen.traffic in [*known, *ours]
    is_ending = before.phase == "ending" or (seen.traffic in known and before.state is ReleaseState.WATCHING)
    if before.phase == "baking" or (before.state in {ReleaseState.WATCHING, ReleaseState.SHADOWING} and not is_ending):
        assert seen.traffic in ours


def _check_mirror(before: Release, seen: Observation, update: ReleaseUpdate) -> None:
    after = update.release
    for action in update.actions:
        if isinstance(action, SetMirror):
            assert before.plan.mirror
            assert dict(action.mirror) in ({}, {before.challenger.deployment: before.plan.mirror})
    if before.state is ReleaseState.SHADOWING:
        assert after.traffic_steps == ()
        if after.state is ReleaseState.CANARY or (after.phase == "clearing" and before.phase == "baking"):
            failed = seen.judgement and (seen.judgement.verdict is Verdict.FAIL or seen.judgement.is_broken)
            assert not (failed and before.phase == "baking")
        if after.state is ReleaseState.CANARY:
            assert not seen.mirror
    has_rolled_back = before.state is ReleaseState.ROLLING_BACK and after.state.is_terminal
    if has_rolled_back and before.plan.mirror and before.champion and seen.endpoint:
        assert not seen.mirror


def _check_probes(before: Release, update: ReleaseUpdate, now: datetime) -> None:
    """Probes go to the two that are compared, as many to each, at most the plan's, once per interval."""
    for action in update.actions:
        if isinstance(action, SendProbes):
            assert before.plan.probe
            assert before.champion
            assert before.phase == "baking" or before.state is ReleaseState.WATCHING
            sent = [name for name, _ in action.requests]
            assert set(sent) == {before.champion.deployment, before.challenger.deployment}
            assert sent.count(before.champion.deployment) == len(sent) / 2 <= before.plan.probe.per_interval
            assert before.probed_at is None or now.replace(second=0) > before.probed_at.replace(second=0)
            assert update.release.probed_at == now


def _check_calls(before: Release, update: ReleaseUpdate) -> None:
    """Each call to decide is told once, while the question is open; a question does not outlive its release."""
    told = [notice.kind for notice in update.release.notices]
    for kind in (NoticeKind.APPROVAL_NEEDED, NoticeKind.APPROVAL_REMINDER, NoticeKind.APPROVAL_ESCALATED):
        assert told.count(kind) <= 1
    for kind in {notice.kind for notice in update.release.notices[len(before.notices) :]}:
        if kind in {NoticeKind.APPROVAL_REMINDER, NoticeKind.APPROVAL_ESCALATED}:
            assert before.state is update.release.state is ReleaseState.AWAITING_APPROVAL
    if any(isinstance(action, GiveBackEndpoint) for action in update.actions):
        was_asked = before.history[-1].left is ReleaseState.AWAITING_APPROVAL
        assert was_asked is any(isinstance(action, CloseApproval) for action in update.actions)


def _check_memory(before: Release, after: Release) -> None:
    assert after.notices[: len(before.notices)] == before.notices
    assert after.history[: len(before.history)] == before.history
    assert len({notice.key for notice in after.notices}) == len(after.notices)
    assert (after.plan, after.id, after.opened_by) == (before.plan, before.id, before.opened_by)
    if after.state is not before.state:
        assert after.history[-1].reason
        assert after.history[-1].entered is after.state
