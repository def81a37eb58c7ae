"""Performance estimated without labels: as NannyML defines it, quiet by itself, and blind to what it cannot see."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from shared.drift.signals.estimated import EstimateReference, EstimateRules, estimate_performance, estimate_reference
from shared.metrics.binary import MetricUndefinedError
from shared.metrics.expected import EXPECTED, expected_metric, isotonic_curve
from tests.unit.metrics.measuring import measure_metric

Numbers = NDArray[np.float64]


def served(rows: int, seed: int, shift: float = 0.0) -> tuple[Numbers, Numbers]:
    """Return scores and labels of an overconfident model; `shift` moves the feature, not what it says of the label."""
    chance = np.random.default_rng(seed)
    feature = chance.normal(shift, 1.0, rows)
    score = 1 / (1 + np.exp(-2.0 * feature))
    label = chance.random(rows) < 1 / (1 + np.exp(-feature))
    return score, label.astype(np.float64)


# NannyML 0.13.1 on the same rows: CBPE(y_pred_proba=..., chunk_size=4000), fitted on served(8000, 1).
NANNYML = {
    "roc_auc": 0.7526400792873175,
    "accuracy": 0.7078358936907845,
    "f1": 0.5512768965561173,
    "precision": 0.653801445952308,
    "recall": 0.4765479889692461,
    "pr_auc": 0.6419782035607066,
}


@pytest.mark.parametrize("metric", NANNYML)
def test_estimates_are_those_of_nannyml(metric: str) -> None:
    reference = estimate_reference(*served(8000, 1), EstimateRules(metric))
    report = estimate_performance(reference, served(4000, 2, shift=-0.6)[0])
    assert report.value == pytest.approx(NANNYML[metric], abs=1e-6)


@pytest.mark.parametrize("metric", EXPECTED)
def test_estimates_come_true_when_only_the_features_move(metric: str) -> None:
    reference = estimate_reference(*served(200_000, 1), EstimateRules(metric))
    scores, labels = served(200_000, 2, shift=-0.8)
    report = estimate_performance(reference, scores)
    assert report.value == pytest.approx(measure_metric(metric, labels, scores), abs=0.01)


@pytest.mark.parametrize("metric", EXPECTED)
def test_known_labels_give_the_metric_itself(metric: str) -> None:
    scores, labels = served(500, 3)
    assert expected_metric(metric, scores, labels) == pytest.approx(measure_metric(metric, labels, scores), abs=1e-12)


def test_the_curve_is_that_of_sklearn() -> None:
    scores, labels = served(3000, 4)
    scores = np.round(scores, 2)
    points = np.linspace(-0.1, 1.1, 400)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, labels).predict(points)  # type: ignore[no-untyped-call]
    np.testing.assert_allclose(isotonic_curve(scores, labels).at(points), theirs, atol=1e-9)


@pytest.mark.parametrize(
    ("metric", "shift", "verdict"),
    [
        pytest.param("recall", -0.8, "drift", id="fewer_found"),
        pytest.param("recall", 0.8, "no-drift", id="more_found"),
        pytest.param("brier", 0.0, "no-drift", id="as_before"),
    ],
)
def test_only_a_worsening_alarms(metric: str, shift: float, verdict: str) -> None:
    reference = estimate_reference(*served(20_000, 1), EstimateRules(metric))
    report = estimate_performance(reference, served(2000, 2, shift)[0])
    assert (report.signal, report.verdict) == ("estimated-performance", verdict)
    assert "provided that scores mean what they meant in the reference" in report.sentence


@pytest.mark.parametrize(
    ("bound", "shift", "verdict", "words"),
    [
        pytest.param(0.5, -0.4, "no-drift", "set by the at least 0.5 asked for", id="worse_but_within_the_bound"),
        pytest.param(0.9, -0.4, "drift", "beyond", id="worse_and_beyond_the_bound"),
        pytest.param(0.9, 0.0, "no-drift", "within", id="beyond_the_bound_but_no_worse_than_before"),
    ],
)
def test_with_a_bound_only_a_worsening_to_beyond_it_alarms(
    bound: float, shift: float, verdict: str, words: str
) -> None:
    rules = EstimateRules("recall", bound=bound)
    report = estimate_performance(estimate_reference(*served(20_000, 1), rules), served(2000, 2, shift)[0], rules)
    assert report.verdict == verdict
    assert words in report.sentence
    is_mentioned = "beyond the 0.9 asked for: only what is worse than it was alarms" in " ".join(report.findings)
    assert is_mentioned == (bound == 0.9)


def test_a_changed_world_cannot_be_seen() -> None:
    reference = estimate_reference(*served(20_000, 1), EstimateRules("accuracy"))
    scores, labels = served(5000, 2)
    assert measure_metric("accuracy", 1 - labels, scores) < 0.35
    assert estimate_performance(reference, scores).verdict == "no-drift"


def test_past_windows_that_vary_raise_the_bar() -> None:
    reference = estimate_reference(*served(20_000, 1), EstimateRules("recall"))
    scores = served(2000, 2, shift=-0.4)[0]
    alarmed = estimate_performance(reference, scores)
    assert alarmed.verdict == "drift"
    past = [reference.value + delta for delta in (-0.1, 0.1, -0.15, 0.12, -0.2, 0.02, -0.1, 0.05)]
    quiet = estimate_performance(reference, scores, past=past)
    assert quiet.verdict == "no-drift"
    assert "set by past windows" in quiet.sentence
    assert estimate_performance(reference, scores, past=past[:7]).verdict == "drift"


def test_the_spread_shrinks_with_the_rows_and_is_never_guessed_smaller() -> None:
    reference = estimate_reference(*served(32_000, 1))
    assert reference.spread_at(1000) == pytest.approx(reference.spread_at(250) / 2, rel=0.3)
    assert reference.spread_at(10**7) == reference.spreads[-1][1]


def test_scores_beyond_the_references_are_reported() -> None:
    scores, labels = served(8000, 1)
    reference = estimate_reference(scores / 2, labels)
    report = estimate_performance(reference, np.append(scores[:2000], [np.nan, np.inf]))
    assert "2 scores are not finite; they are left out" in report.findings
    assert any("of the scores lie beyond all of the reference's" in finding for finding in report.findings)


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        pytest.param([0.5] * 20, "20 scores in the window, at least 500 are needed", id="few"),
        pytest.param([float("nan")] * 900, "0 scores in the window", id="nan"),
    ],
)
def test_too_few_scores_are_no_news(scores: list[float], words: str) -> None:
    report = estimate_performance(estimate_reference(*served(4000, 1)), scores)
    assert (report.verdict, report.value) == ("insufficient-data", None)
    assert words in report.sentence


def test_precision_where_nothing_is_flagged_is_no_news() -> None:
    rules = EstimateRules("precision", threshold=0.9)
    reference = estimate_reference(*served(8000, 1), rules)
    assert estimate_performance(reference, [0.1] * 600, rules).verdict == "insufficient-data"
    with pytest.raises(MetricUndefinedError):
        expected_metric("precision", np.array([0.1]), np.array([0.5]), 0.9)


def test_a_reference_survives_being_stored() -> None:
    reference = estimate_reference(*served(4000, 1))
    assert EstimateReference.from_dict(json.loads(json.dumps(reference.to_dict()))) == reference
    with pytest.raises(ValueError, match="damaged"):
        EstimateReference.from_dict({"format": 1, "metric": "roc_auc"})
    with pytest.raises(ValueError, match="has format 7"):
        EstimateReference.from_dict(dataclasses.asdict(reference) | {"format": 7})


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        pytest.param(np.ones(4000), "needs labels 0 and 1, both", id="one_class"),
        pytest.param(np.ones(10), "one label per score", id="lengths"),
    ],
)
def test_a_useless_reference_is_refused(labels: Numbers, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        estimate_reference(served(4000, 1)[0], labels)


def test_what_cannot_be_estimated_is_refused() -> None:
    with pytest.raises(ValueError, match="'rmse' cannot be estimated without labels; write one of accuracy"):
        EstimateRules("rmse")
    with pytest.raises(ValueError, match="was made for roc_auc"):
        estimate_performance(estimate_reference(*served(4000, 1)), [0.5], EstimateRules("f1"))
