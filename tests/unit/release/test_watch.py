"""The watch after a promotion: what is held back, what goes back, and what becomes of an end that is not proven."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.ids import ModelVersion
from shared.domain.releases.release import Release, ReleaseRequest, ReleaseState, Serving
from shared.domain.releases.verdict import Judgement, Verdict
from shared.ports.endpoints import EndpointRecord
from shared.release.advance import advance
from shared.release.core.actions import SetTraffic
from shared.release.core.judgements import serves_unproven
from shared.release.core.observation import Observation
from shared.release.core.transitions import CALL_AGAIN_AFTER, SHIFT_WITHIN, ReleaseUpdate
from tests.fakes.releases import NOW, a_plan, a_release
from tests.unit.release.test_advance import BOTH, ENDPOINT, V1, V2, an_endpoint

END = NOW + timedelta(minutes=20)
WELL = Judgement(Verdict.PASS, "0 of 900 failed", numbers={"requests": 900.0}, is_proven=True)
LITTLE = Judgement(Verdict.INCONCLUSIVE, "0 of 11 failed", numbers={"requests": 11.0})
FAILED = Judgement(Verdict.FAIL, "31 of 512 failed", numbers={"requests": 512.0})
BROKEN = Judgement(
    Verdict.FAIL,
    "24 of 44 failed",
    numbers={"requests": 44.0, "errors": 24.0, "champion_requests": 12.0, "champion_errors": 0.0},
    is_broken=True,
)


def watched(holdback: int = 5, champion: bool = True, **changes: Any) -> Release:
    plan = a_plan(holdback=holdback, **changes.pop("plan", {}))
    values: dict[str, Any] = {
        "state": ReleaseState.WATCHING,
        "champion": Serving(V1, ModelVersion("1")) if champion else None,
        "step_index": 2 if champion else 0,
        "traffic_steps": (10, 50, 100 - holdback),
        "traffic_since": NOW,
        "deadline": END,
    }
    return replace(a_release(plan=plan), **{**values, **changes})


def beside(**traffic: int) -> EndpointRecord:
    return an_endpoint("Succeeded", "flight-delay", **(traffic or {"v_1": 5, "v_2": 95}))


def look(release: Release, judgement: Judgement | None, at: Any = NOW, **observed: Any) -> ReleaseUpdate:
    return advance(release, Observation(**{"endpoint": beside(), "judgement": judgement, **observed}), at)


def request(kind: Any, is_automatic: bool = False, at_step: int | None = None) -> ReleaseRequest:
    return ReleaseRequest(kind, "ana@example.com", "because", NOW, at_step, is_automatic=is_automatic)


def test_a_watch_that_ends_well_takes_what_was_held_back_and_finishes_when_that_is_read_back() -> None:
    ending = look(watched(), WELL, END)
    assert ending.actions == (SetTraffic(ENDPOINT, {V2: 100}),)
    assert (ending.release.state, ending.release.phase) == (ReleaseState.WATCHING, "ending")

    ended = look(ending.release, None, END, endpoint=beside(v_2=100)).release
    assert (ended.state, ended.traffic_steps) == (ReleaseState.FINISHED, (10, 50, 95, 100))
    assert ended.reason == "watched for 20 min without a failure: 0 of 900 failed"


def test_traffic_that_is_not_taken_over_in_time_calls_people_and_is_written_again() -> None:
    ending = look(watched(), WELL, END).release
    late = look(ending, None, END + SHIFT_WITHIN)
    assert late.release.held_because == "the traffic is still v-1 5 %, v-2 95 % instead of v-2 100 %"
    assert late.release.deadline == END + SHIFT_WITHIN + CALL_AGAIN_AFTER
    again = look(late.release, None, late.wake_at)
    assert again.actions == (SetTraffic(ENDPOINT, {V2: 100}),)


def test_no_more_is_held_back_than_the_last_step_left_the_champion() -> None:
    release = watched(holdback=10, plan={"steps": (50, 97, 100)})
    assert release.traffic_at(2) == {V1: 3, V2: 97}
    assert watched(champion=False).traffic_at(0) == {V2: 100}


def test_what_fails_beside_the_champion_goes_back() -> None:
    for judgement in (FAILED, BROKEN):
        update = look(watched(), judgement).release
        assert (update.state, update.ends_as) == (ReleaseState.ROLLING_BACK, ReleaseState.ROLLED_BACK)


@pytest.mark.parametrize(
    ("release", "judgement", "endpoint", "reason"),
    [
        pytest.param(watched(holdback=0), FAILED, beside(v_2=100), "no traffic beside it", id="nothing_held_back"),
        pytest.param(watched(holdback=0), BROKEN, beside(v_2=100), "no traffic beside it", id="broken_alone"),
        pytest.param(
            watched(), replace(FAILED, champion_is_sick=True), beside(), "fails too many requests itself", id="sick"
        ),
        pytest.param(
            watched(),
            replace(BROKEN, numbers={**BROKEN.numbers, "champion_requests": 3.0, "champion_errors": 1.0}),
            beside(),
            "not known to do better",
            id="an_outage_of_both",
        ),
        pytest.param(
            watched(),
            FAILED,
            replace(beside(), deployments=(replace(BOTH[0], state="Failed"), BOTH[1])),
            "does not answer",
            id="down",
        ),
        pytest.param(
            watched(),
            FAILED,
            replace(beside(v_2=100), deployments=(BOTH[1],)),
            "v-1 of the champion was deleted",
            id="gone",
        ),
        pytest.param(
            watched(champion=False), BROKEN, beside(v_2=100), "no earlier version to go back to", id="first_version"
        ),
    ],
)
def test_a_failure_that_may_be_shared_or_has_nowhere_to_go_holds_and_calls_people(
    release: Release, judgement: Judgement, endpoint: EndpointRecord, reason: str
) -> None:
    update = look(release, judgement, endpoint=endpoint)
    assert (update.release.state, update.actions) == (ReleaseState.WATCHING, ())
    assert reason in update.release.held_because
    assert update.release.notices[-1].kind == "release-held"

    late = look(update.release, judgement, END, endpoint=endpoint)
    assert (late.release.state, late.release.phase) == (ReleaseState.WATCHING, "asking")


@pytest.mark.parametrize(
    "judgement",
    [
        pytest.param(LITTLE, id="little_traffic"),
        pytest.param(replace(WELL, needs_a_person=True), id="many_failures"),
        pytest.param(replace(WELL, suspects=True), id="suspected"),
        pytest.param(None, id="nothing_measured"),
    ],
)
def test_an_end_that_is_not_proven_asks_a_person(judgement: Judgement | None) -> None:
    update = look(watched(), judgement, END).release
    assert (update.state, update.phase, update.deadline) == (ReleaseState.WATCHING, "asking", END + timedelta(hours=24))
    assert update.reason.startswith("watched for 20 min, and not proven: ")
    assert f"vigia releases promote {update.id} keeps it" in update.held_because


def test_a_version_that_passed_its_steps_needs_no_second_proof() -> None:
    assert look(watched(has_passed=True), LITTLE, END).release.phase == "ending"
    waiting = look(watched(has_passed=True), replace(LITTLE, needs_a_person=True), END).release
    assert waiting.phase == "asking"


def test_a_policy_may_have_it_go_back_instead() -> None:
    update = look(watched(plan={"on_undecided": "roll-back"}), LITTLE, END).release
    assert (update.state, update.ends_as) == (ReleaseState.ROLLING_BACK, ReleaseState.ABORTED)


def test_releases_from_before_the_question_end_as_they_did() -> None:
    release = watched(holdback=0, plan={"on_undecided": "finish"})
    ended = look(release, LITTLE, END, endpoint=beside(v_2=100)).release
    assert (ended.state, serves_unproven(ended)) == (ReleaseState.FINISHED, False)


def test_a_person_may_keep_it_which_is_not_forgotten() -> None:
    asking = look(watched(), LITTLE, END).release
    release = look(asking, LITTLE, END, request=request("promote", at_step=2)).release
    ended = look(release, None, END, endpoint=beside(v_2=100)).release
    assert ended.state is ReleaseState.FINISHED
    assert ended.reason == "ana@example.com asked to promote: because; the judge had said inconclusive: 0 of 11 failed"
    assert serves_unproven(ended)


def test_nobody_answering_takes_it_back_and_proof_that_comes_late_counts() -> None:
    asking = look(watched(), LITTLE, END).release
    assert look(asking, WELL, END + timedelta(hours=1)).release.phase == "ending"
    late = look(asking, LITTLE, END + timedelta(hours=24)).release
    assert (late.state, late.ends_as) == (ReleaseState.ROLLING_BACK, ReleaseState.ABORTED)
    assert late.reason.startswith("nobody decided within 1 d: watched for 20 min, and not proven")


def test_nobody_answering_leaves_it_where_the_champion_cannot_take_the_traffic() -> None:
    sick = replace(LITTLE, champion_is_sick=True)
    asking = look(watched(), sick, END).release
    late = look(asking, sick, asking.deadline).release
    assert (late.state, late.phase, late.deadline) == (
        ReleaseState.WATCHING,
        "asking",
        END + timedelta(hours=24) + CALL_AGAIN_AFTER,
    )
    assert len([notice for notice in late.notices if notice.kind == "release-held"]) == 2


def test_a_suspicion_holds_and_is_over_when_it_is_gone() -> None:
    held = look(watched(), replace(WELL, suspects=True)).release
    assert held.held_because == "suspected: 0 of 900 failed"
    assert look(held, WELL, NOW + timedelta(minutes=1)).release.held_because == ""


def test_an_alert_takes_nothing_back_to_a_sick_champion_and_a_person_may() -> None:
    sick = replace(WELL, champion_is_sick=True)
    alert = look(watched(), sick, request=request("abort", is_automatic=True)).release
    assert alert.state is ReleaseState.WATCHING
    assert "the champion fails too many requests itself" in alert.held_because
    person = look(watched(), sick, request=request("abort")).release
    assert person.state is ReleaseState.ROLLING_BACK
    assert "the champion is in trouble" in person.reason


def test_a_hold_keeps_the_watch_from_ending() -> None:
    held = look(watched(), WELL, END, request=request("hold")).release
    assert (held.phase, held.reason) == ("asking", "ana@example.com asked to hold: because")
    assert look(held, WELL, END + timedelta(minutes=1), request=request("resume")).release.phase == "ending"


def test_a_promoted_version_is_not_called_one_with_all_the_traffic() -> None:
    shifting = watched(state=ReleaseState.CANARY, phase="shifting", traffic_steps=(10, 50), traffic_since=None)
    update = look(shifting, None).release
    assert (update.state, update.traffic_steps) == (ReleaseState.PROMOTED, (10, 50, 95))
    assert update.reason == "version 2 has 95 % of the traffic, 5 % stay with the champion until the watch is over"
