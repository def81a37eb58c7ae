"""A run's report: its verdict, its ranking, and the past that it carries on."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.drift.results.assemble import (
    TREND_COLUMNS,
    TREND_WINDOWS,
    ReportHeader,
    assemble,
    drift_signal,
    headline,
    overall_verdict,
    ranked,
    report_id,
)
from shared.drift.results.comparison import ColumnReport, DriftReport
from shared.drift.results.signals import MonitorReport, SignalReport, SignalVerdict

NOW = datetime(2026, 7, 12, 3, tzinfo=UTC)


def a_column(
    name: str, effect: float | None, *, is_drifted: bool = False, importance: float | None = None
) -> ColumnReport:
    return ColumnReport(name, "KS", effect, 0.1, "sampling", is_drifted, f"{name}: KS {effect}", importance=importance)


def a_signal(verdict: SignalVerdict = "no-drift", signal: str = "data-drift", *columns: ColumnReport) -> SignalReport:
    return SignalReport(signal, verdict, f"{signal} says {verdict}", 1000, 0.5, 1.0, "KS", columns)


def a_run(number: int, previous: MonitorReport | None, *signals: SignalReport) -> MonitorReport:
    end = NOW + number * timedelta(hours=1)
    return assemble(
        ReportHeader("churn", end - timedelta(hours=1), end, "training"), signals or (a_signal(),), previous
    )


def test_an_id_sorts_as_its_window_does() -> None:
    assert report_id("flight-delay", NOW) == "flight-delay-20260712T030000Z"


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        pytest.param(["no-drift", "drift", "error"], "drift", id="drift_is_never_hidden"),
        pytest.param(["no-drift", "error"], "error", id="not_looked_at_is_not_well"),
        pytest.param(["no-drift", "insufficient-data"], "no-drift", id="what_was_judged_counts"),
        pytest.param([], "insufficient-data", id="nothing_says_nothing"),
    ],
)
def test_the_whole_is_what_its_worst_signal_says(verdicts: list[SignalVerdict], expected: SignalVerdict) -> None:
    assert overall_verdict([a_signal(verdict) for verdict in verdicts]) == expected


def test_data_in_order_is_no_verdict_on_drift() -> None:
    quality = a_signal("no-drift", "data-quality")
    assert overall_verdict([a_signal("insufficient-data"), quality]) == "insufficient-data"
    assert overall_verdict([a_signal("no-drift"), replace(quality, verdict="drift")]) == "drift"
    assert overall_verdict([quality]) == "no-drift"


def test_the_headline_names_what_drifted_and_every_signal_that_did() -> None:
    columns = (
        a_column("dep_delay", 0.3, is_drifted=True),
        a_column("dest", 0.2, is_drifted=True),
        a_column("hour", 0.0),
    )
    worse = replace(a_signal("drift", "performance"), sentence="roc_auc is 0.6")
    named = replace(a_signal("drift", "data-quality"), sentence="Data quality: 3 rows came twice.")
    signals = [a_signal("drift", "data-drift", *columns), worse, named, a_signal("no-drift", "x")]
    assert headline("drift", signals) == (
        "2 of 3 columns no longer look like the reference: dep_delay and dest changed most. "
        "Performance: roc_auc is 0.6. Data quality: 3 rows came twice."
    )


def test_columns_that_the_model_leans_on_come_first_among_the_drifted() -> None:
    columns = [
        a_column("loud", 0.35, is_drifted=True, importance=0.01),
        a_column("quiet", 0.09, importance=0.9),
        a_column("leaned_on", 0.2, is_drifted=True, importance=0.5),
        a_column("unused", 0.3, is_drifted=True, importance=0.0),
    ]
    assert [column.name for column in ranked(columns)] == ["leaned_on", "loud", "unused", "quiet"]
    unweighed = [replace(column, importance=None) for column in columns]
    assert [column.name for column in ranked(unweighed)] == ["loud", "unused", "leaned_on", "quiet"]


def test_the_number_of_data_drift_is_its_worst_column_in_floors() -> None:
    report = DriftReport("drift", "…", 10, 20, (a_column("a", 0.25, is_drifted=True), a_column("b", None)))
    signal = drift_signal(report, {"a": 0.7})
    assert (signal.value, signal.threshold, signal.rows) == (2.5, 1.0, 20)
    assert [column.importance for column in signal.columns] == [0.7, None]


def test_the_past_is_carried_on_and_forgotten_in_the_end() -> None:
    report = None
    for number in range(TREND_WINDOWS + 5):
        report = a_run(number, report)
    assert report is not None
    times = [point.at for point in report.trend]
    assert len(times) == TREND_WINDOWS
    assert times == sorted(times)
    assert times[-1] == report.end


def test_a_window_that_is_looked_at_again_counts_once() -> None:
    first = a_run(1, None)
    again = a_run(1, first, replace(a_signal(), value=0.7))
    assert [point.value for point in again.trend] == [0.7]


def test_a_rare_signal_keeps_its_past_beside_a_frequent_one() -> None:
    report = a_run(0, None, a_signal("no-drift", "performance"))
    for number in range(1, TREND_WINDOWS + 5):
        report = a_run(number, report)
    assert [point.at for point in report.trend if point.signal == "performance"] == [NOW]


def test_a_thousand_columns_leave_the_trend_small() -> None:
    columns = [a_column(f"c{number}", number / 2000) for number in range(1000)]
    report = a_run(1, None, a_signal("no-drift", "data-drift", *columns))
    assert len(report.trend) == TREND_COLUMNS + 1
    assert report.trend[1].column == "c999"


def test_what_json_cannot_hold_is_taken_out() -> None:
    column = replace(a_column("half \ud800", 0.2), measures={"PSI": math.inf, "KS": 0.2}, p_value=math.nan)
    report = a_run(1, None, a_signal("no-drift", "data-drift", column))
    (column,) = report.signals[0].columns
    assert (column.name, dict(column.measures), column.p_value) == ("half ?", {"KS": 0.2}, None)
