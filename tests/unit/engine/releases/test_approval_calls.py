"""Waiting for people: reminders, escalation, questions whose release has ended, and undo that is asked about."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.ids import ModelName, ModelVersion, ReleaseId
from shared.domain.releases.release import ReleaseState
from shared.engine.releases.approvals import Approvals
from shared.engine.releases.reopen import Wish
from shared.store.releases.approvals import ApprovalRecords
from tests.fakes.releases import a_plan
from tests.unit.engine.release_world import ENDPOINT, NO_APPROVAL, World

HOUR = timedelta(hours=1)
QUESTION = replace(a_plan().approval, expires=24 * HOUR, remind_after=12 * HOUR, escalate_after=18 * HOUR)
WHO = "ben@example.com"


class Asking(World):
    """A release of version 2 that waits for Ben, with real approvals."""

    def __init__(self, **approval: Any) -> None:
        super().__init__()
        self.office = Approvals(ApprovalRecords(self.blobs), self.queue, self.clock)
        self.approvals = self.office  # type: ignore[assignment]
        self.id = self.open(approval=replace(QUESTION, **approval))
        self.run(until=lambda: self.is_waiting)
        self.digest = self.release(self.id).approval_digest

    @property
    def is_waiting(self) -> bool:
        return self.release(self.id).state is ReleaseState.AWAITING_APPROVAL and bool(self.release(self.id).posted)

    def wait(self, hours: float) -> list[str]:
        """Return what people were told within so many hours, about deciding."""
        previous = len(self.outbox.kinds)
        self.run(longest=timedelta(hours=hours))
        return [kind for kind in self.outbox.kinds[previous:] if kind.startswith("approval")]


def test_people_are_reminded_half_way_then_others_are_told_and_each_once() -> None:
    world = Asking()
    assert world.wait(11.9) == []
    assert world.wait(0.2) == ["approval-reminder"]
    assert world.wait(5.8) == []
    assert world.wait(0.2) == ["approval-escalated"]
    assert world.wait(5) == []
    assert world.wait(2) == ["approval-expired"]


def test_a_worker_that_slept_tells_both_at_once_and_the_deadline_counts() -> None:
    world = Asking()
    world.clock.advance(20 * HOUR)
    assert world.wait(0.1) == ["approval-reminder", "approval-escalated"]


def test_releases_of_earlier_versions_remind_nobody() -> None:
    world = Asking(remind_after=None, escalate_after=None)
    assert world.wait(25) == ["approval-expired"]


def test_whoever_answers_in_time_is_not_reminded() -> None:
    world = Asking()
    world.office.vote(world.id, world.digest, WHO, "reject", "too slow")
    assert world.wait(30) == []
    assert world.release(world.id).state is ReleaseState.REJECTED


def test_an_abort_closes_the_question_and_an_answer_is_told_why() -> None:
    world = Asking()
    world.desk.request_abort(world.id, "ana@example.com", "found a bug")
    world.run()

    outcome = world.office.vote(world.id, world.digest, WHO, "approve", "")

    assert (outcome.status, outcome.code) == (410, "closed")
    assert outcome.decision is not None
    assert outcome.decision.reason == "aborted, ana@example.com asked to abort: found a bug"
    assert world.office.open_questions() == ()
    assert world.release(world.id).state is ReleaseState.ABORTED


def test_a_newer_version_closes_the_question() -> None:
    world = Asking()
    world.open("3", approval=NO_APPROVAL)
    world.run()
    outcome = world.office.vote(world.id, world.digest, WHO, "approve", "")
    assert (outcome.status, outcome.code) == (410, "closed")
    assert outcome.decision is not None
    assert outcome.decision.reason.startswith("superseded, version 3 is on its way")


def test_what_was_decided_stays_when_the_release_ends() -> None:
    world = Asking()
    world.office.vote(world.id, world.digest, WHO, "reject", "too slow")
    world.run()
    assert world.office.vote(world.id, world.digest, WHO, "reject", "too slow").code == "rejected"


@pytest.mark.parametrize("for_undo", [True, False])
def test_an_undo_is_asked_about_where_the_policy_says_so(for_undo: bool) -> None:
    world = World()
    first = world.open()
    world.run()
    assert world.release(first).state is ReleaseState.FINISHED
    plan = a_plan(approval=replace(NO_APPROVAL, for_undo=for_undo))
    wish = Wish(ModelName("flight-delay"), ENDPOINT, ModelVersion("1"), "ana@example.com", "worse on holidays")

    undone = world.undoer.open(wish, plan).id
    world.run(until=lambda: world.release(ReleaseId(undone)).phase == "baking", longest=HOUR)

    entered = {move.entered for move in world.release(undone).history}
    assert (ReleaseState.AWAITING_APPROVAL in entered) is for_undo
    assert (ReleaseState.DEPLOYING in entered) is not for_undo
