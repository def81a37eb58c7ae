"""Random walks of the release state machine: whatever is observed, these things hold.

The walks are numbered, and the number is all the chance there is: a walk that breaks a promise names its number, by
which it is walked again. (Drawn by hypothesis, nineteen parts of twenty of a walk went into the drawing.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from shared.domain.ids import DeploymentName, EndpointName, ModelName, ModelVersion, ReleaseId
from shared.domain.notice import NoticeKind
from shared.domain.releases.approval import Decision
from shared.domain.releases.measurement import LoadCount
from shared.domain.releases.outcome import AbPlan, LabelSource
from shared.domain.releases.plan import KubernetesPlan, LoadPlan, ProbePlan, ReleasePlan, SmokeTestPlan
from shared.domain.releases.release import Release, ReleaseRequest, ReleaseState, Serving, Undo
from shared.domain.releases.verdict import GateResult, Judgement, Verdict
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.ports.jobs import JobRecord
from shared.ports.workspace import Answer, ModelRecord
from shared.release.advance import advance
from shared.release.core.actions import CloseApproval, GiveBackEndpoint, SendProbes, SetMirror, SetTraffic
from shared.release.core.names import evaluation_job
from shared.release.core.observation import CompetingRelease, EndpointClaim, Observation
from shared.release.core.transitions import ReleaseUpdate, move
from shared.release.states.smoke_test import portion
from tests.fakes.releases import NOW, a_plan, a_release

V1, V2 = DeploymentName("v-1"), DeploymentName("v-2")
ENDPOINT = EndpointName("flight-delay")
WALKS, LONG_WALKS = 1_000, 10_000
MODEL = ModelRecord(ModelName("flight-delay"), ModelVersion("2"), "mlflow_model", "", NOW, "ana", None, {})

SERVING = {ReleaseState.SHADOWING, ReleaseState.CANARY, ReleaseState.WATCHING, ReleaseState.ROLLING_BACK}
CHOICES: list[Literal["approved", "rejected", "expired"] | None] = [None, "approved", "approved", "rejected", "expired"]
REQUESTS: list[Literal["abort", "hold", "resume", "promote"] | None] = [
    *[None] * 12,
    "hold",
    "abort",
    "resume",
    "promote",
]
VERDICTS = [Verdict.PASS, Verdict.PASS, Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL]
SPLITS = [{V1: 100}, {V1: 90, V2: 10}, {V1: 50, V2: 50}, {V1: 5, V2: 95}, {V2: 100}, {V1: 30, V2: 70}, {}]
STATES = ["Succeeded", "Succeeded", "Succeeded", "Updating", "Failed"]
JOBS = [None, "Running", "Completed", "Completed", "Completed", "Failed"]
MIRRORS = [{}, {}, {V2: 50}, {V2: 50}, {V2: 20}]
# Clocks of two workers differ, and one may have slept: time may jump, and go back.
PAUSES = [timedelta(minutes=minutes) for minutes in (0, 0, 1, 1, 9, 9, 180, 10_000, -1, -60)]
ANSWERS = [None, Answer(200, 0.1, ""), Answer(200, 0.1, ""), Answer(500, 0.1, "no")]
LABELS = LabelSource("azureml:labels@latest", "row_id", "label")
# The hold is the plan's bake of 8 minutes; an extended one ends ten minutes before the step's deadline of 40.
TESTS = [AbPlan("roc_auc", LABELS, 0.0), AbPlan("mean", LABELS, -0.1, extend_until=timedelta(minutes=30))]
CALLS_AND_UNDO = replace(
    a_plan().approval, remind_after=timedelta(hours=1), escalate_after=timedelta(hours=2), for_undo=True
)
LOAD = LoadPlan("azureml:requests@latest", 600, 5.0, 0.01, timedelta(seconds=1), 0.05)
PLACES = [None, -1, 0, 1, 2]
RIVALS: list[tuple[CompetingRelease, ...]] = [
    *[()] * 12,
    (CompetingRelease(ReleaseId("x-3"), ModelVersion("3"), None),),
    (CompetingRelease(ReleaseId("other"), ModelVersion("1"), None, ReleaseState.CANARY),),
]


def is_one_in(chance: Random, cases: int) -> bool:
    return chance.randrange(cases) == 0


def a_random_plan(chance: Random) -> ReleasePlan:
    return a_plan(
        ab=chance.choice([None, *TESTS]) if is_one_in(chance, 2) else None,
        mirror=chance.choice([0, 0, 50]),
        smoke_test=chance.choice([None, SmokeTestPlan("[]", timedelta(seconds=1)), SmokeTestPlan("", load=LOAD)]),
        kubernetes=chance.choice([None, None, KubernetesPlan("arc")]),
        on_hand_edit=chance.choice(["hold", "repair"]),
        on_new_version=chance.choice(["queue", "replace", "refuse"]),
        steps=chance.choice([(10, 50, 100), (100,)]),
        probe=chance.choice([None, ProbePlan("azureml:requests@latest", 5)]),
        holdback=chance.choice([0, 5, 5, 60]),
        on_undecided=chance.choice(["ask", "ask", "roll-back", "finish"]),
        approval=chance.choice([a_plan().approval, CALLS_AND_UNDO]),
    )


def _judgement(chance: Random) -> Judgement:
    return Judgement(
        chance.choice(VERDICTS),
        "compared",
        is_one_in(chance, 2),
        {"requests": 40.0, "errors": 20.0, "champion_requests": 40.0},
        suspects=is_one_in(chance, 4),
        champion_is_sick=is_one_in(chance, 4),
        is_broken=is_one_in(chance, 4),
        needs_a_person=is_one_in(chance, 4),
        is_proven=is_one_in(chance, 2),
    )


def _outcome(chance: Random) -> Judgement | None:
    return Judgement(chance.choice(VERDICTS), "tested") if is_one_in(chance, 2) else None


def _deployments(chance: Random) -> tuple[DeploymentRecord, ...]:
    return tuple(
        DeploymentRecord(DeploymentName(f"v-{n}"), ModelName("flight-delay"), ModelVersion(n), chance.choice(STATES))
        for n in ("1", "2")
        if not is_one_in(chance, 10)
    )


def observe(chance: Random, release: Release, written: SetTraffic | None) -> Observation:
    traffic = dict(written.traffic) if written and not is_one_in(chance, 4) else chance.choice(SPLITS)
    mirror = chance.choice(MIRRORS) if is_one_in(chance, 4) else release.mirror
    endpoint = EndpointRecord(ENDPOINT, chance.choice(STATES), traffic, mirror, _deployments(chance), "")
    status, choice, request = chance.choice(JOBS), chance.choice(CHOICES), chance.choice(REQUESTS)
    owner = None if is_one_in(chance, 4) else release.id
    gate = GateResult("metric roc_auc", chance.choice(VERDICTS), "measured")
    return Observation(
        request=_request(chance, request) if request else None,
        model=None if is_one_in(chance, 10) else MODEL,
        endpoint=None if is_one_in(chance, 20) else endpoint,
        claim=EndpointClaim(ENDPOINT, owner, 3, traffic, earlier=(chance.choice(SPLITS),), asked_at=NOW, mirror=mirror),
        other_owner=ReleaseId("other") if is_one_in(chance, 10) else None,
        competing=chance.choice(RIVALS),
        job=JobRecord(evaluation_job(release.id), status, {}, "vigia") if status else None,
        gate_results=None if is_one_in(chance, 10) else (gate,),
        decision=Decision(choice, ("ben",), "", NOW) if choice else None,
        judgement=None if is_one_in(chance, 10) else _judgement(chance),
        answer=chance.choice(ANSWERS),
        load=chance.choice([None, LoadCount(150, 150), LoadCount(150, 149, 1)]) if portion(release) else None,
        outcome=_outcome(chance),
        probe_sample=chance.choice([(), ("[1]", "[2]", "[3]")]),
    )


def _request(chance: Random, kind: Literal["abort", "hold", "resume", "promote"]) -> ReleaseRequest:
    is_automatic = kind == "abort" and is_one_in(chance, 2)
    return ReleaseRequest(kind, "ana", "because", NOW, chance.choice(PLACES), is_automatic=is_automatic)


def later(chance: Random, now: datetime, update: ReleaseUpdate) -> datetime:
    return max(now, update.wake_at if is_one_in(chance, 2) else now) + chance.choice(PAUSES)


def _start(chance: Random, release: Release, has_champion: bool) -> Release:
    """Return the release as it begins, or as it is about to serve: few random walks come so far by themselves."""
    state = chance.choice([ReleaseState.OPENED, ReleaseState.DEPLOYING, ReleaseState.CANARY, ReleaseState.WATCHING])
    if state is ReleaseState.OPENED:
        return release
    deploying = replace(release, champion=Serving(V1, ModelVersion("1")) if has_champion else None)
    deploying = move(deploying, ReleaseState.DEPLOYING, "to begin with", NOW)
    if state is ReleaseState.DEPLOYING:
        return deploying
    serving = replace(move(deploying, ReleaseState.CANARY, "to begin with", NOW), phase="shifting")
    if state is ReleaseState.WATCHING:
        return watched(serving)
    return baking(serving) if len(serving.steps) > 1 and is_one_in(chance, 2) else serving


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


def walk(chance: Random) -> None:
    has_champion = is_one_in(chance, 2)
    release, now = _start(chance, a_release(plan=a_random_plan(chance)), has_champion), NOW
    if is_one_in(chance, 5):
        release = replace(release, undo=Undo("ana", "because", NOW))
    written: SetTraffic | None = SetTraffic(ENDPOINT, {V1: 100}) if has_champion else None
    if release.traffic_since:
        written = SetTraffic(ENDPOINT, release.traffic_at(release.step_index))
    for _ in range(60):
        observation = observe(chance, release, written)
        update = advance(release, observation, now)
        _check(release, observation, update)
        _check_test(release, observation, update, now)
        _check_probes(release, update, now)
        _check_load(release, update)
        _check_calls(release, update)
        written = next((action for action in update.actions if isinstance(action, SetTraffic)), written)
        release = replace(update.release, posted=len(update.release.notices))
        now = later(chance, now, update)
        if release.is_settled:
            return


def walk_through_a_test(chance: Random) -> None:
    plan = a_plan(strategy="ab", ab=chance.choice(TESTS), steps=(50, 100))
    up = replace(a_release(plan=plan), champion=Serving(V1, ModelVersion("1")))
    release, now = replace(move(up, ReleaseState.CANARY, "to begin with", NOW), phase="shifting"), NOW
    alive = tuple(DeploymentRecord(name, MODEL.name, ModelVersion(name[-1]), "Succeeded") for name in (V1, V2))
    for _ in range(30):
        endpoint = EndpointRecord(ENDPOINT, "Succeeded", release.traffic_at(release.step_index), {}, alive, "")
        guard = Judgement(chance.choice([Verdict.PASS, Verdict.PASS, Verdict.INCONCLUSIVE]), "guarded")
        observation = Observation(endpoint=endpoint, judgement=guard, outcome=_outcome(chance))
        update = advance(release, observation, now)
        _check(release, observation, update)
        _check_test(release, observation, update, now)
        release, now = update.release, now + timedelta(minutes=chance.choice([1, 3, 9, 25]))


def walk_all(walk: Callable[[Random], None], walks: int) -> None:
    """Walk so many times.

    Raises:
        AssertionError: a promise was broken; has the number of the walk.
    """
    for number in range(walks):
        try:
            walk(Random(number))
        except Exception as exc:
            exc.add_note(f"in the walk of Random({number})")
            raise


def test_a_release_keeps_its_promises_whatever_it_sees(is_long: bool) -> None:
    walk_all(walk, LONG_WALKS if is_long else WALKS)


def test_an_ab_test_is_taken_when_it_is_due_and_not_again(is_long: bool) -> None:
    walk_all(walk_through_a_test, LONG_WALKS if is_long else WALKS)


def _check(previous: Release, observation: Observation, update: ReleaseUpdate) -> None:
    updated = update.release
    _check_terminal(previous, updated)
    _check_traffic(previous, observation, update)
    _check_mirror(previous, observation, update)
    _check_memory(previous, updated)


def _check_terminal(previous: Release, updated: Release) -> None:
    if previous.state.is_terminal:
        assert updated.state is previous.state
    assert updated.state.is_terminal or updated.deadline is not None
    if updated.state is ReleaseState.ROLLED_BACK and previous.state is not updated.state:
        assert previous.state is ReleaseState.ROLLING_BACK


def _check_traffic(previous: Release, observation: Observation, update: ReleaseUpdate) -> None:
    updated = update.release
    for action in update.actions:
        if isinstance(action, SetTraffic):
            assert sum(action.traffic.values()) == 100
            assert previous.state in SERVING
            _check_hand_edit(previous, observation)
            deployments = {updated.challenger.deployment} | (
                {updated.champion.deployment} if updated.champion else set()
            )
            assert set(action.traffic) <= deployments
            if previous.state is ReleaseState.ROLLING_BACK and updated.champion:
                assert dict(action.traffic) == {updated.champion.deployment: 100}
    if updated.step_index > previous.step_index >= 0:
        assert updated.judgement is None
        _check_grounds(previous, observation)
    if len(updated.traffic_steps) > len(previous.traffic_steps):
        assert observation.traffic == (
            {V2: 100} if previous.phase == "ending" else previous.traffic_at(previous.step_index)
        )
    _check_watch(previous, observation, update)
    _check_way_back(previous, observation, updated)
    # A release that was only shadowed has no traffic to give back: what a person changes meanwhile stays.
    has_ended = updated.state is ReleaseState.ROLLED_BACK and previous.state is not updated.state
    if has_ended and updated.champion and previous.has_moved_traffic:
        assert observation.traffic == {updated.champion.deployment: 100}


def _check_watch(previous: Release, observation: Observation, update: ReleaseUpdate) -> None:
    """The champion keeps its share until the end of the watch, which is a proof, a person's word, or the old policy."""
    updated = update.release
    if previous.state is not ReleaseState.WATCHING:
        return
    for action in update.actions:
        if isinstance(action, SetTraffic) and previous.phase != "ending" and updated.phase != "ending":
            is_alone = previous.champion is None or observation.deployment(V1) is None
            assert dict(action.traffic) == ({V2: 100} if is_alone else previous.traffic_at(len(previous.steps) - 1))
    ends = updated.phase == "ending" or updated.state is ReleaseState.FINISHED
    if previous.phase == "ending" or not ends:
        return
    judgement = updated.judgement
    promotes = previous.phase == "asking" and observation.request is not None and observation.request.kind == "promote"
    if promotes or previous.plan.on_undecided == "finish" or previous.champion is None:
        return
    assert judgement
    assert not any([judgement.suspects, judgement.needs_a_person, judgement.is_broken])
    assert judgement.verdict is not Verdict.FAIL
    assert judgement.is_proven or judgement.verdict is Verdict.PASS or previous.has_passed


