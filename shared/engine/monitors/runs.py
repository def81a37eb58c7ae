"""What a look leaves in the monitor's state: a run per signal, whether the window stays open, and what is announced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shared.domain.fact import FeatureDrift
from shared.drift.calibrate.persistence import Persistence, persists
from shared.drift.results.signals import SignalReport
from shared.engine.monitors.labelled_signals import SIGNAL as PERFORMANCE
from shared.engine.monitors.labelled_signals import LabelledLook
from shared.engine.monitors.subject import Watched
from shared.policy.sections.monitoring import Monitor
from shared.store.monitors.monitors import KEPT_RUNS, MonitorRun, MonitorState


def run_of(signal: SignalReport, watched: Watched, start: datetime, end: datetime, top: int) -> MonitorRun:
    """Return one signal's run; `top` is how many columns it names at most."""
    drifted = [each for each in signal.columns if each.is_drifted]
    strongest = sorted(drifted, key=lambda each: (each.effect or 0.0) / each.floor, reverse=True)[:top]
    features = tuple(FeatureDrift(each.name, each.statistic, each.effect or 0.0, each.floor) for each in strongest)
    return MonitorRun(
        watched.version, signal.signal, start, end, signal.rows, signal.verdict, signal.sentence, features
    )


def labelled_run(look: LabelledLook, watched: Watched, end: datetime, top: int) -> MonitorRun:
    return replace(run_of(look.signal, watched, look.start, end, top), evidence=look.evidence)


def lasts(state: MonitorState, run: MonitorRun, monitor: Monitor) -> bool:
    """Return whether the run's drift has lasted as long as the policy asks, this run included."""
    persistence = Persistence(monitor.persistence.alarms, monitor.persistence.of)
    before = [
        each.verdict
        for each in state.runs
        if (each.signal, each.model_version) == (run.signal, run.model_version) and not _is_same_look(each, run)
    ]
    return persists([*before, run.verdict], persistence)


def after_window(state: MonitorState, runs: Sequence[MonitorRun], monitor: Monitor, now: datetime) -> MonitorState:
    """Return the state with a window's runs noted. Too few rows leave it open; of its looks the last is kept."""
    is_closed = bool(runs) and not _is_open(runs, monitor)
    return replace(_noted(state, runs), window_start=now if is_closed else state.window_start)


def after_labels(state: MonitorState, runs: Sequence[MonitorRun]) -> MonitorState:
    """Return the state with the runs noted. Too few labelled rows are looked at again, with more rows, next time."""
    evidence = next((each.evidence for each in runs if each.signal == PERFORMANCE), "")
    is_open = any(each.signal == PERFORMANCE and each.verdict == "insufficient-data" for each in runs)
    return replace(_noted(state, runs), labels_seen=state.labels_seen if is_open or not evidence else evidence)


def _is_open(runs: Sequence[MonitorRun], monitor: Monitor) -> bool:
    """Return whether a signal would say more after more rows. One that has none where others have is another matter."""
    if not any(run.rows for run in runs):
        return all(run.verdict == "insufficient-data" for run in runs)
    least = {name: getattr(section, "minimum_rows", 0) for name, section in monitor.signals.items()}
    return any(run.verdict == "insufficient-data" and 0 < run.rows < least.get(run.signal, 0) for run in runs)


def _noted(state: MonitorState, runs: Sequence[MonitorRun]) -> MonitorState:
    kept = [old for old in state.runs if not any(_is_same_look(old, run) for run in runs)]
    return replace(state, runs=_newest([*kept, *runs]))


def _newest(runs: Sequence[MonitorRun]) -> tuple[MonitorRun, ...]:
    """Return the newest of each signal, in their order."""
    kept, seen = [], Counter[str]()
    for run in reversed(runs):
        seen[run.signal] += 1
        if seen[run.signal] <= KEPT_RUNS:
            kept.append(run)
    return tuple(reversed(kept))


def _is_same_look(old: MonitorRun, run: MonitorRun) -> bool:
    """Return whether both looked at the same: the same window begun, or the same labels."""
    if (old.model_version, old.signal) != (run.model_version, run.signal):
        return False
    if run.evidence or old.evidence:
        return old.evidence == run.evidence
    return old.start == run.start
