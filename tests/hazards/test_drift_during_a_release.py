"""Drift storm during a release (1,000 events in 60 s): attach to the release, at most one retraining per
model and cooldown.

A thousand measurements of one drift are a thousand facts, each recorded with why nothing more came of it, and one
training. The release that is under way goes on.
"""

from __future__ import annotations

from datetime import timedelta

from shared.domain.releases.release import ReleaseState
from tests.unit.engine.fact_world import World, drift

EVENTS = 1000
BURST_LENGTH = timedelta(seconds=60)


def test_a_thousand_drifts_in_a_minute_start_one_training_and_leave_the_release_alone() -> None:
    world = World()
    world.open_release()
    (item,) = world.releases.items()
    previous = world.releases.load(item.id)

    for number in range(EVENTS):
        world.process(drift(run=f"storm@{number}"))
        world.clock.advance(BURST_LENGTH / EVENTS)

    trainings = [call for call in world.azureml.calls if call[0] == "submit_job"]
    reasons = [reaction.suppressed for entry in world.entries() for reaction in entry.plan if reaction.suppressed]
    assert len(trainings) <= 1
    assert len(reasons) >= EVENTS - 1
    assert world.releases.load(item.id) == previous
    assert previous is not None
    assert previous.release.state is ReleaseState.OPENED
