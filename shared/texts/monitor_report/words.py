"""Numbers, times and verdicts as the page writes them; in English."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.drift.results.comparison import ColumnReport
from shared.drift.results.signals import MonitorReport
from shared.texts.values import plain

SIGNALS = {
    "data-drift": "Data drift",
    "data-quality": "Data quality",
    "prediction-drift": "Prediction drift",
    "concept-drift": "Concept drift",
    "performance": "Performance",
    "fairness": "Fairness",
    "estimated-performance": "Performance, estimated without labels",
    "embedding-drift": "Embedding drift",
    "freshness": "Freshness of data",
    "completeness": "Completeness of data",
    "attribution-drift": "Attribution drift",
}
_VERDICTS = {"drift": "Drift", "no-drift": "No drift", "insufficient-data": "Too little data", "error": "Not looked at"}
NOTHING = "–"
LONGEST_NAME = 80


def signal_words(signal: str) -> str:
    return SIGNALS.get(signal, signal.replace("-", " ").capitalize())


def verdict_words(verdict: str) -> str:
    return _VERDICTS.get(verdict, verdict)


def number(value: float | None) -> str:
    """Return three significant digits; at most thousands are written out."""
    if value is None:
        return NOTHING
    if value == 0:
        return "0"
    if abs(value) >= 1e6 or abs(value) < 1e-3:
        return f"{value:.2g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def effect(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def percent(share: float | None) -> str:
    """Return a share, 0-1, as a percentage: never 0 % for what is not 0."""
    if share is None:
        return NOTHING
    if share == 0:
        return "0 %"
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.1f} %" if share < 0.9995 else "100 %"


def count(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def moment(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def day(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b}"


def hour(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M}"


def window(report: MonitorReport) -> str:
    """Return the window in words; a local file has none."""
    if report.start == report.end:
        return f"files, read {moment(report.end)}"
    start, end = report.start.astimezone(UTC), report.end.astimezone(UTC)
    if start.date() == end.date():
        return f"{start.day} {start:%b %Y, %H:%M} to {end:%H:%M} UTC"
    return f"{moment(start)} to {moment(end)}"


def column_name(name: str) -> str:
    """Return the name as far as a table has room for it."""
    shown = plain(name) or "(no name)"
    return shown if len(shown) <= LONGEST_NAME else f"{shown[: LONGEST_NAME - 1]}…"


def column_words(column: ColumnReport) -> str:
    """Return the column's own sentence, without its name: the name stands above it."""
    text = column.sentence.removeprefix(f"{column.name}: ")
    return text[:1].upper() + text[1:] + "." if text else "Not compared."


def measures(column: ColumnReport) -> str:
    """Return every distance that was taken, and how much the model leans on the column."""
    words = [f"{name} {number(value)}" for name, value in column.measures.items()]
    if column.importance is not None:
        words.append(f"importance {percent(column.importance)}")
    return " · ".join(words)
