"""Logs: an event's name is constant text, its fields are separate, and secrets are removed from both."""

from __future__ import annotations

import logging
from typing import Any

from shared.redaction import redacted


def fields(**values: Any) -> dict[str, Any]:
    """Return `extra` for a log call; each value becomes a custom dimension."""
    safe = {name: redacted(value) if isinstance(value, str) else value for name, value in values.items()}
    return {"vigia": safe, **{f"vigia_{name}": value for name, value in safe.items()}}


class RedactedRecord(logging.LogRecord):
    """A record whose message and traceback hold no secret, whichever library logs it and whatever handler writes it."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if self.exc_info and self.exc_info[0] is not None:
            # Formatters take this text instead of writing the traceback themselves.
            self.exc_text = redacted(logging.Formatter().formatException(self.exc_info))

    def getMessage(self) -> str:  # noqa: N802 (the name is logging's)
        return redacted(super().getMessage())


def keep_secrets_out() -> None:
    """Redact every log record of this process. The Functions worker has its own handlers and formatters, so the record
    factory is the one place that all records pass."""
    logging.setLogRecordFactory(RedactedRecord)
