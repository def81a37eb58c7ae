"""The release vertical on fakes: from a registered model to traffic, and back."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.failure import Failure
from shared.domain.ids import DeploymentName
from shared.domain.notice import NoticeKind
from shared.domain.releases.release import ReleaseState
from shared.errors import AccessRefusedError, PermanentError, RetryableError, WorkspaceBusyError, WorkspaceError
from shared.ports.queues import RELEASES
from tests.fakes.releases import a_plan
from tests.unit.engine.release_world import ENDPOINT, MINUTE, Killed, World


def test_a_healthy_version_goes_through_every_step_and_finishes() -> None:
    world = World()
    release = world.open()

    world.run()

    ended = world.release(release)
    assert (ended.state, ended.traffic_steps, ended.is_settled) == (ReleaseState.FINISHED, (10, 50, 95, 100), True)
    assert world.traffic == {"v-2": 100}
    assert [call for call in world.workspace.calls if call[0] == "set_traffic"] == [
        ("set_traffic", "v-1=90,v-2=10"),
        ("set_traffic", "v-1=50,v-2=50"),
        ("set_traffic", "v-1=5,v-2=95"),
        ("set_traffic", "v-2=100"),
    ]
    assert world.outbox.kinds == ["release-opened", "canary-started", "promoted"]
    claim = world.endpoints.read(ENDPOINT)
    assert (claim.owner, claim.champion, claim.last_known_good) == (None, ended.challenger, ended.champion)
    assert world.queue.texts(RELEASES) == []


def test_a_slow_and_failing_version_is_rolled_back_and_read_back() -> None:
    world = World()
    world.slowdown["v-2"], world.error_share["v-2"] = 2.4, 0.08
    release = world.open()

    world.run()

    ended = world.release(release)
    assert (ended.state, ended.traffic_steps) == (ReleaseState.ROLLED_BACK, (10,))
    assert world.traffic == {"v-1": 100}
    assert "times the champion's (tolerance 1.25)" in ended.reason
    assert "requests failed (champion 0 of" in ended.reason
    assert world.outbox.kinds == ["release-opened", "canary-started", "release-held", "rolled-back"]


def test_a_regression_after_the_promotion_is_rolled_back() -> None:
    world = World()
    release = world.open()
    world.run(until=lambda: world.release(release).state is ReleaseState.WATCHING)
    world.error_share["v-2"] = 0.2

    world.run()

    assert world.release(release).state is ReleaseState.ROLLED_BACK
    assert world.traffic == {"v-1": 100}


def test_after_the_promotion_nothing_is_rolled_back_to_a_champion_that_does_not_answer() -> None:
    world = World()
    release = world.open()
    world.run(until=lambda: world.release(release).state is ReleaseState.WATCHING)
    world.error_share["v-2"] = 0.2
    world.workspace.set_deployment_state(ENDPOINT, "v-1", "Failed")

    world.run(longest=timedelta(minutes=40))

    held = world.release(release)
    assert world.traffic == {"v-1": 5, "v-2": 95}
    assert (held.state, held.phase) == (ReleaseState.WATCHING, "asking")
    assert "deployment v-1 of the champion does not answer" in held.held_because
    assert "release-held" in world.outbox.kinds


def test_a_first_version_gets_all_the_traffic_at_once() -> None:
    world = World(champion=False)
    release = world.open("1")

    world.run()

    ended = world.release(release)
    assert (ended.state, ended.traffic_steps, ended.champion) == (ReleaseState.FINISHED, (100,), None)
    assert world.traffic == {"v-1": 100}


def test_a_version_that_fails_a_gate_gets_no_traffic() -> None:
    world = World()
    release = world.open()
    world.offer_scores(release, challenger_gain=0.0)

    world.run()

    ended = world.release(release)
    assert ended.state is ReleaseState.REJECTED
    assert "at least 0.6 is asked for" in ended.reason
    assert world.traffic == {"v-1": 100}
    assert world.outbox.kinds == ["release-opened", "release-rejected"]


def test_scores_that_never_come_are_no_good_news() -> None:
    world = World()
    release = world.open()
    world.data.tables.clear()

    world.run()

    ended = world.release(release)
    assert ended.state is ReleaseState.REJECTED
    assert "inconclusive" in ended.reason


def test_an_evaluation_job_that_fails_fails_the_release() -> None:
    world = World()
    world.workspace.job_outcome = "Failed"
    release = world.open()

    world.run()

    assert world.release(release).state is ReleaseState.FAILED
    assert world.release(release).reason == "evaluation job eval-flight-delay-2 ended as Failed"


def test_an_approved_release_goes_on_with_the_evidence_that_was_shown() -> None:
    world = World()
    release = world.open(approval=a_plan().approval)
    world.run(until=lambda: bool(world.approvals.requests))
    request = world.approvals.requests[0]
    world.approvals.decide("approved", world.clock.now())
    world.desk.wake(release)

    world.run()

    assert world.release(release).state is ReleaseState.FINISHED
    assert (request.approvers, request.submitter, request.submitter_may_approve) == (
        ("ben@example.com",),
        "ana@example.com",
        False,
    )
    assert any("roc_auc" in name for name, _ in request.evidence)
    needed = next(notice for notice in world.outbox.notices.values() if notice.kind == "approval-needed")
    assert needed.path == f"/api/approvals/{release}"


@pytest.mark.parametrize(
    ("decided", "state"),
    [
        pytest.param("rejected", ReleaseState.REJECTED, id="rejected"),
        pytest.param(None, ReleaseState.EXPIRED, id="nobody_answers"),
    ],
)
def test_without_approval_nothing_is_deployed(decided: Any, state: ReleaseState) -> None:
    world = World()
    release = world.open(approval=a_plan().approval)
    world.run(until=lambda: bool(world.approvals.requests))
    if decided:
        world.approvals.decide(decided, world.clock.now(), "too risky")

    world.run()

    assert world.release(release).state is state
    assert not [call for call in world.workspace.calls if call[0] == "create_deployment"]


def test_a_busy_endpoint_is_waited_for() -> None:
    world = World()
    busy = WorkspaceBusyError("workspace.busy", "still updating")
    world.workspace.errors = {"set_traffic": [busy, busy], "create_deployment": [busy]}
    release = world.open()

    world.run()

    assert world.release(release).state is ReleaseState.FINISHED


@pytest.mark.parametrize("method", ["endpoint", "set_traffic", "create_deployment"])
def test_a_release_is_not_looked_at_before_azure_wants_to_be_asked_again(method: str) -> None:
    world = World()
    release = world.open()
    world.workspace.errors = {
        method: [RetryableError("azure.throttled", "too often", retry_after=timedelta(minutes=3))]
    }

    world.run(until=lambda: not world.workspace.errors[method])

    assert world.release(release).wake_at == world.clock.now() + timedelta(minutes=3)
    world.run()
    assert world.release(release).state is ReleaseState.FINISHED


def test_a_role_that_is_taken_away_while_a_version_serves_is_told_at_once_and_the_release_goes_on_later() -> None:
    world = World()
    release = world.open()
    world.run(until=lambda: world.release(release).state is ReleaseState.CANARY)
    refused = AccessRefusedError("access.forbidden", "traffic of endpoint flight-delay: 403 AuthorizationFailed")
    world.workspace.errors = {"set_traffic": [refused] * 20}

    world.run(longest=timedelta(minutes=20))
    notices = [notice for notice in world.outbox.notices.values() if notice.kind is NoticeKind.NOT_RUNNING]
    world.workspace.errors = {}
    world.run()

    assert {notice.parameters["part"] for notice in notices} == {f"the traffic of release {release}"}
    assert world.release(release).state is ReleaseState.FINISHED


def test_a_deployment_that_does_not_come_up_fails_the_release() -> None:
    world = World()
    world.workspace.deployment_outcome = "Failed"
    release = world.open()

    world.run()

    assert world.release(release).state is ReleaseState.FAILED
    assert world.traffic == {"v-1": 100}


def test_a_refused_deployment_fails_the_release_with_the_refusal() -> None:
    world = World()
    world.workspace.errors = {"create_deployment": [WorkspaceError("workspace.refused", "no quota for 1 instance")]}
    release = world.open()

    world.run()

    assert world.release(release).state is ReleaseState.FAILED
    assert world.release(release).reason == "no quota for 1 instance"


@pytest.mark.parametrize("state", [ReleaseState.EVALUATING, ReleaseState.CANARY, ReleaseState.WATCHING])
def test_an_abort_always_wins(state: ReleaseState) -> None:
    world = World()
    release = world.open()
    world.run(until=lambda: world.release(release).state is state)
    world.desk.request_abort(release, "ana@example.com", "complaints")
    world.desk.request_resume(release, "ben@example.com", "they are wrong")

    world.run()

    assert world.release(release).state is ReleaseState.ABORTED
    assert world.traffic == {"v-1": 100}
    assert world.release(release).reason.startswith("ana@example.com asked to abort: complaints")


def test_traffic_changed_by_hand_holds_the_release_and_is_told_once() -> None:
    world = World()
    release = world.open()
    world.run(until=lambda: world.release(release).phase == "baking")
    world.workspace.set_traffic(ENDPOINT, {DeploymentName("v-1"): 70, DeploymentName("v-2"): 30})

    world.run(longest=timedelta(minutes=20))

    assert world.release(release).held_because == "the traffic was changed by hand to v-1 70 %, v-2 30 %"
    assert world.traffic == {"v-1": 70, "v-2": 30}
    assert world.outbox.kinds.count("release-held") == 1


def test_without_measurements_the_step_is_held_and_aborted_at_its_deadline() -> None:
    world = World()
    release = world.open()
    world.run(until=lambda: world.release(release).phase == "baking")
    world.telemetry.errors = [RetryableError("monitor.down", "no answer")] * 10_000

    world.run()

    ended = world.release(release)
    assert (ended.state, ended.traffic_steps) == (ReleaseState.ABORTED, (10,))
    assert world.traffic == {"v-1": 100}


def test_a_deleted_endpoint_loses_the_release_and_is_not_created_again() -> None:
    world = World()
    release = world.open()
    world.run(until=lambda: world.release(release).state is ReleaseState.CANARY)
    del world.workspace.endpoints[ENDPOINT]

    world.run()

    assert world.release(release).state is ReleaseState.LOST
    assert ENDPOINT not in world.workspace.endpoints


def test_a_second_release_waits_for_the_endpoint_and_then_goes() -> None:
    world = World()
    first = world.open("2")
    world.run(until=lambda: world.release(first).state is ReleaseState.CANARY)
    second = world.open("3")
    world.run(until=lambda: world.release(first).state is ReleaseState.WATCHING)
    assert world.release(second).reason == f"waiting for endpoint flight-delay, held by {first}"

    world.run()

    assert [world.release(release).state for release in (first, second)] == [ReleaseState.FINISHED] * 2
    assert world.release(second).champion == world.release(first).challenger
    assert world.traffic == {"v-3": 100}


@pytest.mark.parametrize("order", list(itertools.permutations(["1", "2", "3"])), ids="-".join)
def test_versions_in_any_order_end_with_the_highest(order: tuple[str, ...]) -> None:
    world = World(champion=False)
    releases = {version: world.open(version) for version in order}

    world.run()

    assert world.traffic == {"v-3": 100}
    assert world.release(releases["3"]).state is ReleaseState.FINISHED
    assert {world.release(releases[version]).state for version in ("1", "2")} == {ReleaseState.SUPERSEDED}


def test_wake_ups_do_not_multiply() -> None:
    world = World()
    release = world.open(approval=a_plan().approval)
    world.run(until=lambda: bool(world.approvals.requests))
    for _ in range(5):
        world.desk.wake(release)

    world.run(longest=timedelta(minutes=30))

    assert len(world.queue.texts(RELEASES)) == 1


def test_a_lost_wake_up_is_found_by_the_sweep() -> None:
    world = World()
    release = world.open()
    world.run(until=lambda: world.release(release).state is ReleaseState.CANARY)
    world.queue.messages.clear()
    world.clock.advance(timedelta(minutes=3))

    world.sweep()
    world.run()

    assert world.release(release).state is ReleaseState.FINISHED


def test_notices_survive_an_outbox_that_is_down() -> None:
    world = World()
    world.outbox.errors = [RetryableError("outbox.down", "later")]
    release = world.open()

    with pytest.raises(RetryableError):
        world.run()
    world.desk.wake(release)
    world.run()

    assert world.outbox.kinds == ["release-opened", "canary-started", "promoted"]


@pytest.mark.parametrize("message", ["", "[]", "{}", '{"release": "x", "at": "soon"}', "\x00"])
def test_a_message_of_somebody_else_is_refused_for_good(message: str) -> None:
    with pytest.raises(PermanentError, match="cannot be read"):
        World().reconciler.handle(message)


def test_a_worker_that_wakes_late_does_nothing() -> None:
    world = World()
    release = world.open()
    world.run(until=lambda: world.release(release).phase == "shifting")
    stale = world.releases.load(release)
    assert stale is not None
    assert world.releases.save(stale, replace(stale.release, reason="moved by another worker")) is not None
    load = world.releases.load
    world.releases.load = lambda release: stale  # type: ignore[method-assign]
    world.workspace.set_traffic(ENDPOINT, {DeploymentName("v-1"): 100})
    written = len(world.workspace.calls)

    world.reconciler.reconcile(release)

    world.releases.load = load  # type: ignore[method-assign]
    assert len(world.workspace.calls) == written
    assert world.release(release).reason == "moved by another worker"


KILL_POINTS = [
    (where, method)
    for where, methods in {
        "workspace": ("submit_job", "create_deployment", "set_traffic"),
        "blobs": ("replace", "create"),
        "queue": ("send",),
        "outbox": ("post",),
    }.items()
    for method in methods
]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("where", "method"), KILL_POINTS, ids=lambda value: str(value))
@pytest.mark.parametrize("is_bad", [False, True], ids=["healthy", "bad"])
def test_dying_at_any_boundary_changes_no_outcome(where: str, method: str, moment: str, is_bad: bool) -> None:
    world = World()
    if is_bad:
        world.error_share["v-2"] = 0.2
    release = world.open()
    deaths = _mortal(getattr(world, where), method, moment)
    while not world.release(release).is_settled:
        try:
            world.run()
        except Killed:
            world.queue.messages.clear()
        world.pass_time(world.clock.now() + MINUTE)
        with contextlib.suppress(Killed):
            world.desk.wake(release)

    assert deaths
    ended = world.release(release)
    expected = (ReleaseState.ROLLED_BACK, {"v-1": 100}) if is_bad else (ReleaseState.FINISHED, {"v-2": 100})
    assert (ended.state, world.traffic) == expected
    assert world.endpoints.read(ENDPOINT).owner is None
    assert len({request.name for request in world.workspace.requests}) == len(world.workspace.requests)
    assert world.outbox.kinds[-1] == ("rolled-back" if is_bad else "promoted")


def _mortal(port: Any, method: str, moment: str) -> list[str]:
    """Make every third call of a method die, before it has its effect or right after; return the list of deaths.

    Every boundary is met in one run or another, and in between there is some progress.
    """
    original = getattr(port, method)
    deaths: list[str] = []
    calls = itertools.count()

    def call(*args: Any, **kwargs: Any) -> Any:
        dies = next(calls) % 3 == 0
        if not dies or moment == "after":
            result = original(*args, **kwargs)
        if dies:
            deaths.append(method)
            raise Killed
        return result

    setattr(port, method, call)
    return deaths


def test_waiting_for_a_busy_endpoint_is_told_once_and_calls_for_nobody() -> None:
    world = World()
    first = world.open("2")
    world.run(until=lambda: world.release(first).state is ReleaseState.CANARY)
    second = world.open("3")
    world.run(longest=timedelta(minutes=2))

    (notice,) = (posted for posted in world.outbox.notices.values() if posted.kind == "release-held")
    assert notice.parameters["release"] == second
    assert notice.parameters["reason"] == f"waiting for endpoint flight-delay, held by {first}"
    assert not world.release(second).held_because


def test_a_canary_without_data_is_told_once_a_step() -> None:
    world = World()
    release = world.open()
    world.run(until=lambda: world.release(release).phase == "baking")
    world.telemetry.errors = [RetryableError("monitor.down", "no answer")] * 10_000
    world.run(longest=timedelta(minutes=30))

    (notice,) = (posted for posted in world.outbox.notices.values() if posted.kind == "release-held")
    assert "the measurements cannot be read: no answer" in notice.parameters["reason"]
    assert world.release(release).held_because


def test_why_a_deployment_did_not_come_up_is_in_the_release_and_in_the_notice() -> None:
    world = World()
    world.workspace.deployment_outcome = "Failed"
    world.workspace.failures[f"{ENDPOINT}/v-2"] = Failure("no quota for Standard_F4s_v2", "starting\nno memory")
    release = world.open()

    world.run()

    ended = world.release(release)
    assert ended.reason == "deployment v-2 did not come up: Failed: no quota for Standard_F4s_v2"
    assert ended.history[-1].evidence == {"log": "starting · no memory"}
    (notice,) = (posted for posted in world.outbox.notices.values() if posted.kind == "release-failed")
    assert (notice.parameters["reason"], notice.parameters["log"]) == (ended.reason, "starting · no memory")


def test_a_job_is_canceled_although_the_next_release_has_the_endpoint_by_now() -> None:
    world = World()
    world.workspace.job_outcome = "Running"
    first = world.open()
    world.run(until=lambda: bool(world.workspace.jobs))
    really = world.workspace.cancel_job

    def is_lost(name: str) -> None:
        raise RetryableError("workspace.retry", f"no answer about {name}")

    world.workspace.cancel_job = is_lost  # type: ignore[method-assign]
    world.desk.request_abort(first, "ben@example.com", "complaints")
    world.run(until=lambda: world.release(first).state is ReleaseState.ABORTED)
    second = world.open("3")
    world.run(until=lambda: world.endpoints.read(ENDPOINT).owner == second)
    world.run(longest=timedelta(minutes=5))
    assert not world.release(first).is_settled

    world.workspace.cancel_job = really  # type: ignore[method-assign]
    world.run(longest=timedelta(minutes=5))

    assert world.release(first).is_settled
    assert world.workspace.jobs[f"eval-{first}"].status == "Canceled"
    assert world.endpoints.read(ENDPOINT).owner == second


def test_why_an_evaluation_failed_is_in_the_release_and_in_the_notice() -> None:
    world = World()
    world.workspace.job_outcome = "Failed"
    release = world.open()
    link = "https://ml.azure.com/runs/eval"
    world.workspace.failures[f"eval-{release}"] = Failure("", "KeyError: 'late'", link)

    world.run()

    assert world.release(release).reason == f"evaluation job eval-{release} ended as Failed: KeyError: 'late'"
    (notice,) = (posted for posted in world.outbox.notices.values() if posted.kind == "release-failed")
    assert notice.parameters["studio"] == link
