"""Clients that re-authenticate, once, when Azure rejects the app's identity.

Azure's libraries renew a token before it expires. They do not replace one that a service rejects: after a 401
azure-core drops its token and asks the credential again, whose cache in memory returns the same token until it expires,
up to a day later (`tests/contract/test_credentials.py` shows it). Only a new credential asks for a new token, so the
client is built again with one.

Settings are not read again: a changed key, or a new version of a secret in the key vault, needs a restart.
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

# Building a client and getting a token takes seconds: not at each call for as long as nobody fixes the identity.
SHORTEST_LIFE_SECONDS = 60.0


class Renewable(Generic[C]):
    """One client that many threads share, and that is built again when it is rejected."""

    def __init__(self, build: Callable[[], C], clock: Callable[[], float] = time.monotonic) -> None:
        self._build = build
        self._clock = clock
        self._lock = threading.Lock()
        self._client: C | None = None
        self._renewed_at: float | None = None

    @property
    def client(self) -> C:
        """Return the client; the first call builds it."""
        with self._lock:
            if self._client is None:
                self._client = self._build()
            return self._client

    def call(self, subject: str, use: Callable[[C], T]) -> T:
        """Return what `use` returns; if Azure rejects the app's identity, `use` is called once more with a new client.

        A call that was rejected so has done nothing, which is why it may be repeated whatever it does.

        Args:
            subject: what the call is about, for the words of the error.
            use: the call.

        Raises:
            AccessRefusedError: the new client was rejected, too, or the last one is less than a minute old.
        """
        client = None
        try:
            client = self.client
            return use(client)
        except Exception as exc:
            rejection = _rejection_or_raise(exc)
        try:
            if (renewed := self._renewed(client)) is not None:
                log.warning("credential.renewed", extra=fields(subject=subject))
                return use(renewed)
        except Exception as exc:
            rejection = _rejection_or_raise(exc)
        raise _access_refused(subject, rejection) from rejection

    def _renewed(self, rejected: C | None) -> C | None:
        """Return a client other than the rejected one; None when it was built a moment ago."""
        with self._lock:
            # Of many threads that are rejected together the first one builds; the others find its client here.
            if self._client is not rejected and self._client is not None:
                return self._client
            now = self._clock()
            if self._renewed_at is not None and now - self._renewed_at < SHORTEST_LIFE_SECONDS:
                return None
            self._renewed_at = now
            self._client = self._build()
            return self._client


def _rejection_or_raise(exc: Exception) -> Exception:
    if not is_rejected_identity(exc):
        raise exc
    return exc


def is_rejected_identity(exc: BaseException) -> bool:
    """Return whether no token was issued, or Azure does not recognise the caller; a missing role is another matter."""
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

    if not isinstance(exc, HttpResponseError):
        return False
    if exc.status_code == 403:
        # What storage answers to a signature made with a key that was rotated.
        return error_code(exc) == "AuthenticationFailed"
    return exc.status_code == 401 or isinstance(exc, ClientAuthenticationError)


def error_code(exc: BaseException) -> str:
    """Return the service's own code, e.g. "BlobAlreadyExists"; empty where the answer has none, or was none."""
    code = getattr(exc, "error_code", None) or ""
    return str(getattr(code, "value", code))


def _access_refused(subject: str, exc: Any) -> AccessRefusedError:
    reason = f"{exc.status_code} {exc.reason or ''}" if exc.status_code else "no token was issued"
    return AccessRefusedError(
        code="access.refused",
        message=f"{subject}: Azure rejects the app's identity: {reason}".rstrip(),
        hint="fix the identity or its secret; after a change of a setting, restart the app",
    )
