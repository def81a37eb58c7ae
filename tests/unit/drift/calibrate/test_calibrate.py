"""A model's own history says which floor would have been quiet, and how sure that is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from shared.drift.calibrate.calibrate import WHOLE, Look, calibrate, look_of
from shared.drift.calibrate.persistence import Persistence, persists
from shared.drift.results.comparison import ColumnReport
from shared.drift.results.signals import SignalReport, SignalVerdict

START = datetime(2026, 7, 1, tzinfo=UTC)


def history(*strongest: float) -> list[Look]:
    return [
        Look(START + timedelta(days=day), "drift" if strength > 0.1 else "no-drift", {"age": strength, "fare": 0.01})
        for day, strength in enumerate(strongest)
    ]


def a_column(
    effect: float | None = 0.3, p_value: float | None = 0.001, *, lost: bool = False, **more: object
) -> ColumnReport:
    statistic = "none" if lost else "KS"
    column = ColumnReport("age", statistic, effect, 0.1, "smallest effect that matters", lost, "", None, p_value)  # type: ignore[arg-type]
    return dataclasses.replace(column, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("verdicts", "rule", "expected"),
    [
        pytest.param(["drift"], Persistence(1, 1), True, id="at_once"),
        pytest.param(["drift"], Persistence(2, 3), False, id="first_of_two"),
        pytest.param(["drift", "no-drift", "drift"], Persistence(2, 3), True, id="two_of_three"),
        pytest.param(["drift", "drift", "no-drift"], Persistence(2, 3), False, id="the_newest_is_fine"),
        pytest.param(["drift", "error", "insufficient-data", "drift"], Persistence(2, 2), True, id="gaps_passed_over"),
        pytest.param(["drift", "error"], Persistence(1, 1), False, id="an_error_is_no_drift"),
        pytest.param(["drift", "no-drift", "no-drift", "drift"], Persistence(2, 3), False, id="too_long_ago"),
        pytest.param([], Persistence(1, 1), False, id="no_windows"),
    ],
)
def test_persistence(verdicts: Sequence[SignalVerdict], rule: Persistence, expected: bool) -> None:
    assert persists(verdicts, rule) is expected


@pytest.mark.parametrize("text", ["3 of 2", "0 of 2", "2/3", "two of three", ""])
def test_an_impossible_persistence_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write e\.g\. 2 of 3"):
        Persistence.parse(text)


def test_persistence_is_written_as_it_is_read() -> None:
    assert Persistence.parse(" 2 of 3 ") == Persistence(2, 3)
    assert str(Persistence(2, 3)) == "2 of 3"


def test_alarms_are_counted_floor_by_floor() -> None:
    calibration = calibrate(
        "data-drift", history(0.04, 0.12, 0.13, 0.02, 0.25), [0.1, 0.2], [Persistence(), Persistence(2, 2)]
    )
    assert [(row.floor, row.alarms, row.episodes) for row in calibration.rows] == [
        (0.1, 3, 2),
        (0.2, 1, 1),
        (0.1, 1, 1),
        (0.2, 0, 0),
    ]
    assert (calibration.windows, calibration.alarmed, calibration.columns) == (5, 3, (("age", 5),))


def test_the_smallest_quiet_floor_is_found_and_how_sure_it_is() -> None:
    quiet = [0.02 + 0.001 * number for number in range(39)]
    calibration = calibrate("data-drift", history(*quiet, 0.2504), alarms_at_most=0.025)
    assert calibration.floor == 0.058
    assert calibration.share_at_most == pytest.approx(0.1133, abs=1e-3)
    assert "A floor of 0.058 (1 of 1 windows) would have alarmed in 1 of 40" in calibration.sentence
    assert calibrate("data-drift", history(*quiet, 0.2504), alarms_at_most=0.0).floor == 0.251


def test_persistence_lowers_the_floor() -> None:
    spikes = history(*[0.02, 0.3] * 10)
    assert calibrate("data-drift", spikes, alarms_at_most=0).floor == 0.3
    assert calibrate("data-drift", spikes, alarms_at_most=0, persistence=Persistence(2, 2)).floor == 0.02


def test_windows_that_were_not_judged_are_skipped() -> None:
    broken = Look(START, "error", {})
    calibration = calibrate("data-drift", [*history(0.2), broken])
    assert (calibration.windows, calibration.skipped) == (1, 1)
    none = calibrate("data-drift", [broken])
    assert (none.floor, none.rows, none.share_at_most) == (None, (), 1.0)
    assert "nothing to calibrate with" in none.sentence


def test_no_floor_helps_against_a_lost_column() -> None:
    calibration = calibrate("data-drift", [Look(START, "drift", {"age": math.inf})])
    assert calibration.floor is None
    assert "No floor gives alarms in at most 1.0% of windows" in calibration.sentence


@pytest.mark.parametrize(
    ("column", "strengths"),
    [
        pytest.param(a_column(), {"age": 0.3}, id="significant"),
        pytest.param(a_column(p_value=0.5), {"age": 0.0}, id="not_significant"),
        pytest.param(a_column(0.3, floor=0.4, floor_reason="past windows"), {"age": 0.0}, id="below_past_windows"),
        pytest.param(a_column(0.3, missing_now=0.4), {"age": 0.4}, id="missing_rate_is_stronger"),
        pytest.param(a_column(None, None, lost=True), {"age": math.inf}, id="lost"),
    ],
)
def test_a_column_alarms_at_every_floor_below_its_strength(
    column: ColumnReport, strengths: Mapping[str, float]
) -> None:
    report = SignalReport("data-drift", "drift", "", 1000, columns=(column,))
    assert look_of(report, START).strengths == strengths


@pytest.mark.parametrize(
    ("measure", "strength"),
    [
        pytest.param("roc_auc", -0.71, id="higher_is_better"),
        pytest.param("estimated roc_auc", -0.71, id="estimated"),
        pytest.param("rmse", 0.71, id="lower_is_better"),
        pytest.param("roc_auc lost", 0.71, id="a_loss"),
        pytest.param("share of rows", 0.71, id="a_share"),
    ],
)
def test_a_metric_where_lower_is_worse_is_turned_round(measure: str, strength: float) -> None:
    report = SignalReport("performance", "no-drift", "", 1000, value=0.71, measure=measure)
    assert look_of(report, START).strengths == {WHOLE: strength}
    assert look_of(SignalReport("performance", "error", "", 0), START).strengths == {}
