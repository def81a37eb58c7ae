"""How often a signal would have alarmed on a model's own history, floor by floor, and which floor would be quiet."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.drift.calibrate.persistence import Persistence, persists
from shared.drift.results.comparison import OF_ONE_SIGNAL, ColumnReport
from shared.drift.results.signals import SignalReport, SignalVerdict
from shared.metrics.catalogue import known_metric

FLOORS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
PERSISTENCES = (Persistence(1, 1), Persistence(2, 2), Persistence(2, 3), Persistence(3, 5))
WHOLE = ""  # the name under which a signal without columns has its own number
COLUMNS_NAMED = 3
_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Look:
    """One past window, as one signal measured it.

    Args:
        at: the end of the window.
        strengths: by column (or WHOLE): the window alarms at every floor below it. 0 where the change is no more than
            sampling or past windows show, infinite where no floor helps (a lost column, another type). Negative
            values occur where lower is worse, e.g. -0.71 for a roc_auc of .71.
    """

    at: datetime
    verdict: SignalVerdict
    strengths: Mapping[str, float]

    @property
    def strongest(self) -> float:
        return max(self.strengths.values(), default=-math.inf)


@dataclass(frozen=True, slots=True)
class FloorAlarms:
    """What a floor and a persistence would have given. `episodes`: alarms that did not follow upon an alarm."""

    floor: float
    persistence: Persistence
    windows: int
    alarms: int
    episodes: int

    @property
    def share(self) -> float:
        return self.alarms / self.windows


@dataclass(frozen=True, slots=True)
class ColumnFloor:
    """The smallest floor that keeps one column to the requested share; None when no floor does."""

    column: str
    windows: int
    alarms: int
    floor: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """A signal's alarms on a model's history, and the floor that follows from them.

    Args:
        windows: how many could be judged; `skipped` could not.
        alarmed: how many were drift as they were judged then.
        rows: every floor with every persistence, persistence by persistence.
        floor: the smallest that keeps to the requested share; None when none does (or there is no history).
        share_at_most: upper 95 % bound of the true share of alarms at that floor, taking windows as independent.
        columns: those that were strongest most often, with how often.
        floors: of each column by itself, by name; empty for a signal without columns.
        sentence: all of it, for people.
    """

    signal: str
    windows: int
    skipped: int
    alarmed: int
    rows: tuple[FloorAlarms, ...]
    floor: float | None
    share_at_most: float
    columns: tuple[tuple[str, int], ...]
    sentence: str
    floors: tuple[ColumnFloor, ...] = ()


def look_of(report: SignalReport, at: datetime, false_alarms: float = 0.01) -> Look:
    """Return the part of a stored report that calibration needs.

    Args:
        false_alarms: the policy's, by which a column's effect had to be significant.
    """
    if report.columns:
        return Look(at, report.verdict, {column.name: _strength(column, false_alarms) for column in report.columns})
    if report.value is None:
        return Look(at, report.verdict, {})
    metric = known_metric(report.measure.removeprefix("estimated "))
    is_lower_worse = metric is not None and metric.is_higher_better
    return Look(at, report.verdict, {WHOLE: -report.value if is_lower_worse else report.value})


def calibrate(
    signal: str,
    looks: Sequence[Look],
    floors: Sequence[float] = FLOORS,
    persistences: Sequence[Persistence] = PERSISTENCES,
    *,
    alarms_at_most: float = 0.01,
    persistence: Persistence | None = None,
) -> Calibration:
    """Return how often each floor would have alarmed, and the smallest that alarms in at most a share of windows.

    The history is taken as it is: real drift in it raises the floor, so leave out windows of known incidents.

    Args:
        looks: of one signal, any order; windows that were not judged are skipped.
        floors: to tabulate, in the signal's measure; for a metric where higher is better the negated `at_least`.
        alarms_at_most: requested share of windows with an alarm, 0-1.
        persistence: the one that the suggested floor is for; 1 of 1 when None.
    """
    persistence = persistence or Persistence()
    # In their order: persistence counts neighbours. Skipped looks do not part them, as in the monitor itself.
    ordered = sorted(looks, key=lambda look: look.at)
    judged = [look for look in ordered if look.verdict in ("drift", "no-drift") and look.strengths]
    rows = tuple(_alarms(judged, floor, candidate) for candidate in persistences for floor in floors) if judged else ()
    chosen = _quiet(judged, persistence, alarms_at_most)
    tally = Counter(max(look.strengths, key=lambda name: look.strengths[name]) for look in judged)
    tally.pop(WHOLE, None)
    names = {name for look in judged for name in look.strengths}
    calibration = Calibration(
        signal=signal,
        windows=len(judged),
        skipped=len(ordered) - len(judged),
        alarmed=sum(look.verdict == "drift" for look in judged),
        rows=rows,
        floor=None if chosen is None else chosen.floor,
        share_at_most=1.0 if chosen is None else _upper_bound(chosen.alarms, chosen.windows),
        columns=tuple(tally.most_common(COLUMNS_NAMED)),
        sentence="",
        floors=tuple(_column_floor(judged, name, persistence, alarms_at_most) for name in sorted(names - {WHOLE})),
    )
    return _with_sentence(calibration, chosen, alarms_at_most)


def _column_floor(judged: Sequence[Look], name: str, persistence: Persistence, at_most: float) -> ColumnFloor:
    """Return the floor of a column in the windows that had it: 0 where no window would have alarmed at any floor."""
    own = [replace(look, strengths={name: look.strengths[name]}) for look in judged if name in look.strengths]
    chosen = _quiet(own, persistence, at_most)
    return ColumnFloor(name, len(own), chosen.alarms if chosen else len(own), chosen.floor if chosen else None)


def _strength(column: ColumnReport, false_alarms: float) -> float:
    # A lost column or a changed type has no effect to compare with a floor: no floor would have kept it quiet.
    if column.is_drifted and column.effect is None:
        return math.inf
    shares = max(abs(column.missing_now - column.missing_before), column.unseen_share)
    effect = column.effect or 0.0
    p_value = column.adjusted_p_value
    is_significant = column.is_drifted if p_value is None else p_value <= OF_ONE_SIGNAL * false_alarms
    # An effect within what sampling or past windows show alarms at no floor of the policy's own.
    is_above_others = column.floor_reason == "smallest effect that matters" or effect > column.floor
    return max(effect if is_significant and is_above_others else 0.0, shares)


def _alarms(judged: Sequence[Look], floor: float, persistence: Persistence) -> FloorAlarms:
    verdicts: list[SignalVerdict] = ["drift" if look.strongest > floor else "no-drift" for look in judged]
    raised = [persists(verdicts[max(0, end - persistence.of) : end], persistence) for end in range(1, len(judged) + 1)]
    episodes = sum(now and not previous for previous, now in zip([False, *raised], raised, strict=False))
    return FloorAlarms(floor, persistence, len(judged), sum(raised), episodes)


def _quiet(judged: Sequence[Look], persistence: Persistence, at_most: float) -> FloorAlarms | None:
    """Return the smallest floor, rounded up, that keeps to the share; more floor never means more alarms."""
    # Only the windows' own strengths can be the answer: between two of them the same windows alarm.
    unit = 10.0**_DIGITS
    # Rounded up, but for what is only the arithmetic's: .1 must not become .101.
    candidates = {math.ceil(look.strongest * unit - 1e-9) / unit for look in judged if math.isfinite(look.strongest)}
    for floor in sorted(candidates):
        alarms = _alarms(judged, floor, persistence)
        if alarms.share <= at_most:
            return alarms
    return None


def _upper_bound(alarms: int, windows: int) -> float:
    """Return the one-sided 95 % bound of a share.

    Source: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934), p. 404.
    """
    from scipy.special import betaincinv

    return 1.0 if alarms >= windows else float(betaincinv(alarms + 1, windows - alarms, 0.95))


def _with_sentence(calibration: Calibration, chosen: FloorAlarms | None, at_most: float) -> Calibration:
    if not calibration.windows:
        text = f"{calibration.signal}: no past window could be judged, so there is nothing to calibrate with."
        return replace(calibration, sentence=text)
    alarmed = f"{calibration.alarmed} of {calibration.windows} past windows"
    text = f"{calibration.signal}: {alarmed} alarmed as they were judged."
    if calibration.columns:
        named = ", ".join(f"{name} ({count})" for name, count in calibration.columns)
        text += f" Most often strongest: {named}."
    if chosen is None:
        return replace(calibration, sentence=f"{text} No floor gives alarms in at most {at_most:.1%} of windows.")
    floor = f"A floor of {chosen.floor:g}" if chosen.floor else "No floor of the policy's own is needed: any"
    return replace(
        calibration,
        sentence=f"{text} {floor} ({chosen.persistence} windows) would have alarmed in "
        f"{chosen.alarms} of {chosen.windows}; from so many windows, the true share is below "
        f"{calibration.share_at_most:.1%} (95 % sure).",
    )
