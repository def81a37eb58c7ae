"""What follows a failed delivery: another attempt later, or giving up.

Source: learn.microsoft.com/azure/event-grid/delivery-and-retry, read 2026-11-20.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from local.eventgrid.subscription import Retry

_SCHEDULE_SECONDS = (10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600)
_THEN_EVERY_SECONDS = 43_200
_LEAST_SECONDS = {401: 300, 404: 300, 408: 120, 503: 30}
_LEAST_OTHERWISE_SECONDS = 10

SUCCESS = frozenset({200, 201, 202, 203, 204})
# The destination is a function, an "Azure resource endpoint": its 401 is retried, a webhook's would not be.
# The reasons follow the one that was seen in practice (…HttpBadRequest); the set is open.
_NEVER_RETRIED = {
    400: "UndeliverableDueToHttpBadRequest",
    403: "UndeliverableDueToHttpForbidden",
    413: "UndeliverableDueToHttpRequestEntityTooLarge",
}
# Event Grid's names for the last outcome. A status that its list has no name for is taken as Busy (assumed).
_OUTCOMES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    408: "TimedOut",
    413: "PayloadTooLarge",
}

DEAD_LETTER_DELAY = timedelta(minutes=5)
DEAD_LETTER_PATIENCE = timedelta(hours=4)


@dataclass(frozen=True)
class Answer:
    """What an attempt brought: an HTTP status, or none when there was no answer."""

    status: int | None
    outcome: str

    @property
    def is_success(self) -> bool:
        return self.status in SUCCESS


NO_ANSWER_IN_TIME = Answer(None, "TimedOut")
NO_CONNECTION = Answer(None, "SocketError")


def answer_of(status: int) -> Answer:
    """Return the answer that an HTTP status means."""
    return Answer(status, "Delivered" if status in SUCCESS else _OUTCOMES.get(status, "Busy"))


def reason_to_give_up(answer: Answer, attempts: int, retry: Retry) -> str | None:
    """Return the dead-letter reason after this failed attempt, or None when another attempt is due."""
    if answer.status in _NEVER_RETRIED:
        return _NEVER_RETRIED[answer.status]
    if attempts >= retry.max_attempts:
        return "MaxDeliveryAttemptsExceeded"
    return None


def delay_before_next(answer: Answer, attempts: int) -> timedelta:
    """Return the wait after the `attempts`-th attempt (1 = the first) failed with `answer`."""
    index = attempts - 1
    scheduled = _SCHEDULE_SECONDS[index] if index < len(_SCHEDULE_SECONDS) else _THEN_EVERY_SECONDS
    least = _LEAST_SECONDS.get(answer.status or 0, _LEAST_OTHERWISE_SECONDS)
    return timedelta(seconds=max(scheduled, least))