def _check_way_back(previous: Release, observation: Observation, updated: Release) -> None:
    """No automatic way back leads to a champion that does not answer or fails too much; a failure of the watch goes
    back only where both served side by side."""
    begins = updated.state is ReleaseState.ROLLING_BACK and previous.state is not updated.state
    champion = observation.deployment(V1)
    is_forced = champion is None or previous.champion is None or updated.ends_as is ReleaseState.LOST
    if not begins or not previous.has_moved_traffic or is_forced or champion is None:
        return
    if observation.request and observation.request.kind == "abort" and not observation.request.is_automatic:
        return
    assert champion.state == "Succeeded"
    assert not (updated.judgement and updated.judgement.champion_is_sick)
    if previous.state is ReleaseState.WATCHING and updated.ends_as is ReleaseState.ROLLED_BACK:
        assert previous.holdback or previous.probed_at


def _check_grounds(previous: Release, observation: Observation) -> None:
    """What moves a step on: a pass, or a person's promotion of that step; nothing moves one on after a failure."""
    judgement = observation.judgement or Judgement(Verdict.INCONCLUSIVE, "nothing was measured")
    verdict = Verdict.FAIL if judgement.is_broken else judgement.verdict
    request = observation.request
    promotes = request is not None and request.kind == "promote" and request.step == previous.step_index
    assert verdict is Verdict.PASS or (promotes and verdict is not Verdict.FAIL)
    assert promotes or not judgement.suspects
    assert promotes or judgement.is_proven or not judgement.champion_is_sick
    assert not (request and request.kind in {"hold", "abort"})


