"""What one run of a model's monitor found: signal by signal, and what its report page shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.drift.results.comparison import ColumnReport

SignalVerdict = Literal["drift", "no-drift", "insufficient-data", "error"]
# The first of these that any signal has is the verdict on the whole. An error comes before "no drift": the signal that
# failed may have missed it.
WORST_FIRST: tuple[SignalVerdict, ...] = ("drift", "error", "no-drift", "insufficient-data")

# About data assets, whichever rows were served: each version of an asset is one thing to tell.
DATA_SIGNALS = ("freshness", "completeness")


@dataclass(frozen=True, slots=True)
class SignalReport:
    """One signal's verdict on a window, with its evidence.

    Args:
        signal: "data-drift", "data-quality", "prediction-drift", "concept-drift", "performance",
            "estimated-performance", "fairness", "embedding-drift" or "attribution-drift".
        verdict: "drift" is what a person should look at, whatever the signal.
        sentence: the verdict with its evidence, for people.
        rows: how many rows of the window were looked at.
        value: the signal's own number, in the unit that `measure` names; None when nothing could be measured.
        threshold: where the verdict tips; None when there is no single one.
        measure: what `value` is, e.g. "KS", "roc_auc", "share of rows".
        columns: what was found column by column, worst first; empty for a signal about the whole model.
        findings: what else is odd, one sentence each.
        low, high: bounds of `value`, each 95 % sure, where they are known.
    """

    signal: str
    verdict: SignalVerdict
    sentence: str
    rows: int
    value: float | None = None
    threshold: float | None = None
    measure: str = ""
    columns: tuple[ColumnReport, ...] = ()
    findings: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """A signal's number in one past window; `column` is empty when the number is the signal's own."""

    at: datetime
    signal: str
    column: str
    value: float
    threshold: float | None
    verdict: SignalVerdict


@dataclass(frozen=True, slots=True)
class QuietWindow:
    """A signal's effects in one past window, by column, without those of columns that drifted; the signal's own number
    is that of the column "". Later windows of about so many rows are held to them."""

    signal: str
    start: datetime
    rows: int
    effects: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class MonitorReport:
    """One run of a model's monitor over the window [start, end), whole. `trend` comes oldest first, this run last.

    `id` names it in links and commands, e.g. "flight-delay-20260712T030000Z". `reference` says in words what the
    window was compared with, `rules` what counted, one sentence each. `profile` is where the reference's profile is
    kept, `policy_digest` the policy's; both empty for local files. `quiet` are this version's newest
    windows, oldest first.
    """

    id: str
    model: str
    model_version: str
    endpoint: str
    deployment: str
    reference: str
    start: datetime
    end: datetime
    verdict: SignalVerdict
    sentence: str
    signals: tuple[SignalReport, ...]
    trend: tuple[TrendPoint, ...] = ()
    made_at: datetime | None = None
    reference_rows: int | None = None
    rules: tuple[str, ...] = ()
    profile: str = ""
    policy_digest: str = ""
    quiet: tuple[QuietWindow, ...] = ()
