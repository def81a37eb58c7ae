"""What a look found as a whole, of the runs that its signals left."""

from __future__ import annotations

from collections.abc import Sequence

from shared.store.monitors.monitors import MonitorRun, MonitorState, MonitorVerdict

_WORST_FIRST: tuple[MonitorVerdict, ...] = ("drift", "error", "no-drift", "insufficient-data")


def last_look(state: MonitorState | None) -> MonitorRun | None:
    """Return what the newest look found: of its signals the one with the worst verdict."""
    runs = state.runs if state else ()
    newest = max((run.end for run in runs), default=None)
    return worst([run for run in runs if run.end == newest]) if newest else None


def standing_drift(state: MonitorState | None) -> tuple[MonitorRun, ...]:
    """Return, per signal whose newest verdict on the version that serves is drift, that run. Looks at too little data
    change nothing."""
    if state is None:
        return ()
    runs = [run for run in state.runs if run.model_version == state.model_version]
    judged = {run.signal: run for run in runs if run.verdict in {"drift", "no-drift"}}
    return tuple(run for run in judged.values() if run.verdict == "drift")


def worst(runs: Sequence[MonitorRun]) -> MonitorRun:
    """Return the first of the runs that no other is worse than."""
    return min(runs, key=lambda run: _WORST_FIRST.index(run.verdict))