def _check_test(previous: Release, observation: Observation, update: ReleaseUpdate, now: datetime) -> None:
    """An A/B test is taken when its hold has ended, once; a step of one moves on by its pass, or by a person."""
    updated, plan = update.release, previous.plan.ab
    assert updated.outcomes[: len(previous.outcomes)] == previous.outcomes
    if plan is None:
        assert not updated.outcomes
        return
    assert len(updated.outcomes) <= (1 if plan.extend_until is None else 2)
    ends = [previous.plan.bake] + ([plan.extend_until] if plan.extend_until else [])
    if len(updated.outcomes) > len(previous.outcomes):
        assert previous.traffic_since
        assert now >= previous.traffic_since + ends[len(previous.outcomes)]
        assert all(outcome.verdict is Verdict.INCONCLUSIVE for outcome in previous.outcomes)
    if updated.step_index > previous.step_index >= 0:
        promotes = observation.request is not None and observation.request.kind == "promote"
        assert promotes or updated.outcomes[-1].verdict is Verdict.PASS


def _check_hand_edit(previous: Release, observation: Observation) -> None:
    """A person's traffic is overwritten by a roll back, or where the policy says so; a late write of ours always."""
    if previous.state is ReleaseState.ROLLING_BACK or previous.plan.on_hand_edit == "repair":
        return
    allowed = [previous.traffic_at(previous.step_index), previous.traffic_at(max(previous.step_index, 0) - 1)]
    ours = [dict(split) for split in observation.claim.earlier] if observation.claim else []
    has_failed = observation.has_failed and previous.phase in {"shifting", "ending"}
    assert has_failed or observation.traffic in [*allowed, *ours]
    is_ending = previous.phase == "ending" or (
        observation.traffic in allowed and previous.state is ReleaseState.WATCHING
    )
    if previous.phase == "baking" or (
        previous.state in {ReleaseState.WATCHING, ReleaseState.SHADOWING} and not is_ending
    ):
        assert observation.traffic in ours


