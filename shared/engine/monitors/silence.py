"""Notices about the app's own monitors: a signal failed or has had no verdict for long, or no look was taken."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from shared.domain.notice import Notice, NoticeKind
from shared.drift.results.signals import DATA_SIGNALS
from shared.engine.monitors.labelled_signals import PERFORMANCE
from shared.errors import VigiaError
from shared.logs import fields
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import Monitor
from shared.store.monitors.beats import Beat, Beats
from shared.store.monitors.monitors import MonitorRun, MonitorState

log = logging.getLogger("vigia.monitors")

# A monitor that did not look for so many intervals is silent; storage and workspace may be away for less than an hour.
INTERVALS_TO_SILENCE = 2
LEAST_SILENCE = timedelta(hours=1)
# A window that stays open for so many intervals, and at least a day (nights are quiet), will hardly close by itself.
INTERVALS_TO_EMPTY = 6
LEAST_EMPTY = timedelta(days=1)


def monitor_trouble(policy: Policy, reason: str, now: datetime, signal: str = "") -> Notice:
    """Return the notice, the same all day; without a signal it is about the monitor as a whole."""
    key = f"{NoticeKind.MONITOR_TROUBLE}/{policy.model}/own/{signal or 'all'}/{now:%Y-%m-%d}"
    parameters = {"monitor": f"{policy.model}-{signal}" if signal else policy.model, "reason": reason}
    parameters |= {"signal": signal} if signal else {}
    return Notice(NoticeKind.MONITOR_TROUBLE, key, policy.model, parameters)


def signal_troubles(policy: Policy, monitor: Monitor, state: MonitorState, now: datetime) -> Iterator[Notice]:
    """Yield what is wrong after a look: signals that failed, and those that have had no verdict for long."""
    version_runs = [run for run in state.runs if run.model_version == state.model_version]
    for signal in (*monitor.signals, *DATA_SIGNALS):
        runs = [run for run in version_runs if run.signal == signal]
        if signal == PERFORMANCE and (reason := _unlabelled(version_runs, state, monitor, now)):
            yield monitor_trouble(policy, reason, now, signal)
        # A signal that has never run is new, or its first look is still to come.
        if not runs:
            continue
        if runs[-1].verdict == "error":
            yield monitor_trouble(policy, f"{signal} could not look: {runs[-1].sentence}", now, signal)
        elif policy.endpoint.type == "batch" and not runs[-1].rows:
            continue  # whether jobs come is looked at by their own schedule
        elif runs[-1].verdict == "insufficient-data" and (reason := _unjudged(runs, monitor, now)):
            yield monitor_trouble(policy, reason, now, signal)


def is_overdue(state: MonitorState, monitor: Monitor, now: datetime) -> bool:
    """Return whether the newest look is too long ago to go on waiting for the next."""
    return now - state.looked_at > longest_silence(monitor)


def longest_silence(monitor: Monitor) -> timedelta:
    return max(INTERVALS_TO_SILENCE * monitor.every, LEAST_SILENCE)


def silent_monitors(monitored: Sequence[tuple[Policy, Monitor]], looks: Beats, now: datetime) -> tuple[Notice, ...]:
    """Return a notice per monitor none of whose looks has ended for too long, whatever stopped them.

    A monitor that is new is awaited from now on. Nothing is returned when the times cannot be read.
    """
    try:
        beats = looks.read_awaiting(policy.model for policy, _ in monitored)
    except VigiaError as exc:
        log.warning("watchdog.looks_unreadable", extra=fields(code=exc.code, reason=exc.message))
        return ()
    reasons = ((policy, _silence(beats.get(policy.model, Beat()), monitor, now)) for policy, monitor in monitored)
    return tuple(monitor_trouble(policy, reason, now) for policy, reason in reasons if reason)


def _silence(beat: Beat, monitor: Monitor, now: datetime) -> str:
    """Return why no look has ended for too long; "" when one has."""
    if beat.ended_at is None or now - beat.ended_at <= longest_silence(monitor):
        return ""
    since = f"{beat.ended_at:%Y-%m-%d %H:%M} UTC"
    if beat.begun_at is None or not beat.is_cut_off:
        return f"it has not looked since {since}: nothing runs the monitors"
    begun = f"{beat.begun_at:%Y-%m-%d %H:%M} UTC"
    return (
        f"none of its looks has come to an end since {since}; the one that began at {begun} was ended from outside, as "
        "by the ten minutes that a function may run, or for want of memory"
    )


def _unlabelled(runs: list[MonitorRun], state: MonitorState, monitor: Monitor, now: datetime) -> str:
    """Return that labels have been missing for twice as long as they may take; "" when they have not."""
    performance = monitor.performance
    if performance is None:
        return ""
    # Since the newest look at labels; before the first one, since the version's first run of any signal.
    looks = [run.end for run in runs if run.signal == PERFORMANCE]
    since = max(looks) if looks else min((run.start for run in runs), default=state.window_start)
    if now - since <= max(INTERVALS_TO_SILENCE * performance.labels_within, LEAST_EMPTY):
        return ""
    newest = f"since {state.labels_seen}" if state.labels_seen else "at all"
    return f"no new labels have come {newest} ({since:%Y-%m-%d %H:%M} UTC), so performance is not known"


def _unjudged(runs: list[MonitorRun], monitor: Monitor, now: datetime) -> str:
    """Return why the signal has had no verdict for long; "" when it is not long yet, or when it waits for labels."""
    judged = [number for number, run in enumerate(runs) if run.verdict != "insufficient-data"]
    waiting = runs[judged[-1] + 1 if judged else 0 :]
    since, newest = waiting[0].start, waiting[-1]
    if newest.evidence or now - since < max(INTERVALS_TO_EMPTY * monitor.every, LEAST_EMPTY):
        return ""
    return f"{newest.signal} has had no verdict since {since:%Y-%m-%d %H:%M} UTC: {newest.sentence}"
