"""Evidently: what a Report's `.json()` gives, with or without tests.

Shape: evidently 0.7.23, read off its own output. What versions before 0.7 wrote (`evidently.legacy` still does) is read
by evidently_legacy.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.fact import FeatureDrift
from shared.events.alerts.refusal import refuse
from shared.events.alerts.results import evidently_legacy
from shared.events.alerts.results.evidently_table import FAILED, RULES, SIGNALS, SILENT, status_of
from shared.events.alerts.results.signal_result import SignalResult
from shared.events.wire.fields import Fields
from shared.events.wire.measured import listed, strongest_first

COLUMN, SHARE = "ValueDrift", "DriftedColumnsCount"
DRIFT = "data-drift"


def read(result: Fields) -> tuple[SignalResult, ...]:
    """Return what a report says, one entry per signal.

    Its tests are its verdict. Without tests it judges drift alone: by the share of drifted columns against its
    `drift_share`, or, where it does not count them, when any column drifted.

    Raises:
        EventError: there is nothing in it that could be judged, or a method of which nobody knows what it means.
    """
    report = result.mapping("result")
    if evidently_legacy.is_legacy(report):
        return evidently_legacy.read(report)
    metrics, tests = report.items("metrics"), report.items("tests")
    if tests:
        return _by_tests(metrics, tests)
    columns = [metric for metric in metrics if _type(metric) == COLUMN]
    shares = [metric for metric in metrics if _type(metric) == SHARE]
    if not columns and not shares:
        refuse("the result has no ValueDrift metric, and no tests", "post the .json() of a Report with DataDriftPreset")
    return (_by_share(columns, shares[0]) if shares else _by_columns(columns),)


def _by_tests(metrics: tuple[Fields, ...], tests: tuple[Fields, ...]) -> tuple[SignalResult, ...]:
    by_id = {metric.text("id"): metric for metric in metrics}
    signals: dict[str, list[tuple[Fields, Fields, bool]]] = {}
    for test in tests:
        config = test.mapping("metric_config")
        kind = _plain_type(config.mapping("params").optional_text("type"))
        status = status_of(test)
        if kind not in SIGNALS and status in FAILED:
            refuse(f"a test of {kind or 'no metric'!r:.60} failed, and nobody here knows what it is about", _ASK)
        if kind in SIGNALS and status not in SILENT:
            metric = by_id.get(config.optional_text("metric_id") or "", test)
            signals.setdefault(SIGNALS[kind], []).append((test, metric, status in FAILED))
    if not signals:
        refuse("none of its tests was computed and is of a metric that is known here", _ASK)
    return tuple(_tested(signal, tests) for signal, tests in signals.items())


_ASK = "post a report with DataDriftPreset, or tests of Evidently's own metrics"


def _tested(signal: str, tests: list[tuple[Fields, Fields, bool]]) -> SignalResult:
    failed = [(test, metric) for test, metric, is_failed in tests if is_failed]
    features = strongest_first(f for test, metric in failed if (f := _feature(test, metric)))
    if signal != DRIFT:
        sentence = f"Evidently: {len(failed)} of {len(tests)} tests failed"
        return SignalResult(signal, bool(failed), features, _with(sentence, features))
    columns = sum(_type(metric) == COLUMN for _, metric, _ in tests)
    sentence = f"Evidently finds drift in {len(features)} of {columns} columns (by its tests)"
    return SignalResult(signal, bool(failed), features, _with(sentence, features))


def _feature(test: Fields, metric: Fields) -> FeatureDrift | None:
    """Return what was measured and the bound it broke; None where the report has no such numbers."""
    config, bounds = metric.mapping("config"), test.mapping("test_config")
    kind = _type(metric)
    if kind == COLUMN and metric.is_number("value"):
        return FeatureDrift(config.name("column"), config.name("method"), metric.number("value"), _bound(config))
    value = _number(metric)
    if kind in {COLUMN, SHARE} or value is None or not bounds.is_number("threshold"):
        return None
    return FeatureDrift(config.optional_name("column") or "", kind, value, bounds.number("threshold"))


def _number(metric: Fields) -> float | None:
    if metric.is_number("value"):
        return metric.number("value")
    if not metric.is_mapping("value"):
        return None
    values = metric.mapping("value")
    return next((values.number(key) for key in ("mean", "count", "share") if values.is_number(key)), None)


def _by_share(columns: list[Fields], share: Fields) -> SignalResult:
    """Return the report's own verdict; a column that only Evidently can judge is left out of the evidence."""
    value, bound = share.mapping("value"), share.mapping("config").number("drift_share")
    reached, count = value.number("share"), int(value.number("count"))
    features = _drifted(columns)
    total = len(columns) or (round(count / reached) if reached else 0)
    rule = f"a share of {reached:.2f} against its bound of {bound:g}"
    sentence = f"Evidently finds drift in {count} of {total} columns ({rule})"
    return SignalResult(DRIFT, reached >= bound, features, _with(sentence, features))


def _by_columns(columns: list[Fields]) -> SignalResult:
    for column in columns:
        method = column.mapping("config").name("method")
        if method.lower() not in RULES:
            refuse(
                f"of method {method!r:.60} the value alone does not say on which side of its bound drift is",
                "make the report with include_tests=True: then Evidently says it itself",
            )
    if not any(column.is_number("value") for column in columns):
        refuse("none of its columns has a value", "see why Evidently could not compute them")
    features = _drifted(columns)
    sentence = f"Evidently finds drift in {len(features)} of {len(columns)} columns (any column counts)"
    return SignalResult(DRIFT, bool(features), features, _with(sentence, features))


def _drifted(columns: Iterable[Fields]) -> tuple[FeatureDrift, ...]:
    features = []
    for column in (column for column in columns if column.is_number("value")):
        config = column.mapping("config")
        method, value, bound = config.name("method"), column.number("value"), _bound(config)
        rule = RULES.get(method.lower())
        if rule and rule(value, bound):
            features.append(FeatureDrift(config.name("column"), method, value, bound))
    return strongest_first(features)


def _bound(config: Fields) -> float:
    return config.number("threshold")


def _type(metric: Fields) -> str:
    return _plain_type(metric.mapping("config").optional_text("type"))


def _plain_type(text: str | None) -> str:
    return (text or "").rpartition(":")[2]


def _with(sentence: str, features: tuple[FeatureDrift, ...]) -> str:
    return f"{sentence}: {listed(features)}" if features else sentence
