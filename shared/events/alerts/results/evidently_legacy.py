"""Evidently before 0.7: the `.json()` of a Report with drift metrics, or of a TestSuite; it says itself what drifted.

Shape: `evidently.legacy` of 0.7.23, read off its own output; the same since 0.2.
"""

from __future__ import annotations

from shared.domain.fact import FeatureDrift
from shared.events.alerts.refusal import refuse
from shared.events.alerts.results.evidently_table import FAILED, LEGACY_GROUPS, SILENT, status_of
from shared.events.alerts.results.signal_result import SignalResult
from shared.events.wire.fields import Fields
from shared.events.wire.measured import listed, strongest_first

DATASET, TABLE, COLUMN = "DatasetDriftMetric", "DataDriftTable", "ColumnDriftMetric"


def is_legacy(report: Fields) -> bool:
    """Return whether it has the shape of those versions: metrics by name, or tests by group."""
    return any(item.has("metric") for item in report.items("metrics")) or any(
        item.has("group") for item in report.items("tests")
    )


def read(report: Fields) -> tuple[SignalResult, ...]:
    """Return what the report, or the test suite, says.

    Raises:
        EventError: it holds no drift, and no tests.
    """
    if tests := report.items("tests"):
        return _by_tests(tests)
    results = [(item.text("metric"), item.mapping("result")) for item in report.items("metrics")]
    tables = [result.mapping("drift_by_columns") for metric, result in results if metric == TABLE]
    columns = [table.mapping(key) for table in tables for key in table.keys]
    columns += [result for metric, result in results if metric == COLUMN]
    datasets = [result for metric, result in results if metric in {DATASET, TABLE} and result.has("dataset_drift")]
    if not columns and not datasets:
        refuse("the result has no drift metric", "post the .json() of a Report with DataDriftPreset")
    features = strongest_first(_feature(column) for column in columns if column.flag("drift_detected"))
    is_drift = datasets[0].flag("dataset_drift") if datasets else bool(features)
    rule = "by its share of columns" if datasets else "any column counts"
    sentence = f"Evidently finds drift in {len(features)} of {len(columns)} columns ({rule})"
    return (
        SignalResult("data-drift", is_drift, features, f"{sentence}: {listed(features)}" if features else sentence),
    )


def _feature(column: Fields) -> FeatureDrift:
    value, bound = column.number("drift_score"), column.number("stattest_threshold")
    return FeatureDrift(column.name("column_name"), column.name("stattest_name"), value, bound)


def _by_tests(tests: tuple[Fields, ...]) -> tuple[SignalResult, ...]:
    signals: dict[str, list[Fields]] = {}
    for test in tests:
        group, status = test.optional_text("group") or "", status_of(test)
        if group not in LEGACY_GROUPS and status in FAILED:
            refuse(f"a test of group {group!r:.60} failed, and nobody here knows what it is about", "see the tests")
        if group in LEGACY_GROUPS and status not in SILENT:
            signals.setdefault(LEGACY_GROUPS[group], []).append(test)
    if not signals:
        refuse("none of its tests was computed and is of a group that is known here", "see why Evidently could not")
    return tuple(_tested(signal, tests) for signal, tests in signals.items())


def _tested(signal: str, tests: list[Fields]) -> SignalResult:
    failed = [test for test in tests if status_of(test) in FAILED]
    features = strongest_first(f for test in failed if (f := _tested_feature(test.mapping("parameters"))))
    sentence = f"Evidently: {len(failed)} of {len(tests)} tests failed"
    return SignalResult(signal, bool(failed), features, f"{sentence}: {listed(features)}" if features else sentence)


def _tested_feature(parameters: Fields) -> FeatureDrift | None:
    if not (parameters.has("column_name") and parameters.has("stattest") and parameters.is_number("score")):
        return None
    value, bound = parameters.number("score"), parameters.number("threshold")
    return FeatureDrift(parameters.name("column_name"), parameters.name("stattest"), value, bound)
