"""Azure Resource Manager's quota: calls wait for their turn here instead of being refused there.

ARM fills a bucket of calls per subscription, principal and kind of call. Each process keeps its own estimate of these
buckets, and corrects it by what every answer says remains. That count is ARM's, of all our processes together, so that
they need no bucket of their own in common: what one of them used up, the others see with their next answer.

Work that no person and no release waits for uses half of the quota at most, and none of the half that is left when
others have used the rest.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from shared.adapters.patience import LONGEST_SLEEP_SECONDS
from shared.errors import RetryableError

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineRequest, PipelineResponse
    from azure.core.pipeline.policies import SansIOHTTPPolicy

Kind = Literal["reads", "writes", "deletes"]
# The size of each bucket, and how many calls a second fill it again.
# Source: learn.microsoft.com "Request limits and throttling" of Azure Resource Manager, read 2026-11-30.
LIMITS: dict[Kind, tuple[float, float]] = {"reads": (250, 25), "writes": (200, 10), "deletes": (200, 10)}
BACKGROUND_SHARE = 0.5
REMAINING = "x-ms-ratelimit-remaining-subscription-"
_IS_BACKGROUND: ContextVar[bool] = ContextVar("is_background", default=False)


@contextmanager
def background() -> Iterator[None]:
    """Make the calls within this context yield to others."""
    token = _IS_BACKGROUND.set(True)
    try:
        yield
    finally:
        _IS_BACKGROUND.reset(token)


@dataclass
class Bucket:
    """`size` calls, filled by `rate` calls a second; full at first. Below 0 are calls that wait for their turn.

    `most_noted` is the most that an answer said remained: the buckets of trial subscriptions are smaller.
    """

    size: float
    rate: float
    at: float
    calls: float = field(init=False)
    most_noted: float = 0.0

    def __post_init__(self) -> None:
        self.calls = self.size

    def fill(self, now: float) -> None:
        self.calls = min(self.size, self.calls + (now - self.at) * self.rate)
        self.at = now

    def note(self, remaining: float) -> None:
        self.most_noted = max(self.most_noted, remaining)
        self.calls = min(self.calls, remaining)

    @property
    def known_size(self) -> float:
        return min(self.size, self.most_noted + 1) if self.most_noted else self.size

    def seconds_until(self, calls: float) -> float:
        return max(0.0, (calls - self.calls) / self.rate)


class Quota:
    """What one process may call; `clock` in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, share: float = BACKGROUND_SHARE) -> None:
        self._clock, self._share, self._lock = clock, share, threading.Lock()
        now = clock()
        self._all = {kind: Bucket(size, rate, now) for kind, (size, rate) in LIMITS.items()}
        # Small buckets: what several processes burst into at once, none of them sees in time.
        background = {kind: rate * share for kind, (_, rate) in LIMITS.items()}
        self._ours = {kind: Bucket(2 * rate, rate, now) for kind, rate in background.items()}

    def take(self, kind: Kind, *, is_background: bool) -> float:
        """Take a call and return in how many seconds it may be made.

        Raises:
            RetryableError: that would be too long to wait; nothing was taken.
        """
        with self._lock:
            everybody, ours = self._all[kind], self._ours[kind]
            everybody.fill(self._clock())
            ours.fill(self._clock())
            reserved = everybody.known_size * (1 - self._share) if is_background else 0.0
            wait_seconds = everybody.seconds_until(reserved + 1)
            if is_background:
                wait_seconds = max(wait_seconds, ours.seconds_until(1))
            if wait_seconds > LONGEST_SLEEP_SECONDS:
                message = f"{kind} of Azure Resource Manager are used up for {wait_seconds:.0f} s"
                raise RetryableError("azure.throttled", message, retry_after=timedelta(seconds=wait_seconds))
            everybody.calls -= 1
            ours.calls -= is_background
            return wait_seconds

    def note(self, kind: Kind, remaining: float) -> None:
        """Note what an answer says remains, for all processes together."""
        with self._lock:
            self._all[kind].fill(self._clock())
            self._all[kind].note(remaining)


@cache
def quota_of(subscription: str, identity: str) -> Quota:  # noqa: ARG001 (what it is cached by)
    """Return the quota of an identity in a subscription: one for all workspaces that it reaches there."""
    return Quota()


def within_quota(quota: Quota, sleep: Callable[[float], None] = time.sleep) -> SansIOHTTPPolicy[Any, Any]:
    """Return a pipeline policy that makes calls wait for their turn, and notes what answers say of the quota."""
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    class WithinQuota(SansIOHTTPPolicy[Any, Any]):
        def on_request(self, request: PipelineRequest[Any]) -> None:
            if wait_seconds := quota.take(_kind(request), is_background=_IS_BACKGROUND.get()):
                sleep(wait_seconds)

        def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
            kind = _kind(request)
            remaining = str(response.http_response.headers.get(f"{REMAINING}{kind}", ""))
            if response.http_response.status_code == 429:
                quota.note(kind, 0)
            elif remaining.isdecimal():
                quota.note(kind, float(remaining))

    return WithinQuota()


def _kind(request: PipelineRequest[Any]) -> Kind:
    method = str(request.http_request.method)
    return "reads" if method == "GET" else "deletes" if method == "DELETE" else "writes"
