"""The harness catches workers that are broken on purpose: what it does not find in the real ones is not there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import pytest

from tests.chaos import policies
from tests.chaos.campaign import CLAIMED, Campaign
from tests.chaos.points import Call, Moment, Point
from tests.chaos.town import Town

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked, killed and frozen")

SUBMIT = Call("events", "submit_job", "")
EVALUATED = Point("after", Call("releases", "submit_job", ""))
STEPPED = Point("before", Call("releases", "set_traffic", str(policies.STEPS[1])))
DONE = Call("events", "replace", "ledger/done")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with Town(tmp_path_factory.mktemp("broken") / "town", in_steps=["in-steps-0", "in-steps-1"]) as town:
        yield town


@pytest.mark.parametrize(
    ("broken", "moment", "expected"),
    [
        pytest.param("", "before", (0, 0), id="whole"),
        pytest.param("", "after", (0, 0), id="whole_after"),
        pytest.param("random-names", "after", (0, 1), id="random_names"),
        pytest.param("done-before-effect", "before", (1, 0), id="done_before_effect"),
    ],
)
def test_lost_and_doubled_jobs_are_found(town: Town, broken: str, moment: Moment, expected: tuple[int, int]) -> None:
    campaign = Campaign(town, broken)
    assert campaign.kill_at([Point(moment, SUBMIT)]) == []
    campaign.settle()
    tally = campaign.tally()
    jobs = [effect for effect in tally.lost if effect.startswith("job")]
    assert (len(jobs), len(tally.doubled)) == expected


@pytest.mark.parametrize(("broken", "is_accepted"), [("", False), ("unconditional-done", True)])
def test_a_zombie_that_overwrites_what_others_did_is_counted(town: Town, broken: str, is_accepted: bool) -> None:
    campaign = Campaign(town, broken)
    assert campaign.freeze_at([Point("before", DONE)]) == 1
    assert bool(campaign.tally().late_accepted) == is_accepted


@pytest.mark.parametrize(
    ("broken", "point", "effect"),
    [
        pytest.param("evaluation-in-memory", EVALUATED, "evaluation of release", id="evaluated_twice"),
        pytest.param("steps-by-hearsay", STEPPED, "traffic of", id="step_left_out"),
    ],
)
def test_releases_that_evaluate_twice_or_leave_a_step_out_are_found(
    town: Town, broken: str, point: Point, effect: str
) -> None:
    campaign = Campaign(town, broken)
    assert campaign.kill_at([point]) == []
    campaign.settle(lambda: _is_counted(effect, campaign.tally().doubled))
    assert _is_counted(effect, campaign.tally().doubled)


def test_a_notice_in_two_digests_is_counted(town: Town) -> None:
    campaign = Campaign(town, "unmarked-digest")
    campaign.feed_burst()
    campaign.settle(lambda: _is_counted("notice", campaign.tally().doubled))
    assert _is_counted("notice", campaign.tally().doubled)


# Last, for what it leaves open stays open.
def test_without_a_sweep_facts_stay_open(town: Town) -> None:
    campaign = Campaign(town, "no-sweep", hidden_seconds=1, settle_seconds=6)
    assert campaign.kill_at([CLAIMED]) == []
    campaign.settle()
    assert any(effect.endswith("still open") for effect in campaign.tally().lost)


def _is_counted(beginning: str, effects: Sequence[str]) -> bool:
    return any(effect.startswith(beginning) for effect in effects)
