"""Whether our own monitors can be relied on: what failed, saw nothing for long, or did not look when it should have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.notice import Notice, NoticeKind
from shared.engine.monitors.labelled_signals import SIGNAL as PERFORMANCE
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import Monitor
from shared.store.monitors.beats import Beat
from shared.store.monitors.monitors import MonitorRun, MonitorState

# A monitor that did not look for so many intervals is silent; storage and workspace may be away for less than an hour.
INTERVALS_TO_SILENCE = 2
LEAST_SILENCE = timedelta(hours=1)
# A window that stays open for so many intervals, and at least a day (nights are quiet), will hardly close by itself.
INTERVALS_TO_EMPTY = 6
LEAST_EMPTY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why silence is no good news; `signal` is empty when it is about the monitor as a whole."""

    reason: str
    signal: str = ""


def troubles_of(state: MonitorState, monitor: Monitor, now: datetime) -> Iterator[Trouble]:
    """Yield what is wrong after a look: signals that failed, and those that have had no verdict for long."""
    known = [run for run in state.runs if run.model_version == state.model_version]
    for signal in monitor.signals:
        runs = [run for run in known if run.signal == signal]
        if signal == PERFORMANCE and (why := _unlabelled(known, state, monitor, now)):
            yield Trouble(why, signal)
        if not runs:
            continue
        if runs[-1].verdict == "error":
            yield Trouble(f"{signal} could not look: {runs[-1].sentence}", signal)
        elif runs[-1].verdict == "insufficient-data" and (why := _unjudged(runs, monitor, now)):
            yield Trouble(why, signal)


def silence(state: MonitorState, monitor: Monitor, now: datetime, why: str) -> Trouble | None:
    """Return that the monitor has not looked for too long, given why it did not now; None while that may pass."""
    if now - state.looked_at <= longest_silence(monitor):
        return None
    return Trouble(f"it last looked at {state.looked_at:%Y-%m-%d %H:%M} UTC: {why}")


def longest_silence(monitor: Monitor) -> timedelta:
    return max(INTERVALS_TO_SILENCE * monitor.every, LEAST_SILENCE)


def cut_off(beat: Beat, monitor: Monitor, now: datetime) -> Trouble | None:
    """Return that no look has come to its end for too long, whoever killed them: no look itself can tell that."""
    if beat.ended_at is None or now - beat.ended_at <= longest_silence(monitor):
        return None
    since = f"{beat.ended_at:%Y-%m-%d %H:%M} UTC"
    if beat.begun_at is None or not beat.is_cut_off:
        return Trouble(f"it has not looked since {since}: nothing runs the monitors")
    begun = f"{beat.begun_at:%Y-%m-%d %H:%M} UTC"
    return Trouble(
        f"none of its looks has come to an end since {since}; the one that began at {begun} was ended from outside, as "
        "by the ten minutes that a function may run, or for want of memory"
    )


def trouble_notice(policy: Policy, trouble: Trouble, now: datetime) -> Notice:
    """Return the notice of it, the same all day."""
    key = f"{NoticeKind.MONITOR_TROUBLE}/{policy.model}/own/{trouble.signal or 'all'}/{now:%Y-%m-%d}"
    name = f"{policy.model}-{trouble.signal}" if trouble.signal else policy.model
    parameters = {"monitor": name, "reason": trouble.reason}
    parameters |= {"signal": trouble.signal} if trouble.signal else {}
    return Notice(NoticeKind.MONITOR_TROUBLE, key, policy.model, parameters)


def _unlabelled(known: list[MonitorRun], state: MonitorState, monitor: Monitor, now: datetime) -> str:
    """Return that labels have been missing for twice as long as they may take; "" when they have not."""
    asked = monitor.performance
    if asked is None:
        return ""
    looks = [run.end for run in known if run.signal == PERFORMANCE]
    since = max(looks) if looks else min((run.start for run in known), default=state.window_start)
    if now - since <= max(INTERVALS_TO_SILENCE * asked.labels_within, LEAST_EMPTY):
        return ""
    newest = f"since {state.labels_seen}" if state.labels_seen else "at all"
    return f"no new labels have come {newest} ({since:%Y-%m-%d %H:%M} UTC), so performance is not known"


def _unjudged(runs: list[MonitorRun], monitor: Monitor, now: datetime) -> str:
    """Return why the signal has had no verdict for long; "" when that is not long, or is as it should be."""
    judged = [number for number, run in enumerate(runs) if run.verdict != "insufficient-data"]
    waiting = runs[judged[-1] + 1 if judged else 0 :]
    since, newest = waiting[0].start, waiting[-1]
    if newest.evidence or now - since < max(INTERVALS_TO_EMPTY * monitor.every, LEAST_EMPTY):
        return ""
    return f"{newest.signal} has had no verdict since {since:%Y-%m-%d %H:%M} UTC: {newest.sentence}"
