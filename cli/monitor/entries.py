"""A report as a flat list: one entry per signal, whose column is "", and one per column that it looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.drift.results.comparison import ColumnReport
    from shared.drift.results.signals import MonitorReport, SignalReport

Entry = dict[str, object]
# What only columns have: null in the entry of a signal.
_COLUMN_KEYS = (
    "floor_reason",
    "p_value",
    "adjusted_p_value",
    "missing_before",
    "missing_now",
    "unseen_share",
    "importance",
    "measures",
)


def entries(report: MonitorReport) -> list[Entry]:
    """Return the entries, signal by signal; a signal's columns come worst first."""
    about = {"model": report.model, "reference": report.reference, "start": report.start, "end": report.end}
    return [{**entry, **about} for signal in report.signals for entry in _of_signal(signal)]


def _of_signal(signal: SignalReport) -> Iterator[Entry]:
    yield dict.fromkeys(_COLUMN_KEYS) | {
        "signal": signal.signal,
        "column": "",
        "verdict": signal.verdict,
        "sentence": signal.sentence,
        "rows": signal.rows,
        "statistic": signal.measure,
        "effect": signal.value,
        "floor": signal.threshold,
        "findings": signal.findings,
    }
    for column in signal.columns:
        yield _of_column(signal, column)


def _of_column(signal: SignalReport, column: ColumnReport) -> Entry:
    is_compared = column.is_drifted or column.effect is not None
    return {
        "signal": signal.signal,
        "column": column.name,
        "verdict": "drift" if column.is_drifted else "no-drift" if is_compared else "insufficient-data",
        "sentence": column.sentence,
        "rows": signal.rows,
        "statistic": column.statistic,
        "effect": column.effect,
        "floor": column.floor,
        "floor_reason": column.floor_reason,
        "p_value": column.p_value,
        "adjusted_p_value": column.adjusted_p_value,
        "missing_before": column.missing_before,
        "missing_now": column.missing_now,
        "unseen_share": column.unseen_share,
        "importance": column.importance,
        "measures": column.measures,
        "findings": column.findings,
    }
