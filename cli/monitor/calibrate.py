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
class Wanted:
    """What is asked for. `alarms_at_most` is a share of windows, 0-1."""

    signal: str
    alarms_at_most: float
    persistence: Persistence

    @classmethod
    def read(cls, signal: str, alarms: str, persistence: str) -> Wanted:
        from shared.drift.calibrate.persistence import Persistence
        from shared.policy.sections.quantities import parse_percent

        try:
            return cls(signal, parse_percent(alarms) / 100, Persistence.parse(persistence))
        except ValueError as exc:
            hint = "write e.g. --alarms-at-most 1% --persistence '2 of 3'"
            raise CommandError("cli.calibrate", str(exc), hint) from exc


def from_reports(app: App, model: str, wanted: Wanted) -> Calibration:
    """Return what a model's stored reports say."""
    from shared.drift.calibrate.calibrate import look_of
    from shared.policy.sections.monitoring import Monitor

    rules = next((p.section(Monitor) for p in app.policies if p.model == model), None)
    false_alarms = rules.data_drift.false_alarms / 100 if rules and rules.data_drift else 0.01
    stored = app.monitor_reports.newest(model, MOST_REPORTS)
    reports = [report for each in stored if (report := app.monitor_reports.read(model, each.id))]
    looks = [
        look_of(signal, report.end, false_alarms)
        for report in reports
        for signal in report.signals
        if signal.signal == wanted.signal
    ]
    if not looks:
        hint = "they come with every look of its monitor; or give --files"
        raise CommandError("cli.no_past", f"{model} has no report with {wanted.signal}", hint)
    return _calibrated(looks, wanted)


def from_files(files: Sequence[Path], rows: int, ignore: frozenset[str], wanted: Wanted) -> Calibration:
    """Return what windows of so many rows say: the first half of the data is the reference of the second."""
    from shared.drift.calibrate.calibrate import look_of
    from shared.drift.profiles.profile import profile
    from shared.drift.results.comparison import DriftRules
    from shared.engine.monitors.window_signals import measure_data_drift

    if wanted.signal != "data-drift":
        raise CommandError("cli.signal", f"files say nothing of {wanted.signal}", "give a model, or data-drift")
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
    return _calibrated(looks, wanted)


def _calibrated(looks: Sequence[Look], wanted: Wanted) -> Calibration:
    from shared.drift.calibrate.calibrate import calibrate

    return calibrate(wanted.signal, looks, alarms_at_most=wanted.alarms_at_most, persistence=wanted.persistence)


def print_calibration(found: Calibration, persistence: Persistence) -> None:
    from rich import box
    from rich.table import Table

    from cli.kit.output import console, text

    out = console()
    out.print(text(found.sentence, "bold"), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("windows", "floor", "alarms", "", "episodes"):
        table.add_column(name, justify="left" if name in ("windows", "") else "right", no_wrap=True)
    before = ""
    for each in found.rows:
        rule = str(each.persistence)
        cells = (rule if rule != before else "", f"{each.floor:g}", f"{each.alarms} of {each.windows}", _bar(each))
        table.add_row(*map(text, (*cells, each.episodes)))
        before = rule
    out.print(table)
    rule = _rule(found)
    if found.floor is not None and rule:
        lasting = f", persistence: {{alarms: {persistence.alarms}, of: {persistence.of}}}" if persistence.of > 1 else ""
        out.print(text(f"monitor: {{data_drift: {{{rule}}}{lasting}}}", "green"), soft_wrap=True)


def _rule(found: Calibration) -> str:
    """Return what to write in the policy: floors of the columns that need one above the default."""
    from shared.drift.results.comparison import DriftRules

    if not found.floors:
        return f"min_effect: {found.floor:g}"
    least = DriftRules().min_effect
    raised = [
        f"{each.column}: {each.floor:g}" for each in found.floors if each.floor is not None and each.floor > least
    ]
    return f"min_effects: {{{', '.join(raised)}}}" if raised else f"min_effect: {least:g}"


def entries(found: Calibration) -> list[dict[str, object]]:
    """Return what was found as one entry for the signal, whose column is "", and one per column."""
    whole: dict[str, object] = {
        "signal": found.signal,
        "column": "",
        "windows": found.windows,
        "skipped": found.skipped,
        "alarmed": found.alarmed,
        "floor": found.floor,
        "share_at_most": found.share_at_most,
        "sentence": found.sentence,
        "rows": found.rows,
    }
    columns: list[dict[str, object]] = [
        {
            "signal": found.signal,
            "column": each.column,
            "windows": each.windows,
            "alarms": each.alarms,
            "floor": each.floor,
        }
        for each in found.floors
    ]
    return [whole, *columns]


def _bar(row: FloorAlarms) -> str:
    full = round(BAR * row.share)
    return "█" * max(full, 1 if row.alarms else 0)
