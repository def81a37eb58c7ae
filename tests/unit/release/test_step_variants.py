"""The random walks of the state machine find ways of breaking its promises, each built in on purpose."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shared.release import endings, rollout, watch
from tests.unit.release import test_step_invariants as walks

WALK = walks.test_a_release_keeps_its_promises_whatever_it_sees.hypothesis.inner_test  # type: ignore[attr-defined]
# The same walks each time, and none made shorter: that one of them fails is all there is to know.
ALWAYS = settings(
    max_examples=1500,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)


@pytest.mark.parametrize(
    ("module", "name", "variant"),
    [
        pytest.param(endings, "trouble_of_champion", lambda *_: "", id="goes_back_to_a_champion_in_trouble"),
        pytest.param(watch, "_obstacle", lambda *_: "", id="goes_back_for_what_may_be_shared"),
        pytest.param(rollout, "doubts", lambda *_: "", id="moves_on_while_something_is_suspected"),
        pytest.param(watch, "_wanted", lambda *_: {walks.V2: 100}, id="holds_nothing_back"),
        pytest.param(watch, "is_proven", lambda *_: True, id="ends_well_without_a_proof"),
    ],
)
def test_the_walks_find_a_release_that(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, variant: Any) -> None:
    monkeypatch.setattr(module, name, variant)
    with pytest.raises(AssertionError):
        ALWAYS(given(data=st.data(), has_champion=st.booleans())(WALK))()
