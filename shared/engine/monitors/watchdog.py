"""Tells of what should run again and again and does not: told by whatever else runs, since what was killed cannot."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from croniter import croniter

from shared.domain.notice import Notice
from shared.engine.monitors.silence import silent_monitors
from shared.engine.notices.access import stuck
from shared.errors import PolicyError, VigiaError
from shared.logs import fields
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import Monitor
from shared.ports.clock import Clock
from shared.ports.outbox import Outbox
from shared.store.monitors.beats import Beat, Beats

log = logging.getLogger("vigia.watchdog")

# A timer is silent when the second of its moments is over for so long: a function may run for ten minutes.
GRACE = timedelta(minutes=15)


@dataclass(frozen=True)
class Watchdog:
    """Watches the timers, each from every other one, and the monitors.

    Args:
        schedules: NCRONTAB in UTC, by timer.
        policies: raises PolicyError while a file is broken.
    """

    timers: Beats
    looks: Beats
    schedules: Mapping[str, str]
    policies: Callable[[], tuple[Policy, ...]]
    outbox: Outbox
    clock: Clock

    @contextmanager
    def on_duty(self, timer: str) -> Iterator[None]:
        """Look after everything else first, then note that the timer has run, if it does so to its end."""
        self.look(timer)
        self._noted(self.timers.begin, timer)
        yield
        self._noted(self.timers.end, timer)

    def look(self, by: str = "") -> None:
        """Tell of timers (other than the one that looks), policies and monitors that do not run; never raises an error
        of ours, so that it stands in nobody's way."""
        now = self.clock.now()
        try:
            beats = self.timers.read_awaiting(self.schedules)
            others = [name for name in self.schedules if name != by]
            notices = [notice for name in others if (notice := self._silent(name, beats.get(name, Beat()), now))]
            self.outbox.post([*notices, *self._about_policies(now)])
        except VigiaError as exc:
            log.error("watchdog.untold", extra=fields(code=exc.code, reason=exc.message))

    def _silent(self, name: str, beat: Beat, now: datetime) -> Notice | None:
        if beat.ended_at is None or now - _second_moment(self.schedules[name], beat.ended_at) <= GRACE:
            return None
        since = f"{beat.ended_at:%Y-%m-%d %H:%M} UTC"
        how = f"the run that began at {beat.begun_at:%Y-%m-%d %H:%M} UTC did not" if beat.is_cut_off else "none began"
        return stuck(name, f"timer {name} has not run to its end since {since}: {how}", now)

    def _about_policies(self, now: datetime) -> Sequence[Notice]:
        try:
            policies = self.policies()
        except PolicyError as exc:
            reason = f"the policies cannot be read, so that nothing is watched, trained or released anew: {exc}"
            return (stuck("policies", reason, now),)
        monitored = [(policy, monitor) for policy in policies if (monitor := policy.section(Monitor))]
        return silent_monitors(monitored, self.looks, now)

    def _noted(self, note: Callable[[str], None], timer: str) -> None:
        try:
            note(timer)
        except VigiaError as exc:
            log.warning("watchdog.unnoted", extra=fields(timer=timer, code=exc.code, reason=exc.message))


def _second_moment(schedule: str, since: datetime) -> datetime:
    """Return the second moment after that one; of a schedule that the host reads and croniter does not, an hour."""
    if not croniter.is_valid(schedule, second_at_beginning=True):
        return since + timedelta(hours=1)
    moments = croniter(schedule, since, second_at_beginning=True)
    moments.get_next(datetime)
    second: datetime = moments.get_next(datetime)
    return second