def _check_mirror(previous: Release, observation: Observation, update: ReleaseUpdate) -> None:
    updated = update.release
    for action in update.actions:
        if isinstance(action, SetMirror):
            assert previous.plan.mirror
            assert dict(action.mirror) in ({}, {previous.challenger.deployment: previous.plan.mirror})
    if previous.state is ReleaseState.SHADOWING:
        assert updated.traffic_steps == ()
        if updated.state is ReleaseState.CANARY or (updated.phase == "clearing" and previous.phase == "baking"):
            failed = observation.judgement and (
                observation.judgement.verdict is Verdict.FAIL or observation.judgement.is_broken
            )
            assert not (failed and previous.phase == "baking")
        if updated.state is ReleaseState.CANARY:
            assert not observation.mirror
    has_rolled_back = previous.state is ReleaseState.ROLLING_BACK and updated.state.is_terminal
    if has_rolled_back and previous.plan.mirror and previous.champion and observation.endpoint:
        assert not observation.mirror


def _check_probes(previous: Release, update: ReleaseUpdate, now: datetime) -> None:
    """Probes go to the two that are compared, as many to each, at most the plan's, once per interval."""
    for action in update.actions:
        if isinstance(action, SendProbes):
            assert previous.plan.probe
            assert previous.champion or previous.plan.kubernetes
            assert previous.phase == "baking" or previous.state is ReleaseState.WATCHING
            sent = [name for name, _ in action.requests]
            both = {serving.deployment for serving in (previous.champion, previous.challenger) if serving}
            assert set(sent) == both
            assert sent.count(V2) == len(sent) / len(both) <= previous.plan.probe.per_interval
            assert previous.probed_at is None or now.replace(second=0) > previous.probed_at.replace(second=0)
            assert update.release.probed_at == now


