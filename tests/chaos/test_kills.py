"""Workers are killed at every step of an event's way, and frozen past their lease: nothing is lost or done twice.

The long form is `python3 dev.py bench chaos --long`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import get_args

import pytest

from tests.chaos import policies
from tests.chaos.campaign import Campaign
from tests.chaos.points import Call, Errand, Moment, Point
from tests.chaos.town import Town

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked, killed and frozen")

SHARES = (*policies.STEPS[:-1], 100 - policies.HELD_BACK, 100)
# Every step of the way of an event, and of a release that is evaluated, approved and moved on step by step. What no
# worker comes to any more is missed, which fails.
STEPS: tuple[tuple[Errand, str, str], ...] = (
    ("events", "receive", "events"),
    ("events", "create", "ledger/claimed"),
    ("events", "create", "models/"),
    ("events", "replace", "models/"),
    ("events", "submit_job", ""),
    ("events", "create", "releases/opened"),
    ("events", "send", "releases"),
    ("events", "replace", "ledger/done"),
    ("events", "create", "outbox/pending"),
    ("events", "send", "notices"),
    ("events", "delete", "events"),
    ("notices", "replace", "storms/"),
    ("notices", "replace", "outbox/pending"),
    ("notices", "send", "teams"),
    ("notices", "send", "email"),
    ("notices", "replace", "outbox/sent"),
    ("notices", "replace", "outbox/in-digest"),
    ("notices", "delete", "notices"),
    ("sweep", "replace", "ledger/claimed"),
    ("sweep", "submit_job", ""),
    ("releases", "create_endpoint", ""),
    ("releases", "submit_job", ""),
    ("releases", "create", "approvals/"),
    ("releases", "create_deployment", ""),
    ("releases", "replace", "releases/canary 0 shifting"),
    *(("releases", "set_traffic", str(share)) for share in SHARES),
    ("releases", "replace", "releases/canary 1 baking"),
    ("releases", "replace", "releases/finished"),
)
POINTS = tuple(Point(moment, Call(*step)) for step in STEPS for moment in get_args(Moment))
FROZEN = (
    Point("after", Call("events", "receive", "events")),
    Point("before", Call("events", "create", "ledger/claimed")),
    Point("after", Call("events", "create", "ledger/claimed")),
    Point("before", Call("events", "replace", "models/")),
    Point("before", Call("events", "submit_job", "")),
    Point("after", Call("events", "submit_job", "")),
    Point("before", Call("events", "replace", "ledger/done")),
    Point("after", Call("events", "replace", "ledger/done")),
    Point("before", Call("events", "create", "outbox/pending")),
    Point("before", Call("notices", "replace", "outbox/sent")),
    Point("before", Call("releases", "submit_job", "")),
    Point("before", Call("releases", "set_traffic", str(SHARES[1]))),
)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    folder = tmp_path_factory.mktemp("kills")
    released, in_steps = ([f"{how}-{number}" for number in range(4)] for how in ("released", "in-steps"))
    with Town(folder / "town", released, in_steps) as town:
        yield Campaign(town)


def test_nothing_is_lost_or_done_twice_when_workers_die_or_freeze_anywhere(campaign: Campaign) -> None:
    campaign.begin()
    missed = campaign.kill_at(POINTS)
    campaign.kill_anytime(6, random.Random(1))
    campaign.settle()
    frozen = campaign.freeze_at(FROZEN)
    campaign.settle()

    tally = campaign.tally()
    assert tally.is_clean, tally
    assert missed == []
    assert frozen == tally.zombies >= len(FROZEN)
    assert tally.kills >= len(POINTS) + 6
    assert tally.late_refused > 0
    assert tally.in_digests > 0
    # Only whoever dies or freezes between sending and noting sends twice; of mails the service recognises the second.
    assert tally.duplicate_mails == 0
    assert tally.duplicate_notices <= 3


def test_traffic_that_a_frozen_worker_writes_late_is_put_back(campaign: Campaign) -> None:
    first, second = {"v-1": 100}, {"v-2": 95, "v-1": 5}  # while it is watched the champion keeps a share
    moves = campaign.write_traffic_late()
    assert moves == [{}, first, second, first, second]
    assert campaign.tally().is_clean
