"""What a look leaves in the monitor's state: a run per signal, whether its window stays open, whether drift lasts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shared.domain.fact import FeatureDrift
from shared.drift.calibrate.persistence import Persistence, persists
from shared.drift.results.signals import DATA_SIGNALS, SignalReport
from shared.engine.monitors.labelled_signals import PERFORMANCE
from shared.engine.monitors.subject import Subject
from shared.policy.sections.monitoring import Monitor
from shared.store.monitors.monitors import RUNS_PER_SIGNAL, MonitorRun, MonitorState


def window_run(signal: SignalReport, subject: Subject) -> MonitorRun:
    """Return the signal's run, with the columns that drifted most."""
    drifted = [column for column in signal.columns if column.is_drifted]
    strongest = sorted(drifted, key=lambda column: (column.effect or 0.0) / column.floor, reverse=True)
    features = tuple(
        FeatureDrift(column.name, column.statistic, column.effect or 0.0, column.floor)
        for column in strongest[: subject.monitor.top]
    )
    return MonitorRun(
        model_version=subject.version,
        signal=signal.signal,
        start=subject.start,
        end=subject.end,
        rows=signal.rows,
        verdict=signal.verdict,
        sentence=signal.sentence,
        features=features,
    )


def label_run(signal: SignalReport, subject: Subject, labels: str) -> MonitorRun:
    """Return the run of a signal that was measured on this version of the labels, or on its own versions of data."""
    if signal.signal in DATA_SIGNALS:
        versions = ",".join(sorted(f"{column.name}:{column.segment}" for column in signal.columns))
        return replace(window_run(signal, subject), evidence=versions)
    return replace(window_run(signal, subject), start=subject.labels_start, evidence=labels)


def lasts(state: MonitorState, run: MonitorRun, monitor: Monitor) -> bool:
    """Return whether the run's drift has lasted as long as the policy asks, this run included."""
    if run.signal in DATA_SIGNALS:
        return True  # an age is no chance finding
    persistence = Persistence(monitor.persistence.alarms, monitor.persistence.of)
    earlier = [
        past.verdict
        for past in state.runs
        if (past.signal, past.model_version) == (run.signal, run.model_version) and not _is_same_look(past, run)
    ]
    return persists([*earlier, run.verdict], persistence)


def with_window_runs(state: MonitorState, runs: Sequence[MonitorRun], monitor: Monitor, end: datetime) -> MonitorState:
    """Return the state with the runs of a window. Too few rows leave the window open: the next look reads it again,
    with more rows, and its runs replace these. Where every signal is measured on labels, nothing waits for rows, and
    the window must not grow for ever: its size decides whether one process reads it."""
    is_open = bool(runs) and _is_open(runs, monitor)
    return replace(_with_runs(state, runs), window_start=state.window_start if is_open else end)


def with_label_runs(state: MonitorState, runs: Sequence[MonitorRun]) -> MonitorState:
    """Return the state with the runs on labels. Too few labelled rows are looked at again, with more of them."""
    evidence = next((run.evidence for run in runs if run.signal == PERFORMANCE), "")
    is_open = any(run.signal == PERFORMANCE and run.verdict == "insufficient-data" for run in runs)
    return replace(_with_runs(state, runs), labels_seen=state.labels_seen if is_open or not evidence else evidence)


def _is_open(runs: Sequence[MonitorRun], monitor: Monitor) -> bool:
    """Return whether more rows would give a signal its verdict."""
    if not any(run.rows for run in runs):
        return all(run.verdict == "insufficient-data" for run in runs)
    # A signal without any rows where others have some does not wait for rows, but for its columns or its reference.
    least = {name: getattr(section, "minimum_rows", 0) for name, section in monitor.signals.items()}
    return any(run.verdict == "insufficient-data" and 0 < run.rows < least.get(run.signal, 0) for run in runs)


def _with_runs(state: MonitorState, runs: Sequence[MonitorRun]) -> MonitorState:
    earlier = [past for past in state.runs if not any(_is_same_look(past, run) for run in runs)]
    return replace(state, runs=_newest([*earlier, *runs]))


def _newest(runs: Sequence[MonitorRun]) -> tuple[MonitorRun, ...]:
    """Return the newest of each signal, in their order."""
    newest, counts = [], Counter[str]()
    for run in reversed(runs):
        counts[run.signal] += 1
        if counts[run.signal] <= RUNS_PER_SIGNAL:
            newest.append(run)
    return tuple(reversed(newest))


def _is_same_look(past: MonitorRun, run: MonitorRun) -> bool:
    """Return whether both are about the same labels, or windows with the same start."""
    if (past.model_version, past.signal) != (run.model_version, run.signal):
        return False
    if run.evidence or past.evidence:
        return past.evidence == run.evidence
    return past.start == run.start
