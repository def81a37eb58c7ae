"""The random walks of the state machine find ways of breaking its promises, each built in on purpose."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.releases.verdict import Judgement, Verdict
from shared.release.advance import advance
from shared.release.core.observation import Observation
from shared.release.states import bake, ending, watch
from tests.fakes.releases import NOW
from tests.simulation import test_release_walks as walks
from tests.unit.release.test_advance import an_endpoint, baking


@pytest.mark.parametrize(
    ("module", "name", "variant"),
    [
        pytest.param(ending, "trouble_of_champion", lambda *_: "", id="goes_back_to_a_champion_in_trouble"),
        pytest.param(watch, "_obstacle", lambda *_: "", id="goes_back_for_what_may_be_shared"),
        pytest.param(watch, "_watch_split", lambda *_: {walks.V2: 100}, id="holds_nothing_back"),
        pytest.param(watch, "is_proven", lambda *_: True, id="ends_well_without_a_proof"),
    ],
)
def test_the_walks_find_a_release_that(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, variant: Any) -> None:
    monkeypatch.setattr(module, name, variant)
    with pytest.raises(AssertionError):
        walks.walk_all(walks.walk, walks.WALKS)


@pytest.mark.parametrize(
    "passed",
    [
        pytest.param(Judgement(Verdict.PASS, "compared", suspects=True), id="suspected"),
        pytest.param(Judgement(Verdict.PASS, "compared", champion_is_sick=True), id="no_yardstick"),
    ],
)
def test_a_step_that_moves_on_in_doubt_is_found(monkeypatch: pytest.MonkeyPatch, passed: Judgement) -> None:
    release, now = baking(), NOW + baking().plan.bake
    observation = Observation(endpoint=an_endpoint(v_1=90, v_2=10), judgement=passed)
    held = advance(release, observation, now)
    assert held.release.step_index == 0
    assert held.release.notices[-1].kind == "release-held"
    walks._check(release, observation, held)

    monkeypatch.setattr(bake, "doubts", lambda _: "")
    with pytest.raises(AssertionError):
        walks._check(release, observation, advance(release, observation, now))
