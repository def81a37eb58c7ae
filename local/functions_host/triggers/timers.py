"""Timer triggers: each runs on its schedule in UTC, never two runs of one function at once."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

from local.functions_host import decode
from local.functions_host.app import HostedFunction
from local.functions_host.bindings import TimerTrigger
from local.functions_host.invoke import Invoker
from local.functions_host.schedule import next_run

log = logging.getLogger("host")
PAST_DUE_SECONDS = 1.0


class Timer:
    """One timer function."""

    def __init__(self, function: HostedFunction, trigger: TimerTrigger, invoker: Invoker) -> None:
        self.function = function
        self._trigger = trigger
        self._invoker = invoker
        self._running = asyncio.Lock()
        self._last: datetime | None = None

    async def run_forever(self) -> None:
        """Run at each moment of the schedule; a failed run is logged and the next one comes as planned."""
        if self._trigger.run_on_startup:
            await self._run_logged(False)
        while True:
            due = next_run(self._trigger.schedule, datetime.now(UTC))
            await _sleep_until(due)
            late_seconds = (datetime.now(UTC) - due).total_seconds()
            await self._run_logged(late_seconds > PAST_DUE_SECONDS)

    async def run_now(self, is_past_due: bool = False) -> None:
        """Run once, after the run that is going on, if any.

        Raises:
            Exception: whatever the function raised.
        """
        async with self._running:
            now = datetime.now(UTC)
            request = decode.timer_request(self._last, next_run(self._trigger.schedule, now), is_past_due)
            self._last = now
            await self._invoker.invoke(self.function, request)

    async def _run_logged(self, is_past_due: bool) -> None:
        try:
            await self.run_now(is_past_due)
        except Exception:  # the invoker logged and counted it; the schedule goes on
            log.debug("the next run of %s comes as planned", self.function.name)


async def _sleep_until(moment: datetime) -> None:
    # In steps: a laptop that slept wakes up with its clock far ahead of a single long sleep.
    while (seconds := (moment - datetime.now(UTC)).total_seconds()) > 0:
        await asyncio.sleep(min(seconds, 30))
