"""How often floors would have alarmed on the past: of stored reports, or of files cut into windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cli.kit.errors import CommandError
from cli.monitor.files import ParquetPieces, read_files

if TYPE_CHECKING:
    from shared.bootstrap import App
    from shared.drift.calibrate.calibrate import Calibration, FloorAlarms, Look
    from shared.drift.calibrate.persistence import Persistence

MOST_REPORTS = 500
BAR = 24


@dataclass(frozen=True, slots=True)
class CalibrationRequest:
    """The command's options. `alarms_at_most` is a share of windows, 0-1."""

    signal: str
    alarms_at_most: float
    persistence: Persistence

    @classmethod
    def read(cls, signal: str, alarms: str, persistence: str) -> CalibrationRequest:
        from shared.drift.calibrate.persistence import Persistence
        from shared.policy.sections.quantities import parse_percent

        try:
            return cls(signal, parse_percent(alarms) / 100, Persistence.parse(persistence))
        except ValueError as exc:
            hint = "write e.g. --alarms-at-most 1% --persistence '2 of 3'"
            raise CommandError("cli.calibrate", str(exc), hint) from exc


def from_reports(app: App, model: str, request: CalibrationRequest) -> Calibration:
    """Return how often floors would have alarmed on a model's stored reports.

    Raises:
        CommandError: no report has the signal.
    """
    from shared.drift.calibrate.calibrate import look_of
    from shared.policy.sections.monitoring import Monitor

    rules = next((p.section(Monitor) for p in app.policies if p.model == model), None)
    false_alarms = rules.data_drift.false_alarms / 100 if rules and rules.data_drift else 0.01
    stored = app.monitor_reports.newest(model, MOST_REPORTS)
    reports = [report for entry in stored if (report := app.monitor_reports.read(model, entry.id))]
    looks = [
        look_of(signal, report.end, false_alarms)
        for report in reports
        for signal in report.signals
        if signal.signal == request.signal
    ]
    if not looks:
        hint = "every look of its monitor stores one; or give --files"
        raise CommandError("cli.no_past", f"{model} has no report with {request.signal}", hint)
    return _calibrated(looks, request)


def from_files(files: Sequence[Path], rows: int, ignore: frozenset[str], request: CalibrationRequest) -> Calibration:
    """Return how often floors would have alarmed on windows of so many rows: the first half of the data is the
    reference of the second.

    Raises:
        CommandError: the files are too large or hold too few rows, or the signal needs a model.
    """
    from shared.drift.calibrate.calibrate import look_of
    from shared.drift.profiles.profile import profile
    from shared.drift.results.comparison import DriftRules
    from shared.engine.monitors.window_signals import measure_data_drift

    if request.signal != "data-drift":
        raise CommandError("cli.signal", f"{request.signal} cannot be measured on files", "give a model, or data-drift")
    frame = read_files(files)
    if isinstance(frame, ParquetPieces):
        raise CommandError("cli.file", "these files are too large", "give a sample in time order")
    half = len(frame) // 2
    if half < 2 * rows:
        message = f"{len(frame):,} rows are too few for windows of {rows:,}"
        raise CommandError("cli.too_few", message, "give more data, or shorter windows with --rows")
    rules = DriftRules(minimum_rows=rows, ignore=ignore)
    made = profile(frame.iloc[:half], ignore)
    starts = range(half, len(frame) - rows + 1, rows)
    # Files have no clock; the windows only have an order.
    at = datetime(2000, 1, 1, tzinfo=UTC)
    looks = [
        look_of(measure_data_drift(frame.iloc[start : start + rows], made, rules), at + number * timedelta(hours=1))
        for number, start in enumerate(starts)
    ]
    return _calibrated(looks, request)


def _calibrated(looks: Sequence[Look], request: CalibrationRequest) -> Calibration:
    from shared.drift.calibrate.calibrate import calibrate

    return calibrate(request.signal, looks, alarms_at_most=request.alarms_at_most, persistence=request.persistence)


def print_calibration(calibration: Calibration, persistence: Persistence) -> None:
    from rich import box
    from rich.table import Table

    from cli.kit.output import console, text

    out = console()
    out.print(text(calibration.sentence, "bold"), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("windows", "floor", "alarms", "", "episodes"):
        table.add_column(name, justify="left" if name in ("windows", "") else "right", no_wrap=True)
    previous = ""
    for row in calibration.rows:
        rule = str(row.persistence)
        cells = (rule if rule != previous else "", f"{row.floor:g}", f"{row.alarms} of {row.windows}", _bar(row))
        table.add_row(*map(text, (*cells, row.episodes)))
        previous = rule
    out.print(table)
    rule = _rule(calibration)
    if calibration.floor is not None and rule:
        lasting = f", persistence: {{alarms: {persistence.alarms}, of: {persistence.of}}}" if persistence.of > 1 else ""
        out.print(text(f"monitor: {{data_drift: {{{rule}}}{lasting}}}", "green"), soft_wrap=True)


def _rule(calibration: Calibration) -> str:
    """Return what to write in the policy: floors of the columns that need one above the default."""
    from shared.drift.results.comparison import DriftRules

    if not calibration.floors:
        return f"min_effect: {calibration.floor:g}"
    least = DriftRules().min_effect
    raised = [
        f"{column.column}: {column.floor:g}"
        for column in calibration.floors
        if column.floor is not None and column.floor > least
    ]
    return f"min_effects: {{{', '.join(raised)}}}" if raised else f"min_effect: {least:g}"


def entries(calibration: Calibration) -> list[dict[str, object]]:
    """Return what was found as one entry for the signal, whose column is "", and one per column."""
    whole: dict[str, object] = {
        "signal": calibration.signal,
        "column": "",
        "windows": calibration.windows,
        "skipped": calibration.skipped,
        "alarmed": calibration.alarmed,
        "floor": calibration.floor,
        "share_at_most": calibration.share_at_most,
        "sentence": calibration.sentence,
        "rows": calibration.rows,
    }
    columns: list[dict[str, object]] = [
        {
            "signal": calibration.signal,
            "column": column.column,
            "windows": column.windows,
            "alarms": column.alarms,
            "floor": column.floor,
        }
        for column in calibration.floors
    ]
    return [whole, *columns]


def _bar(row: FloorAlarms) -> str:
    full = round(BAR * row.share)
    return "█" * max(full, 1 if row.alarms else 0)
