"""The errors Vigia raises: each says what is wrong, where, and what to do about it."""

from __future__ import annotations

from datetime import timedelta

from shared.redaction import redacted


class VigiaError(Exception):
    """Base of all our errors.

    Args:
        code: stable, dotted, for machines and searches, e.g. "policy.unknown_key".
        message: what is wrong and where. It may travel in an HTTP answer and in notices, so what looks like a secret
            in it, as in the words of a service that we repeat, is replaced by stars.
        hint: what to write or do instead; empty when there is nothing to add.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        message = redacted(message)
        super().__init__(f"{message} ({hint})" if hint else message)
        self.code = code
        self.message = message
        self.hint = hint


class PermanentError(VigiaError):
    """Retrying cannot help: quarantine what caused it, alert, acknowledge."""


class RetryableError(VigiaError):
    """The same call may succeed later: raise it to the queue, which delivers the message again.

    Args:
        retry_after: the wait that the service requested; None when it requested none.
    """

    def __init__(self, code: str, message: str, hint: str = "", *, retry_after: timedelta | None = None) -> None:
        super().__init__(code, message, hint)
        self.retry_after = retry_after


class EventError(PermanentError):
    """An event does not have the shape its type promises; the sender or a format change is at fault."""


class PolicyError(VigiaError):
    """A policy file is wrong; its author can fix it."""


class SettingsError(VigiaError):
    """The app's configuration is incomplete or contradictory; an administrator can fix it."""


class AmbiguousWriteError(RetryableError):
    """A conditional write may or may not have happened: read back before deciding anything."""


class AccessRefusedError(RetryableError):
    """Azure rejects the identity of the app, even after re-authentication, or does not authorise what it must do: a
    person must fix the identity or its roles meanwhile."""


class WorkspaceBusyError(RetryableError):
    """Azure ML is still working on the resource (409 while updating): come back later, nothing failed."""


class WorkspaceError(PermanentError):
    """Azure ML permanently rejected a request."""
