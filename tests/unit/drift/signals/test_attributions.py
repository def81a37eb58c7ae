"""Attribution drift: the order of what a version leans on, against that of its evaluation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from shared.drift.signals.attributions import compare_attributions, ndcg, read_attributions

EVALUATED = {"age": 0.5, "income": 0.3, "region": 0.15, "visits": 0.04, "month": 0.01}


def served(rows: int, sizes: dict[str, float], seed: int = 3) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame({f"attribution_{name}": random.normal(0, size, rows) for name, size in sizes.items()})


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=12).filter(
        lambda pairs: any(gain for gain, _ in pairs)
    )
)
def test_ndcg_agrees_with_scikit_learn_ties_too(pairs: list[tuple[int, int]]) -> None:
    gains, scores = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    assert ndcg(gains, scores) == pytest.approx(ndcg_score([gains], [scores]), abs=1e-9)


def test_the_same_order_is_no_drift() -> None:
    report = compare_attributions(EVALUATED, served(2000, EVALUATED), 0.9, 200)
    assert (report.verdict, report.threshold, report.measure) == ("no-drift", 0.9, "NDCG")
    assert report.value == pytest.approx(1)


def test_another_order_is_drift_that_names_both() -> None:
    now = dict(zip(EVALUATED, reversed(EVALUATED.values()), strict=True))
    report = compare_attributions(EVALUATED, served(2000, now), 0.9, 200)
    assert report.verdict == "drift"
    assert report.value is not None
    assert report.value < 0.7
    assert "leans most on month, visits, region; when it was evaluated, on age, income, region" in report.sentence


def test_few_rows_do_not_alarm_where_nothing_changed() -> None:
    # Of rare attributions few rows tell an order that is often wrong, and NDCG is far below what many rows tell.
    sizes = {f"f{number}": 1.0 / (number + 1) for number in range(6)}
    alarms, low = 0, 0
    for seed in range(150):
        random = np.random.default_rng(seed)
        rows = {
            f"attribution_{name}": np.where(random.random(200) < 0.05, size * random.normal(size=200), 0)
            for name, size in sizes.items()
        }
        report = compare_attributions(sizes, pd.DataFrame(rows), 0.9, 200)
        alarms += report.verdict == "drift"
        low += (report.value or 0) < 0.9
    assert alarms <= 7  # 5 % of 150
    assert low > 3 * alarms, "a rule on the value alone would alarm more often"


def test_a_feature_that_is_not_returned_any_more_counts_as_nothing() -> None:
    report = compare_attributions(EVALUATED, served(500, EVALUATED).drop(columns="attribution_age"), 0.9, 200)
    assert report.verdict == "drift"
    assert report.findings == ("attributions of age are not returned any more",)


def test_rows_without_attributions_are_an_error_and_few_are_no_verdict() -> None:
    with pytest.raises(ValueError, match="have no column attribution_age"):
        compare_attributions(EVALUATED, pd.DataFrame({"prediction": [0.2]}), 0.9, 200)
    assert compare_attributions(EVALUATED, served(20, EVALUATED), 0.9, 200).verdict == "insufficient-data"


@pytest.mark.parametrize(
    "document",
    [[], {}, {"features": {}}, {"features": {"age": -1}}, {"features": {"age": "much"}}, {"features": {"age": 0}}],
)
def test_what_are_no_attributions_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="attributions are"):
        read_attributions(document)
