"""The gates: pass, fail or inconclusive, each with its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shared.domain.releases.plan import GatePlan
from shared.domain.releases.release import Release, Serving
from shared.domain.releases.verdict import GateResult, Verdict
from shared.errors import PermanentError
from shared.metrics.bounds import gain_bounds
from shared.metrics.catalogue import METRICS
from shared.metrics.estimates import Estimate, Pairs
from shared.metrics.rows import numbers
from shared.release.gates.registry import gates, judge, unreadable
from tests.fakes.releases import a_plan, a_release
from tests.unit.metrics.measuring import measure_metric

CHAMPION = Serving(a_release("1").challenger.deployment, a_release("1").version)


def scores(champion: float = 1.0, challenger: float = 1.0, rows: int = 2000, seed: int = 3) -> pd.DataFrame:
    """Return scored rows; the gains say how well each version separates the labels."""
    random = np.random.default_rng(seed)
    labels, noise = random.integers(0, 2, rows), random.normal(size=rows)
    return pd.DataFrame(
        {
            "row_id": [f"r{i}" for i in range(rows)],
            "label": labels.astype("int8"),
            "champion_score": 1 / (1 + np.exp(-(labels - 0.5) * 2 * champion - noise)),
            "challenger_score": 1 / (1 + np.exp(-(labels - 0.5) * 2 * challenger - noise)),
            "carrier": random.choice(["AA", "B6", "UA"], rows),
        }
    )


def release_with(kind: str, champion: Serving | None = CHAMPION, **settings: Any) -> Release:
    return replace(a_release(plan=a_plan(gates=(GatePlan(kind, settings),))), champion=champion)


def of_pairs(metric: str, labels: np.ndarray, answers: np.ndarray) -> Estimate:
    return Pairs(METRICS[metric], labels, answers).estimate()


def result(release: Release, table: pd.DataFrame | None) -> GateResult:
    (only,) = judge(release, "evaluation", table)
    return only


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        pytest.param({"metric": "roc_auc", "at_least": 0.7}, Verdict.PASS, id="above_the_least"),
        pytest.param({"metric": "roc_auc", "at_least": 0.99}, Verdict.FAIL, id="below_the_least"),
        pytest.param({"metric": "log_loss", "at_most": 0.7}, Verdict.PASS, id="below_the_most"),
        pytest.param({"metric": "log_loss", "at_most": 0.1}, Verdict.FAIL, id="above_the_most"),
    ],
)
def test_a_metric_is_compared_with_its_bound(settings: dict[str, Any], verdict: Verdict) -> None:
    assert result(release_with("metric", **settings), scores()).verdict is verdict


@pytest.mark.parametrize(
    ("challenger", "verdict"),
    [
        pytest.param(1.3, Verdict.PASS, id="better"),
        pytest.param(1.0, Verdict.PASS, id="the_same"),
        pytest.param(0.5, Verdict.FAIL, id="worse"),
    ],
)
def test_not_worse_than_the_champion_is_proven_on_the_same_rows(challenger: float, verdict: Verdict) -> None:
    release = release_with("not_worse_than_champion", metric="roc_auc", margin=0.005)
    assert result(release, scores(challenger=challenger)).verdict is verdict


def test_too_close_to_tell_is_inconclusive() -> None:
    table = scores(rows=120)
    table["challenger_score"] = scores(rows=120, seed=4).sample(frac=1, random_state=0)["challenger_score"].to_numpy()
    table["champion_score"] = table["challenger_score"].sample(frac=1, random_state=1).to_numpy()
    release = release_with("not_worse_than_champion", metric="roc_auc", margin=0.005)

    assert result(release, table).verdict is Verdict.INCONCLUSIVE


def test_without_a_champion_there_is_nothing_to_be_worse_than() -> None:
    gate_result = result(release_with("not_worse_than_champion", None, metric="roc_auc"), scores(challenger=0.0))
    assert (gate_result.verdict, "no champion" in gate_result.reason) == (Verdict.PASS, True)


def test_judging_again_gives_the_same_bounds() -> None:
    release = release_with("not_worse_than_champion", metric="roc_auc", margin=0.005)
    assert result(release, scores()) == result(release, scores())


def test_a_group_that_falls_behind_fails_and_is_named() -> None:
    table = scores(challenger=2.0)
    behind = table["carrier"] == "B6"
    table.loc[behind, "challenger_score"] = (
        table.loc[behind, "challenger_score"].sample(frac=1, random_state=0).tolist()
    )
    release = release_with("slices", by=["carrier"], metric="roc_auc", min_ratio=0.8)

    gate_result = result(release, table)

    assert (gate_result.verdict, "of carrier B6 is" in gate_result.reason) == (Verdict.FAIL, True)
    assert result(release, scores(challenger=2.0)).verdict is Verdict.PASS


def test_rows_without_a_group_are_a_group() -> None:
    table = scores(challenger=2.0)
    behind = table["carrier"] == "B6"
    table.loc[behind, "challenger_score"] = (
        table.loc[behind, "challenger_score"].sample(frac=1, random_state=0).tolist()
    )
    table.loc[behind, "carrier"] = None

    gate_result = result(release_with("slices", by=["carrier"], metric="roc_auc", min_ratio=0.8), table)

    assert gate_result.verdict is Verdict.FAIL


@pytest.mark.parametrize("metric", ["accuracy", "recall", "precision", "f1", "roc_auc", "pr_auc", "log_loss", "brier"])
def test_the_error_of_a_metric_is_the_jackknifes(metric: str) -> None:
    labels, given = numbers(scores(rows=300), "label", "challenger_score")
    without_row = [measure_metric(metric, np.delete(labels, row), np.delete(given, row)) for row in range(len(labels))]
    error = np.sqrt((len(labels) - 1) ** 2 / len(labels) * np.var(without_row, ddof=1))

    assert of_pairs(metric, labels, given).error == pytest.approx(error, rel=0.01)


@pytest.mark.parametrize("metric", ["mae", "mse", "rmse", "mape", "r2"])
def test_the_error_of_a_predicted_numbers_metric_is_the_jackknifes(metric: str) -> None:
    random = np.random.default_rng(4)
    labels = random.normal(20, 3, 300)
    given = labels + random.normal(0, 1, 300)
    without_row = [measure_metric(metric, np.delete(labels, row), np.delete(given, row)) for row in range(len(labels))]
    error = np.sqrt((len(labels) - 1) ** 2 / len(labels) * np.var(without_row, ddof=1))

    assert of_pairs(metric, labels, given).error == pytest.approx(error, rel=0.01)


def test_two_versions_that_rank_alike_differ_by_nothing_surely() -> None:
    labels, champion = numbers(scores(rows=200), "label", "champion_score")
    versions = of_pairs("roc_auc", labels, champion), of_pairs("roc_auc", labels, champion * 0.5)
    assert gain_bounds(*versions, 0.95) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_groups_too_small_are_named_and_may_be_asked_to_hold() -> None:
    table = scores(challenger=2.0)
    table.loc[:30, "carrier"] = "ZZ"
    settings: dict[str, Any] = {"by": ["carrier"], "metric": "roc_auc", "min_ratio": 0.8}

    ignored = result(release_with("slices", **settings), table)
    held = result(release_with("slices", **settings, small_groups="inconclusive"), table)

    assert (ignored.verdict, held.verdict) == (Verdict.PASS, Verdict.INCONCLUSIVE)
    assert "1 too small: carrier ZZ" in held.reason


EVERY_GATE = [
    ("metric", {"metric": "roc_auc", "at_least": 0.7}),
    ("not_worse_than_champion", {"metric": "roc_auc", "margin": 0.005, "confidence": 95.0}),
    ("slices", {"by": ["carrier"], "metric": "roc_auc", "min_ratio": 0.8}),
]


@pytest.mark.parametrize(("kind", "settings"), EVERY_GATE, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize(
    "table",
    [
        pytest.param(None, id="none"),
        pytest.param(scores(rows=0), id="empty"),
        pytest.param(scores().assign(challenger_score=np.nan), id="nan"),
        pytest.param(scores().assign(challenger_score=np.inf), id="infinite"),
        pytest.param(scores().assign(label=1), id="one_class"),
    ],
)
def test_unusable_evidence_is_never_good_news(kind: str, settings: dict[str, Any], table: pd.DataFrame | None) -> None:
    gate_result = result(release_with(kind, **settings), table)
    assert (gate_result.verdict, bool(gate_result.reason)) == (Verdict.INCONCLUSIVE, True)


@pytest.mark.parametrize(("kind", "settings"), EVERY_GATE, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize(
    ("table", "remedy"),
    [
        pytest.param(scores().drop(columns=["label"]), "the evaluation lacks label; it has", id="no_labels"),
        pytest.param(scores().assign(challenger_score="high"), "write plain numbers", id="words"),
        pytest.param(scores().assign(label=2), "for several classes name a metric of theirs", id="strange_labels"),
        pytest.param(scores().assign(label="street"), "for several classes name a metric of theirs", id="class_names"),
    ],
)
def test_evidence_that_does_not_fit_the_metric_fails_at_once_with_the_remedy(
    kind: str, settings: dict[str, Any], table: pd.DataFrame, remedy: str
) -> None:
    gate_result = result(release_with(kind, **settings), table)
    assert (gate_result.verdict, remedy in gate_result.reason) == (Verdict.FAIL, True)


def test_an_evaluation_that_cannot_be_read_leaves_every_gate_open() -> None:
    gate_result = unreadable(release_with("metric", metric="roc_auc", at_least=0.7), "there is nothing there")
    assert gate_result == (
        GateResult("metric roc_auc", Verdict.INCONCLUSIVE, "metric roc_auc: there is nothing there"),
    )


def test_a_gate_of_another_version_of_the_program_is_refused() -> None:
    with pytest.raises(PermanentError, match="does not know"):
        judge(release_with("astrology"), "evaluation", scores())


def test_the_known_gates() -> None:
    assert set(gates()) == {
        "conversion",
        "data_quality",
        "fairness",
        "metric",
        "not_worse_than_champion",
        "overfitting",
        "reproducibility",
        "slices",
        "tests",
    }


def converted(rows: int = 400, apart: float = 0.0, moved: int = 0, ratio: float = 0.5) -> pd.DataFrame:
    """Return scores of a version and its other form, `moved` of them by `apart`."""
    random = np.random.default_rng(5)
    original, seconds = random.uniform(0.0, 0.99, rows), random.lognormal(-7, 0.2, rows)
    challenger = original + np.where(np.arange(rows) < moved, apart, 0.0)
    slower = seconds * ratio * np.where(np.arange(rows) % 2, 1.1, 0.9)
    columns = {"original_score": original, "challenger_score": challenger}
    return pd.DataFrame({"row_id": range(rows), **columns, "original_seconds": seconds, "challenger_seconds": slower})


@pytest.mark.parametrize(
    ("table", "verdict", "reason"),
    [
        pytest.param(converted(), Verdict.PASS, "0 of 400 rows differ (0.00% to 0.75%; 0.01 may)", id="alike"),
        pytest.param(converted(apart=1e-5, moved=400), Verdict.PASS, "up to 1e-05 apart", id="within_the_tolerance"),
        pytest.param(converted(apart=0.01, moved=40), Verdict.FAIL, "40 of 400 rows differ", id="some_far_apart"),
        pytest.param(converted(apart=0.01, moved=4), Verdict.INCONCLUSIVE, "4 of 400 rows differ", id="a_few"),
        pytest.param(converted(rows=100), Verdict.INCONCLUSIVE, "0 of 100 rows differ", id="too_few_rows"),
        pytest.param(converted(ratio=1.5), Verdict.FAIL, "take more than 1 times as long", id="slower"),
        pytest.param(converted(ratio=1.0), Verdict.INCONCLUSIVE, "take more than 1 times as long", id="as_slow"),
        pytest.param(
            converted().drop(columns=["original_score"]), Verdict.FAIL, "lacks original_score", id="no_original"
        ),
    ],
)
def test_a_converted_version_answers_like_the_original_and_as_fast(
    table: pd.DataFrame, verdict: Verdict, reason: str
) -> None:
    gate_result = result(release_with("conversion"), table)
    assert (gate_result.verdict, reason in gate_result.reason) == (verdict, True), gate_result.reason


def test_a_decision_that_changes_is_a_difference_however_small() -> None:
    table = converted(rows=1000).assign(original_score=0.49999, challenger_score=0.50001)
    assert result(release_with("conversion", time_ratio_at_most=None), table).verdict is Verdict.FAIL
    assert result(release_with("conversion", time_ratio_at_most=None, threshold=None), table).verdict is Verdict.PASS


JUNIT = """<?xml version="1.0"?>
<testsuites><testsuite name="pytest" tests="5">
<testcase classname="t" name="test_keeps_order"/><testcase classname="t" name="test_missing_age"/>
<testcase classname="t" name="test_negative"><skipped message="later"/></testcase>
<testcase classname="t" name="test_twins"><failure message="assert 1 == 2">trace</failure></testcase>
<testcase classname="t" name="test_loads"><error message="no file"/></testcase>
</testsuite></testsuites>"""
GOOD = JUNIT.replace('<failure message="assert 1 == 2">trace</failure>', "").replace('<error message="no file"/>', "")


@pytest.mark.parametrize(
    ("document", "settings", "verdict", "reason"),
    [
        pytest.param(GOOD, {"at_least": 4}, Verdict.PASS, "4 of the model's own tests passed", id="all_pass"),
        pytest.param(GOOD, {"at_least": 5}, Verdict.FAIL, "at least 5 are to", id="skipped_proves_nothing"),
        pytest.param(JUNIT, {}, Verdict.FAIL, "2 failed: test_twins, test_loads", id="failures_are_named"),
        pytest.param(JUNIT, {"failures_at_most": 2}, Verdict.PASS, "2 failed", id="allowed"),
        pytest.param({"passed": 3, "failed": 0}, {"at_least": 3}, Verdict.PASS, "0 failed", id="counts"),
        pytest.param({"passed": "3"}, {}, Verdict.FAIL, "holds no counts; write e.g.", id="no_counts"),
        pytest.param(None, {}, Verdict.FAIL, "is not there; write e.g.", id="no_file"),
        pytest.param("<testsuite>", {}, Verdict.FAIL, "tests.xml is no XML", id="half_a_file"),
        pytest.param("<!DOCTYPE a []><a/>", {}, Verdict.FAIL, "document type", id="entities"),
        pytest.param("<testsuite/>", {}, Verdict.FAIL, "0 of the model's own tests passed", id="no_tests"),
    ],
)
def test_the_models_own_tests(document: object, settings: dict[str, Any], verdict: Verdict, reason: str) -> None:
    (gate_result,) = judge(release_with("tests", **settings), "evaluation", None, tests=document)
    assert (gate_result.verdict, reason in gate_result.reason) == (verdict, True), gate_result.reason
