"""Puts the report of a run together: what the signals found, ranked, in a sentence, and with the past behind it."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from shared.drift.results.comparison import ColumnReport, DriftReport, DriftRules
from shared.drift.results.signals import (
    DATA_SIGNALS,
    WORST_FIRST,
    MonitorReport,
    QuietWindow,
    SignalReport,
    SignalVerdict,
    TrendPoint,
)

DATA_DRIFT = "data-drift"
# A report carries the past that its page draws, so that no older report has to be read to draw it.
TREND_WINDOWS = 30
TREND_COLUMNS = 50
# So many windows of each signal, and columns of each, set the floors of later windows.
QUIET_WINDOWS, QUIET_COLUMNS = 30, 1000
_WITH_FLOORS = (DATA_DRIFT, "prediction-drift", "embedding-drift", "estimated-performance")
COLUMNS_NAMED = 3
LONGEST_NAME = 60

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReportHeader:
    """What was looked at, and against what; the fields are those of a MonitorReport."""

    model: str
    start: datetime
    end: datetime
    reference: str
    model_version: str = ""
    endpoint: str = ""
    deployment: str = ""
    made_at: datetime | None = None
    reference_rows: int | None = None
    rules: tuple[str, ...] = ()
    profile: str = ""
    policy_digest: str = ""


def report_id(model: str, end: datetime) -> str:
    """Return the id of the run whose window ends then; ids of a model sort as their windows do."""
    return f"{model}-{end.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def assemble(
    header: ReportHeader, signals: Sequence[SignalReport], previous: MonitorReport | None = None
) -> MonitorReport:
    """Return the run's report. It can always be stored: no number in it is infinite, no text broken.

    Args:
        previous: the model's report before this one; its trend is carried on.
    """
    # Ranked first: what is cut off further on, in the trend and in the sentence, is the least that matters.
    cleaned = tuple(_storable(_with_ranking(signal)) for signal in signals)
    verdict = overall_verdict(cleaned)
    points = trend(cleaned, header.end)
    return MonitorReport(
        id=report_id(header.model, header.end),
        verdict=verdict,
        sentence=headline(verdict, cleaned),
        signals=cleaned,
        trend=_carried_on(previous.trend if previous else (), points),
        # The trend shows all versions; floors are of this one alone: another one's reference is another.
        quiet=_quiet(_of_same_version(previous, header), cleaned, header.start),
        **{field.name: _storable(getattr(header, field.name)) for field in dataclasses.fields(header)},
    )


def drift_signal(report: DriftReport, importances: Mapping[str, float] | None = None) -> SignalReport:
    """Return a comparison as the signal "data-drift".

    Args:
        importances: each column's share of the model's feature importance, 0-1, where known.
    """
    weights = importances or {}
    columns = tuple(
        dataclasses.replace(column, importance=weights.get(column.name, column.importance)) for column in report.columns
    )
    compared = [column for column in columns if column.effect is not None]
    return SignalReport(
        signal=DATA_DRIFT,
        verdict=report.verdict,
        sentence=report.sentence,
        rows=report.window_rows,
        value=max((strength(column) for column in compared), default=None),
        threshold=1.0 if compared else None,
        measure="worst column, in multiples of its floor",
        columns=columns,
        findings=report.findings,
    )


def strength(column: ColumnReport) -> float:
    """Return the column's largest change in multiples of its floor; from 1 on it may be drift.

    Missing and new values count from smaller shares on than the floor: a drifted column's is at least 1.
    """
    missing = abs(column.missing_now - column.missing_before)
    change = max(column.effect or 0.0, missing, column.unseen_share) / column.floor
    return max(1.0, change) if column.is_drifted else change


def ranked(columns: Iterable[ColumnReport]) -> tuple[ColumnReport, ...]:
    """Return the columns, those that matter most first: drifted ones, and among them those the model leans on.

    As in `compare`, a column of average importance weighs 1 and one without any half of that.
    """
    columns = tuple(columns)

    def weight(column: ColumnReport) -> tuple[bool, float]:
        leaning = 1.0 if column.importance is None else (1 + len(columns) * column.importance) / 2
        return column.is_drifted, strength(column) * leaning

    return tuple(sorted(columns, key=weight, reverse=True))


def overall_verdict(signals: Sequence[SignalReport]) -> SignalVerdict:
    """Return the verdict on the whole; without any signal it is insufficient-data.

    Data without faults does not mean that there is no drift: beside other signals, only its faults count.
    """
    others = [signal for signal in signals if signal.signal not in ("data-quality", *DATA_SIGNALS)]
    verdicts = {signal.verdict for signal in signals if signal in others or not others or signal.verdict != "no-drift"}
    return next((verdict for verdict in WORST_FIRST if verdict in verdicts), "insufficient-data")


def headline(verdict: SignalVerdict, signals: Sequence[SignalReport]) -> str:
    """Return the whole verdict in a sentence, or one per signal that has the same verdict."""
    decisive = [signal for signal in signals if signal.verdict == verdict]
    sentences = (_with_name(signal).rstrip() for signal in decisive)
    closed = (sentence if sentence.endswith((".", "!", "?")) else f"{sentence}." for sentence in sentences if sentence)
    return " ".join(closed) or "Nothing was looked at."


def rules_in_words(rules: DriftRules) -> tuple[str, ...]:
    """Return what counted as drift, one sentence each."""
    ignored = f"Left out: {', '.join(sorted(rules.ignore))}." if rules.ignore else ""
    sentences = (
        f"A change counts from an effect of {rules.min_effect:g} on.",
        f"At most {100 * rules.false_alarms:g} % of flagged columns may be false alarms (Benjamini-Hochberg).",
        f"Both sides need {rules.minimum_rows:,} rows.",
        ignored,
    )
    return tuple(sentence for sentence in sentences if sentence)


def trend(signals: Iterable[SignalReport], at: datetime) -> tuple[TrendPoint, ...]:
    """Return the run's own points: each signal's number, and those of its columns that stand out most."""
    points: list[TrendPoint] = []
    for signal in signals:
        if signal.value is not None:
            points.append(TrendPoint(at, signal.signal, "", signal.value, signal.threshold, signal.verdict))
        compared = [column for column in signal.columns if column.effect is not None and column.statistic != "none"]
        points += [_point(signal.signal, column, at) for column in compared[:TREND_COLUMNS]]
    return tuple(points)


def _of_same_version(previous: MonitorReport | None, header: ReportHeader) -> tuple[QuietWindow, ...]:
    return previous.quiet if previous and previous.model_version == header.model_version else ()


def _quiet(earlier: Sequence[QuietWindow], signals: Sequence[SignalReport], start: datetime) -> tuple[QuietWindow, ...]:
    """Return the newest windows of each signal, oldest first; a window that was looked at again counts once."""
    new = [quiet_window(signal, start) for signal in signals if signal.signal in _WITH_FLOORS and signal.rows]
    # An open window is looked at again with more rows; its newest look replaces the earlier one.
    repeated = {(window.signal, window.start) for window in new}
    windows = [
        *(window for window in earlier if (window.signal, window.start) not in repeated),
        *new,
    ]
    newest = {name: [window for window in windows if window.signal == name][-QUIET_WINDOWS:] for name in _WITH_FLOORS}
    return tuple(window for newest_windows in newest.values() for window in newest_windows if window.effects)


def quiet_window(signal: SignalReport, start: datetime) -> QuietWindow:
    """Return what later windows are held to: the effects of what did not drift."""
    # Only what did not drift sets later floors: drift that lasts would otherwise raise them until it counts no more.
    quiet = [column for column in signal.columns if column.effect is not None and not column.is_drifted][:QUIET_COLUMNS]
    effects = {column.name: round(column.effect or 0.0, 6) for column in quiet}
    if signal.value is not None and signal.verdict == "no-drift":
        effects[""] = signal.value
    return QuietWindow(signal.signal, start, signal.rows, effects)


def _point(signal: str, column: ColumnReport, at: datetime) -> TrendPoint:
    verdict: SignalVerdict = "drift" if column.is_drifted else "no-drift"
    return TrendPoint(at, signal, column.name, column.effect or 0.0, column.floor, verdict)


def _carried_on(earlier: Sequence[TrendPoint], points: Sequence[TrendPoint]) -> tuple[TrendPoint, ...]:
    """Return the newest windows of each signal, oldest first; a window that was looked at again counts once."""
    new = {(point.signal, point.at) for point in points}
    carried = sorted((point for point in earlier if (point.signal, point.at) not in new), key=lambda point: point.at)
    all_points = [*carried, *points]
    newest: dict[str, set[datetime]] = {}
    for signal in {point.signal for point in all_points}:
        newest[signal] = set(sorted({point.at for point in all_points if point.signal == signal})[-TREND_WINDOWS:])
    return tuple(point for point in all_points if point.at in newest[point.signal])


def short_sentence(signal: SignalReport) -> str:
    """Return what a signal found without its numbers: of data drift only the columns, of others the whole."""
    if signal.signal != DATA_DRIFT or signal.verdict not in ("drift", "no-drift"):
        return signal.sentence
    drifted = [column.name for column in signal.columns if column.is_drifted]
    count = len(signal.columns)
    if not drifted:
        return f"All {count} columns still look like the reference." if count > 1 else signal.sentence
    verb = "no longer looks" if len(drifted) == 1 else "no longer look"
    first = f"{_listed(drifted[:COLUMNS_NAMED])} changed most" if len(drifted) > 1 else _listed(drifted)
    return f"{len(drifted)} of {count} columns {verb} like the reference: {first}."


def _with_name(signal: SignalReport) -> str:
    sentence, name = short_sentence(signal), signal.signal.replace("-", " ").capitalize()
    is_named = signal.signal == DATA_DRIFT or sentence.lower().startswith(name.lower())
    return sentence if is_named else f"{name}: {sentence}"


def _listed(columns: Sequence[str]) -> str:
    names = [column.strip()[:LONGEST_NAME] or "(no name)" for column in columns]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _with_ranking(signal: SignalReport) -> SignalReport:
    return dataclasses.replace(signal, columns=ranked(signal.columns))


def _storable(value: T) -> T:
    """Return the value without what JSON cannot hold: halves of surrogate pairs, infinities, NaN."""
    return _cleaned(value)  # type: ignore[no-any-return]


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case float():
            return value if math.isfinite(value) else None
        case tuple():
            return tuple(_bounded(element) if isinstance(element, float) else _cleaned(element) for element in value)
        case Mapping():
            pairs = ((_cleaned(key), _cleaned(element)) for key, element in value.items())
            return {key: element for key, element in pairs if element is not None}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {field.name: _cleaned(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **changes)
    return value


def _bounded(value: float) -> float:
    """Return a number of a row of numbers, where none may be left out."""
    if math.isnan(value):
        return 0.0
    return max(-sys.float_info.max, min(sys.float_info.max, value))
