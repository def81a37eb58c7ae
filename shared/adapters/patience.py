"""Throttling: `Retry-After` is honoured without sleeping for long.

The SDK would sleep for as long as Azure requests, minutes in the middle of a function that holds a claim. Here a short
wait is slept through. After a longer one is requested, further reads (or writes) fail at once, without a call, and say
when to retry.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.errors import RetryableError

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineRequest, PipelineResponse

LONGEST_SLEEP_SECONDS = 5.0
_THROTTLED = {429, 503}


def requested_wait(exc: Any) -> timedelta | None:
    """Return how long the service requests to wait, from the response that an error of azure-core carries."""
    return wait_in(getattr(getattr(exc, "response", None), "headers", None) or {})


def wait_in(headers: Any) -> timedelta | None:
    """Return the value of `Retry-After`, given in seconds or as a date; None where there is none."""
    text = headers.get("Retry-After")
    if not text:
        return None
    from azure.core.pipeline.policies import RetryPolicy

    try:
        return timedelta(seconds=RetryPolicy().parse_retry_after(text))
    except (ValueError, TypeError, OverflowError):
        return None


def patient(service: str, clock: Callable[[], float] = time.monotonic, **retries: Any) -> tuple[Any, Any]:
    """Return a client's `retry_policy`, which sleeps for seconds at most, and one of its `per_call_policies`.

    The second raises RetryableError (`azure.throttled`) for as long as the service requested to wait.

    Args:
        service: its name, for the words of the error.
        clock: seconds.
        retries: options of azure-core's RetryPolicy.
    """
    from azure.core.pipeline.policies import RetryPolicy, SansIOHTTPPolicy

    class ShortRetries(RetryPolicy[Any, Any]):
        def is_retry(self, settings: Any, response: Any) -> bool:
            wait_seconds = self.get_retry_after(response) or 0
            return wait_seconds <= LONGEST_SLEEP_SECONDS and bool(super().is_retry(settings, response))

    short = ShortRetries(**retries)

    class Patience(SansIOHTTPPolicy[Any, Any]):
        def __init__(self) -> None:
            self._until: dict[bool, float] = {}

        def on_request(self, request: PipelineRequest[Any]) -> None:
            remaining_seconds = self._until.get(_is_read(request.http_request), 0.0) - clock()
            if remaining_seconds > 0:
                message = f"{service} asks not to be called for {remaining_seconds:.0f} s"
                raise RetryableError("azure.throttled", message, retry_after=timedelta(seconds=remaining_seconds))

        def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
            wait_seconds = short.get_retry_after(response) or 0
            if wait_seconds > LONGEST_SLEEP_SECONDS and response.http_response.status_code in _THROTTLED:
                # Azure limits reads and writes separately: a throttled read must not keep a roll back from writing.
                self._until[_is_read(request.http_request)] = clock() + wait_seconds

    return short, Patience()


def _is_read(request: Any) -> bool:
    return str(request.method) == "GET"
