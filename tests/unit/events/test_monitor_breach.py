"""The list of measurements in a breach tag, when it is not what it should be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.fact import FeatureDrift
from shared.events.monitor_breach import features_in

ITEM = '{"metric_value": 0.7, "metric_name": "PSI", "threshold_value": 0.5, "group": "age"}'
AGE = FeatureDrift("age", "PSI", 0.7, 0.5)


@pytest.mark.parametrize(
    ("text", "features"),
    [
        pytest.param(f"values \n['{ITEM}']\n", (AGE,), id="as_the_component_writes_it"),
        pytest.param(f"['{ITEM}', 3, '[]', '{{}}', 'x']", (AGE,), id="broken_items_are_left_out"),
        pytest.param(ITEM.join(("['", "']")).replace("0.7", "NaN"), (), id="not_a_number"),
        pytest.param(ITEM.join(("['", "']")).replace("0.7", "true"), (), id="a_truth_is_no_number"),
        pytest.param(ITEM.join(("['", "']")).replace("0.7", "1e999"), (), id="infinite"),
        pytest.param("nothing", (), id="no_list"),
        pytest.param("][", (), id="wrong_way_round"),
        pytest.param("[__import__('os').getcwd()]", (), id="code_is_not_run"),
        pytest.param("[" * 5000 + "]" * 5000, (), id="deep"),
        pytest.param("[" + "-" * 50_000 + "1]", (), id="long_expression"),
        pytest.param("[" + "'x'," * 100_000 + "]", (), id="longer_than_is_read"),
        pytest.param("['\\ud800', {}]", (), id="half_a_character"),
    ],
)
def test_features_in(text: str, features: tuple[FeatureDrift, ...]) -> None:
    assert features_in(text) == features


@given(st.text(alphabet="[]{}'\"\\,:-1 a.eE\n", max_size=60))
def test_features_in_any_text_never_raises(text: str) -> None:
    features_in(text)
