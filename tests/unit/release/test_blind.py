"""A release whose world cannot be seen: its deadlines act, and people are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.ids import DeploymentName, ModelVersion
from shared.domain.notice import NoticeKind
from shared.domain.releases.release import Release, ReleaseRequest, ReleaseState, Serving
from shared.domain.releases.verdict import Judgement, Verdict
from shared.release.advance import advance
from shared.release.core.actions import Action
from shared.release.core.observation import Observation
from tests.fakes.releases import NOW, a_plan, a_release

UNSEEN = Observation(unseen="endpoint flight-delay: 503 Service Unavailable")
CHAMPION = Serving(DeploymentName("v-1"), ModelVersion("1"))
HOUR = timedelta(hours=1)


def in_state(state: ReleaseState) -> Release:
    plan = a_plan()
    return replace(a_release(plan=plan), state=state, champion=CHAMPION, deadline=NOW + HOUR, reason="as arranged")


def looks(release: Release, until: datetime, observation: Observation = UNSEEN) -> tuple[Release, int]:
    """Return the release after it was looked at whenever it asked for it, and how often that was."""
    now, count = NOW, 0
    while now < until and not release.state.is_terminal:
        release, count = advance(release, observation, now).release, count + 1
        now = max(release.wake_at, now + timedelta(milliseconds=1))
    return release, count


@pytest.mark.parametrize(
    ("state", "ends_as"),
    [
        (ReleaseState.OPENED, ReleaseState.FAILED),
        (ReleaseState.GATING, ReleaseState.REJECTED),
        (ReleaseState.EVALUATING, ReleaseState.FAILED),
        (ReleaseState.AWAITING_APPROVAL, ReleaseState.EXPIRED),
        (ReleaseState.DEPLOYING, ReleaseState.FAILED),
        (ReleaseState.COMPARING, ReleaseState.FAILED),
        (ReleaseState.SHADOWING, ReleaseState.ROLLING_BACK),
        (ReleaseState.CANARY, ReleaseState.ROLLING_BACK),
    ],
)
def test_a_deadline_acts_although_nothing_can_be_seen(state: ReleaseState, ends_as: ReleaseState) -> None:
    early, _ = looks(in_state(state), NOW + HOUR - timedelta(minutes=2))
    assert early.state is state

    late, _ = looks(early, NOW + HOUR + timedelta(minutes=1))

    assert late.state is ends_as
    assert "503 Service Unavailable" in late.reason


def test_people_are_told_once_within_five_minutes_and_it_is_looked_at_at_most_sixty_times_an_hour() -> None:
    release, few = looks(in_state(ReleaseState.CANARY), NOW + timedelta(minutes=5))
    assert [notice.kind for notice in release.notices].count(NoticeKind.RELEASE_HELD) == 1
    assert "503" in release.held_because

    release, count = looks(in_state(ReleaseState.CANARY), NOW + HOUR)
    assert [notice.kind for notice in release.notices].count(NoticeKind.RELEASE_HELD) == 1
    assert few < count <= 60


def test_one_look_in_vain_at_the_deadline_ends_nothing() -> None:
    release = in_state(ReleaseState.EVALUATING)
    assert advance(release, UNSEEN, NOW + HOUR).release.state is ReleaseState.EVALUATING


def test_what_can_be_seen_again_is_not_held_any_more() -> None:
    release, _ = looks(in_state(ReleaseState.OPENED), NOW + timedelta(minutes=10))
    advanced = advance(release, Observation(), NOW + timedelta(minutes=11)).release
    assert (advanced.unseen_since, advanced.held_because) == (None, "")


@pytest.mark.parametrize(
    ("state", "then"), [("canary", "rolling_back"), ("evaluating", "aborted"), ("watching", "rolling_back")]
)
def test_an_abort_wins_although_nothing_can_be_seen(state: str, then: str) -> None:
    abort = ReleaseRequest("abort", "ana@example.com", "complaints", NOW)
    update = advance(in_state(ReleaseState(state)), replace(UNSEEN, request=abort), NOW)
    assert (update.release.state, update.actions) == (then, ())


def test_a_watch_that_ends_unseen_asks_people_and_an_unanswered_question_goes_back() -> None:
    asking, _ = looks(in_state(ReleaseState.WATCHING), NOW + HOUR + timedelta(minutes=1))
    assert (asking.state, asking.phase) == ("watching", "asking")
    assert "vigia releases promote" in asking.held_because

    back, _ = looks(replace(asking, deadline=NOW + HOUR), NOW + HOUR + timedelta(minutes=1))
    assert back.state is ReleaseState.ROLLING_BACK


def test_a_roll_back_that_sees_nothing_calls_people_at_each_deadline_and_writes_nothing() -> None:
    release = in_state(ReleaseState.ROLLING_BACK)
    now, actions = NOW, list[Action]()
    while now < NOW + 3 * HOUR:
        update = advance(release, UNSEEN, now)
        release, now = update.release, update.wake_at
        actions += update.actions
    assert release.state is ReleaseState.ROLLING_BACK
    assert [notice.kind for notice in release.notices].count(NoticeKind.RELEASE_HELD) >= 4
    assert actions == []


def test_measurements_that_cannot_be_read_are_told_once() -> None:
    unread = "the measurements cannot be read: 403 Forbidden"
    observation = Observation(judgement=Judgement(Verdict.INCONCLUSIVE, unread, has_data=False, unread=unread))
    release = replace(in_state(ReleaseState.WATCHING), unseen_since=NOW - timedelta(minutes=3))
    from shared.release.core.transitions import stay
    from shared.release.states.blind import unmeasured

    release_update = unmeasured(release, stay(release, NOW), observation, NOW)
    again = unmeasured(
        release_update.release, stay(release_update.release, NOW), observation, NOW + timedelta(minutes=1)
    )

    assert [notice.parameters["reason"] for notice in again.release.notices[1:]] == [unread]
