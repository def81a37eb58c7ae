"""Timer against approval: one decision blob."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from shared.domain.releases.release import ReleaseState
from shared.engine.releases.approvals import Approvals
from tests.fakes.app import MemoryApp
from tests.fakes.clock import FakeClock
from tests.hazards.offices import BEN, CARLA, ReleaseOffice
from tests.unit.engine.release_world import SETTINGS

ROUNDS = 25


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_the_deadline_and_the_people_race_and_one_decides(round_: int) -> None:
    world = ReleaseOffice()
    release = world.ask(expires=timedelta(hours=1))
    question = world.office.question(release)
    assert question is not None
    digest, expires = question.request.digest, question.request.expires_at
    in_time = _at(world, expires - timedelta(microseconds=1))
    too_late = _at(world, expires)
    barrier = threading.Barrier(4)

    def race(act: Callable[[], object]) -> None:
        barrier.wait()
        act()

    acts: list[Callable[[], object]] = [
        lambda: in_time.vote(release, digest, BEN, "approve", ""),
        lambda: in_time.vote(release, digest, CARLA, "reject", "no"),
        lambda: too_late.decision(release, digest),
        lambda: too_late.decision(release, digest),
    ]
    threads = [threading.Thread(target=race, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    decision = too_late.decision(release, digest)
    assert len(world.decisions()) == 1
    assert decision is not None
    world.pass_time(expires)
    world.desk.wake(release)
    world.run(until=lambda: world.release(release).state is not ReleaseState.AWAITING_APPROVAL)
    expected = {
        "approved": ReleaseState.DEPLOYING,
        "rejected": ReleaseState.REJECTED,
        "expired": ReleaseState.EXPIRED,
    }
    assert expected[decision.choice] in {move.entered for move in world.release(release).history}


def _at(world: ReleaseOffice, moment: datetime) -> Approvals:
    app = MemoryApp(SETTINGS, FakeClock(moment), (), blobs=world.blobs, decision_blobs=world.blobs, queue=world.queue)
    return app.approvals
