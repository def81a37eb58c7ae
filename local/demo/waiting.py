"""Waits for what should happen for as long as the system gets on: a slow machine is no failure, standing still is."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError

from local.errors import LocalSystemError
from shared.errors import RetryableError

T = TypeVar("T")

POLL_SECONDS = 0.25
PULSE_SECONDS = 5.0
STILL_SECONDS = 600.0
# After an error of the app, little is likely to come of more patience than its own longest wait, of five minutes.
STILL_AFTER_ERROR_SECONDS = 400.0
# What a busy machine, or a cloud that throttles or has not granted a role yet, brings about: it is looked at again.
NO_ANSWER = (OSError, http.client.HTTPException, ServiceRequestError, ServiceResponseError)
PASSING = (*NO_ANSWER, HttpResponseError, RetryableError)
PASSING_STATUSES = frozenset({401, 403, 408, 409, 429})


class StoodStillError(LocalSystemError):
    """Nothing moved for so long that what was waited for will not happen."""


def _nothing() -> Sequence[str]:
    return ()


@dataclass
class Waiting:
    """How to wait in one system.

    Args:
        check: raises when the system itself says that it does not go on, e.g. because a part of it has ended.
        pulse: anything that differs whenever the system has got on; not what a timer alone changes.
        errors: what the app has logged as errors, oldest first.
    """

    check: Callable[[], None]
    pulse: Callable[[], object]
    errors: Callable[[], Sequence[str]] = _nothing
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def until(
        self,
        what: str,
        probe: Callable[[], T | None],
        tell: Callable[[float, float], None] = lambda *_: None,
    ) -> T:
        """Return the first true value of `probe`, polled four times a second.

        Args:
            tell: called after each look with the seconds waited so far, and those for which nothing has moved.

        Raises:
            StoodStillError: nothing moved for ten minutes, or for seven after an error.
        """
        began = moved = self.clock()
        looked = float("-inf")
        previous, errors, failure = None, len(self.errors()), ""
        while True:
            try:
                if result := probe():
                    return result
            except PASSING as exc:
                if not _passes(exc):
                    raise
                failure = f"\nthe last look failed: {exc}"
            self.check()
            if self.clock() - looked >= PULSE_SECONDS:
                now, looked = self._pulse(previous), self.clock()
                if now != previous:
                    previous, moved, errors = now, looked, len(self.errors())
                self._require_patience(what, looked - moved, self.errors()[errors:], failure)
            tell(self.clock() - began, self.clock() - moved)
            self.sleep(POLL_SECONDS)

    def _pulse(self, otherwise: object) -> object:
        try:
            return self.pulse()
        except PASSING:
            return otherwise

    def _require_patience(self, what: str, still: float, errors: Sequence[str], failure: str) -> None:
        if still <= (STILL_AFTER_ERROR_SECONDS if errors else STILL_SECONDS):
            return
        hint = f"\nthe app's last error: {errors[-1]}" if errors else ""
        raise StoodStillError(f"nothing has moved for {still:.0f} s, while waiting for this: {what}{hint}{failure}")


def _passes(problem: Exception) -> bool:
    """Return whether Azure may answer otherwise later; a permanent refusal stays one."""
    status = problem.status_code if isinstance(problem, HttpResponseError) else None
    return status is None or status in PASSING_STATUSES or status >= 500
