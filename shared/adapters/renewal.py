"""Clients that sign in anew, once, when Azure no longer accepts who we are.

A secret or certificate that was rotated leaves a token, or a key in memory, that a service refuses. A new client asks
for a new token. Settings are not read again: a changed key, or a new version of a secret in the key vault, needs a
restart.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from shared.errors import AccessRefusedError
from shared.logs import fields

log = logging.getLogger("vigia.adapters")

C = TypeVar("C")
T = TypeVar("T")

# Building a client and getting a token takes seconds: while nobody mends the identity, not at each call.
SHORTEST_LIFE_SECONDS = 60.0


class Renewable(Generic[C]):
    """One client that many threads share, and that is built anew when it is refused."""

    def __init__(self, build: Callable[[], C], clock: Callable[[], float] = time.monotonic) -> None:
        self._build = build
        self._clock = clock
        self._lock = threading.Lock()
        self._client: C | None = None
        self._renewed_at: float | None = None

    @property
    def client(self) -> C:
        with self._lock:
            if self._client is None:
                self._client = self._build()
            return self._client

    def call(self, what: str, use: Callable[[C], T]) -> T:
        """Return what `use` returns; after a refusal of who we are it is called a second time, with a new client.

        Nothing was done by a call that was refused so, which is why it may be repeated whatever it does.

        Raises:
            AccessRefusedError: the new client was refused, too, or the last one is less than a minute old.
        """
        client = None
        try:
            client = self.client
            return use(client)
        except Exception as exc:
            refusal = _refusal_or_raise(exc)
        try:
            if (renewed := self._renewed(client)) is not None:
                log.warning("credential.renewed", extra=fields(what=what))
                return use(renewed)
        except Exception as exc:
            refusal = _refusal_or_raise(exc)
        raise _refused(what, refusal) from refusal

    def _renewed(self, refused: C | None) -> C | None:
        """Return a client other than the refused one; None when it was built a moment ago."""
        with self._lock:
            if self._client is not refused and self._client is not None:
                return self._client
            now = self._clock()
            if self._renewed_at is not None and now - self._renewed_at < SHORTEST_LIFE_SECONDS:
                return None
            self._renewed_at = now
            self._client = self._build()
            return self._client


def _refusal_or_raise(exc: Exception) -> Exception:
    if not is_refusal(exc):
        raise exc
    return exc


def is_refusal(exc: BaseException) -> bool:
    """Return whether nobody could sign in, or Azure does not know who calls; being known and not allowed is another
    matter."""
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

    if not isinstance(exc, HttpResponseError):
        return False
    if exc.status_code == 403:
        # What storage answers to a signature made with a key of yesterday.
        return error_code(exc) == "AuthenticationFailed"
    return exc.status_code == 401 or isinstance(exc, ClientAuthenticationError)


def error_code(exc: BaseException) -> str:
    """Return the service's own code, e.g. "BlobAlreadyExists"; empty where the answer has none, or was none."""
    code = getattr(exc, "error_code", None) or ""
    return str(getattr(code, "value", code))


def _refused(what: str, exc: Any) -> AccessRefusedError:
    reason = f"{exc.status_code} {exc.reason or ''}" if exc.status_code else "no token was given"
    return AccessRefusedError(
        code="access.refused",
        message=f"{what}: Azure does not accept who the app is: {reason}".rstrip(),
        hint="mend the identity or its secret; after a change of a setting, restart the app",
    )
