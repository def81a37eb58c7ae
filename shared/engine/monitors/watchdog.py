"""Notices about timers, policies and monitors that do not run; posted by other timers, as a killed one cannot."""

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
        """Check everything else first, then record that the timer has run, if it runs to its end."""
        self.look(timer)
        self._record(self.timers.begin, timer)
        yield
        self._record(self.timers.end, timer)

    def look(self, by: str = "") -> None:
        """Post notices about timers other than `by`, policies and monitors that do not run. Never raises an error of
        ours: the timer that checks has work of its own to do."""
        now = self.clock.now()
        try:
            beats = self.timers.read_awaiting(self.schedules)
            others = [name for name in self.schedules if name != by]
            notices = [notice for name in others if (notice := self._silent(name, beats.get(name, Beat()), now))]
            self.outbox.post([*notices, *self._about_policies(now)])
        except VigiaError as exc:
            log.error("watchdog.notice_not_posted", extra=fields(code=exc.code, reason=exc.message))

    def _silent(self, name: str, beat: Beat, now: datetime) -> Notice | None:
        if beat.ended_at is None or now - second_moment(self.schedules[name], beat.ended_at) <= GRACE:
            return None
        since = f"{beat.ended_at:%Y-%m-%d %H:%M} UTC"
        how = f"the run that began at {beat.begun_at:%Y-%m-%d %H:%M} UTC did not" if beat.is_cut_off else "none began"
        return stuck(name, f"timer {name} has not run to its end since {since}: {how}", now)

    def _about_policies(self, now: datetime) -> Sequence[Notice]:
        try:
            policies = self.policies()
        except PolicyError as exc:
            reason = f"the policies cannot be read, so that nothing is watched, trained or released: {exc}"
            return (stuck("policies", reason, now),)
        monitored = [(policy, monitor) for policy in policies if (monitor := policy.section(Monitor))]
        return silent_monitors(monitored, self.looks, now)

    def _record(self, write: Callable[[str], None], timer: str) -> None:
        try:
            write(timer)
        except VigiaError as exc:
            # The mark is for others; without it the timer still does its own work.
            log.warning("watchdog.not_recorded", extra=fields(timer=timer, code=exc.code, reason=exc.message))


def second_moment(schedule: str, since: datetime) -> datetime:
    """Return the second moment after that one; of a schedule that the host reads and croniter does not, an hour."""
    if not croniter.is_valid(schedule, second_at_beginning=True):
        return since + timedelta(hours=1)
    moments = croniter(schedule, since, second_at_beginning=True)
    moments.get_next(datetime)
    second: datetime = moments.get_next(datetime)
    return second
