"""A report as rows: one per signal, whose column is "", and one per column that it looked at.

Their fields are documented in docs/reference/monitor-rows.md; a test compares the two. Fields are only ever added, at
the end: tables that were written before have null there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.drift.results.comparison import ColumnReport
from shared.drift.results.signals import MonitorReport, SignalReport, SignalVerdict


@dataclass(frozen=True, slots=True)
class MonitorRow:
    """One number of a look, with all that tells it from others; "" and None where there is nothing to say.

    Args:
        value: in the unit that `measure` names; `low` and `high` are its bounds, each 95 % sure.
        threshold: where the verdict tips.
        rows: how many were looked at.
        report: the blob of the report in the app's container.
    """

    looked_at: datetime
    workspace: str
    model: str
    version: str
    endpoint: str
    deployment: str
    window_start: datetime
    window_end: datetime
    signal: str
    column: str
    segment: str
    measure: str
    value: float | None
    low: float | None
    high: float | None
    threshold: float | None
    verdict: SignalVerdict
    rows: int
    sentence: str
    report: str


def monitor_rows(report: MonitorReport, workspace: str, blob: str) -> tuple[MonitorRow, ...]:
    """Return a look's rows, signal by signal; a signal's columns come worst first."""
    return tuple(row for signal in report.signals for row in _of_signal(report, signal, workspace, blob))


def _of_signal(report: MonitorReport, signal: SignalReport, workspace: str, blob: str) -> Iterator[MonitorRow]:
    served = (report.model, report.model_version, report.endpoint, report.deployment)
    look = (report.made_at or report.end, workspace, *served, report.start, report.end, signal.signal)
    number = (signal.measure, signal.value, signal.low, signal.high, signal.threshold)
    yield MonitorRow(*look, "", "", *number, signal.verdict, signal.rows, signal.sentence, blob)
    for column in signal.columns:
        number = (column.statistic, column.effect, None, None, column.floor)
        about = (_verdict(column), signal.rows, column.sentence, blob)
        yield MonitorRow(*look, column.name, column.segment, *number, *about)


def _verdict(column: ColumnReport) -> SignalVerdict:
    if column.is_drifted:
        return "drift"
    return "insufficient-data" if column.effect is None else "no-drift"
