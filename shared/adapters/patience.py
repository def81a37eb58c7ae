"""Coming back when Azure asked for it, and not before: `Retry-After` of a call that came too often.

The SDK would sleep for as long as Azure asks, minutes in the middle of a function that holds a claim. Here a short
wait is slept through, and for a longer one everybody who reads (or writes) is told when to come back, without a call.
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
_ASKING = {429, 503}


def asked_wait(exc: Any) -> timedelta | None:
    """Return how long the service asks to wait, from the answer that an error of azure-core carries."""
    return wait_in(getattr(getattr(exc, "response", None), "headers", None) or {})


def wait_in(headers: Any) -> timedelta | None:
    """Return what `Retry-After` says, in seconds or as a date; None when it says nothing."""
    text = headers.get("Retry-After")
    if not text:
        return None
    from azure.core.pipeline.policies import RetryPolicy

    try:
        return timedelta(seconds=RetryPolicy().parse_retry_after(text))
    except (ValueError, TypeError, OverflowError):
        return None


def patient(service: str, clock: Callable[[], float] = time.monotonic, **retries: Any) -> tuple[Any, Any]:
    """Return what makes a client patient: its `retry_policy`, and one of its `per_call_policies`.

    Args:
        service: whom it asks, for the words of the error.
        clock: seconds.
        retries: options of azure-core's RetryPolicy.
    """
    from azure.core.pipeline.policies import RetryPolicy, SansIOHTTPPolicy

    class ShortRetries(RetryPolicy[Any, Any]):
        def is_retry(self, settings: Any, response: Any) -> bool:
            asked = self.get_retry_after(response) or 0
            return asked <= LONGEST_SLEEP_SECONDS and bool(super().is_retry(settings, response))

    short = ShortRetries(**retries)

    class Patience(SansIOHTTPPolicy[Any, Any]):
        def __init__(self) -> None:
            self._until: dict[bool, float] = {}

        def on_request(self, request: PipelineRequest[Any]) -> None:
            left = self._until.get(_is_read(request.http_request), 0.0) - clock()
            if left > 0:
                wait = timedelta(seconds=left)
                raise RetryableError("azure.throttled", f"{service} asks not to be called for {left:.0f} s", after=wait)

        def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
            asked = short.get_retry_after(response) or 0
            if asked > LONGEST_SLEEP_SECONDS and response.http_response.status_code in _ASKING:
                # Azure counts reads and writes by themselves: what is refused to a read is no reason to let traffic be.
                self._until[_is_read(request.http_request)] = clock() + asked

    return short, Patience()


def _is_read(request: Any) -> bool:
    return str(request.method) == "GET"
