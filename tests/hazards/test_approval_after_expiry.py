"""Approval after expiry: 410."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.releases.release import ReleaseState
from tests.hazards.offices import BEN, ReleaseOffice


@pytest.mark.parametrize("late_by", [timedelta(0), timedelta(seconds=1), timedelta(days=30)])
@pytest.mark.parametrize("has_noticed", [True, False], ids=["release_expired", "release_asleep"])
def test_an_approval_that_comes_too_late_is_gone(late_by: timedelta, has_noticed: bool) -> None:
    world = ReleaseOffice()
    release = world.ask(expires=timedelta(minutes=30))
    question = world.office.question(release)
    assert question is not None
    if has_noticed:
        world.run()
    world.pass_time(question.request.expires_at + late_by)

    assert world.office.vote(release, question.request.digest, BEN, "approve", "").status == 410

    world.run()
    assert world.release(release).state is ReleaseState.EXPIRED
    assert not [call for call in world.workspace.calls if call[0] == "create_deployment"]
