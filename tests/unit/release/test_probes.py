"""Probes: when they are due, how many, and to whom; and what a table of recorded requests gives."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from shared.domain.ids import DeploymentName
from shared.domain.releases.plan import ProbePlan
from shared.domain.releases.release import Release, ReleaseState, Serving
from shared.domain.releases.verdict import Judgement, Verdict
from shared.engine.releases.probe_sample import requests_of
from shared.errors import PermanentError
from shared.release.core.actions import SendProbes
from shared.release.core.observation import Observation
from shared.release.core.transitions import stay
from shared.release.states.probes import is_due, probed
from tests.fakes.releases import NOW, a_plan, a_release

MINUTE = timedelta(minutes=1)
SAMPLE = tuple(f"[{number}]" for number in range(7))


def baking(**changes: Any) -> Release:
    numbers = {"requests": 30.0, "champion_requests": 400.0}
    judged = Judgement(Verdict.INCONCLUSIVE, "too little", numbers=numbers)
    values: dict[str, Any] = {
        "champion": Serving(DeploymentName("v-1"), None),
        "state": ReleaseState.CANARY,
        "phase": "baking",
        "traffic_since": NOW - 10 * MINUTE,
        "judgement": judged,
        **changes,
    }
    return replace(a_release(plan=a_plan(probe=ProbePlan("azureml:requests@latest", 8))), **values)


def sent(release: Release, sample: tuple[str, ...] = SAMPLE) -> list[tuple[str, str]]:
    update = probed(release, stay(release, NOW), Observation(probe_sample=sample), NOW)
    actions = [action for action in update.actions if isinstance(action, SendProbes)]
    assert update.release.probed_at == (NOW if actions else release.probed_at)
    return [(str(deployment), body) for action in actions for deployment, body in action.requests]


def test_what_real_requests_lack_is_sent_alternately_and_the_same_to_both() -> None:
    requests = sent(baking())
    assert len(requests) == 2 * (8 - 3)
    assert [body for name, body in requests if name == "v-1"] == [body for name, body in requests if name == "v-2"]
    firsts = [name for name, _ in requests[::2]]
    assert {abs(firsts.count("v-1") - firsts.count("v-2"))} <= {0, 1}


def test_probes_of_before_are_no_real_requests() -> None:
    numbers = {"requests": 80.0, "champion_requests": 470.0, "probes": 70.0, "champion_probes": 70.0}
    assert len(sent(baking(judgement=Judgement(Verdict.PASS, "", numbers=numbers)))) == 2 * 7


def test_each_interval_begins_elsewhere_in_the_sample() -> None:
    release = baking()
    following = probed(release, stay(release, NOW + MINUTE), Observation(probe_sample=SAMPLE), NOW + MINUTE).actions[-1]
    assert isinstance(following, SendProbes)
    assert following.requests[0][1] == SAMPLE[(SAMPLE.index(sent(release)[0][1]) + 8) % 7]


@pytest.mark.parametrize(
    "release",
    [
        pytest.param(
            baking(judgement=Judgement(Verdict.INCONCLUSIVE, "", numbers={"requests": 80, "champion_requests": 90})),
            id="enough",
        ),
        pytest.param(baking(champion=None), id="no_champion"),
        pytest.param(baking(phase="shifting"), id="not_baking"),
        pytest.param(baking(state=ReleaseState.ROLLING_BACK, phase=None), id="rolling_back"),
        pytest.param(baking(plan=a_plan()), id="not_in_the_plan"),
        pytest.param(baking(probed_at=NOW), id="sent_in_this_interval"),
        pytest.param(baking(judgement=None), id="not_judged"),
    ],
)
def test_no_probes(release: Release) -> None:
    assert sent(release) == []


def test_a_sample_that_cannot_be_read_sends_nothing() -> None:
    assert sent(baking(), ()) == []


def test_probes_are_due_once_per_interval_also_while_watching() -> None:
    watching = baking(state=ReleaseState.WATCHING, phase=None)
    assert is_due(watching, NOW)
    assert not is_due(replace(watching, probed_at=NOW), NOW + timedelta(seconds=59))
    assert is_due(replace(watching, probed_at=NOW), NOW + MINUTE)
    assert not is_due(replace(watching, probed_at=NOW + MINUTE), NOW)


def test_a_table_of_features_becomes_requests_and_recorded_requests_stay_as_they_are() -> None:
    (first, _) = requests_of(pd.DataFrame({"carrier": ["AA", None], "distance": [733, 20.5]}))
    assert json.loads(first) == {
        "input_data": {"columns": ["carrier", "distance"], "index": [0], "data": [["AA", 733.0]]}
    }
    assert requests_of(pd.DataFrame({"request": ["[1]", "[2]"], "note": 1})) == ("[1]", "[2]")


@pytest.mark.parametrize(
    "table",
    [pd.DataFrame(), pd.DataFrame({"request": []}), pd.DataFrame({"request": [None]}), pd.DataFrame({"request": [7]})],
)
def test_a_table_without_requests_is_refused(table: pd.DataFrame) -> None:
    with pytest.raises(PermanentError, match="the sample"):
        requests_of(table)