def _check_load(previous: Release, update: ReleaseUpdate) -> None:
    """Nothing gets traffic, or copies of it, before its load is sent and is within the bounds."""
    test, serves = previous.plan.smoke_test, not update.release.state.is_before_serving
    if previous.state is ReleaseState.DEPLOYING and serves and not update.release.state.is_terminal:
        load = previous.load or LoadCount()
        assert test is None or test.load is None or (load.sent >= LOAD.requests and load.sent - load.served <= 2)


def _check_calls(previous: Release, update: ReleaseUpdate) -> None:
    """Each call to decide is told once, while the question is open; a question does not outlive its release."""
    kinds = [notice.kind for notice in update.release.notices]
    for kind in (NoticeKind.APPROVAL_NEEDED, NoticeKind.APPROVAL_REMINDER, NoticeKind.APPROVAL_ESCALATED):
        assert kinds.count(kind) <= 1
    for kind in {notice.kind for notice in update.release.notices[len(previous.notices) :]}:
        if kind in {NoticeKind.APPROVAL_REMINDER, NoticeKind.APPROVAL_ESCALATED}:
            assert previous.state is update.release.state is ReleaseState.AWAITING_APPROVAL
    if any(isinstance(action, GiveBackEndpoint) for action in update.actions):
        was_awaiting = previous.history[-1].left is ReleaseState.AWAITING_APPROVAL
        assert was_awaiting is any(isinstance(action, CloseApproval) for action in update.actions)


def _check_memory(previous: Release, updated: Release) -> None:
    assert updated.notices[: len(previous.notices)] == previous.notices
    assert updated.history[: len(previous.history)] == previous.history
    assert len({notice.key for notice in updated.notices}) == len(updated.notices)
    assert (updated.plan, updated.id, updated.opened_by) == (previous.plan, previous.id, previous.opened_by)
    if updated.state is not previous.state:
        assert updated.history[-1].reason
        assert updated.history[-1].entered is updated.state
