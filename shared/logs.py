"""Log fields: an event's name is constant text, its facts travel beside it."""

from __future__ import annotations

import logging
import re
from typing import Any

# Signatures, keys and bearer tokens, wherever they slip into a message.
_SECRETS = re.compile(r"((?:sig|code|AccountKey|aeg-sas-key|password)=)[^&;\s\"']+|(Bearer )[\w.\-]+", re.IGNORECASE)


def fields(**values: Any) -> dict[str, Any]:
    """Return `extra` for a log call; values appear after the event's name and as custom dimensions."""
    return {"vigia": values, **{f"vigia_{name}": value for name, value in values.items()}}


class FieldsFormatter(logging.Formatter):
    """Writes `event.name key=value …` on one line, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        values: dict[str, Any] = getattr(record, "vigia", {})
        text = super().format(record) + "".join(f" {name}={value}" for name, value in values.items())
        return redacted(text)


def redacted(text: str) -> str:
    """Return the text with the values of secrets replaced by stars."""
    return _SECRETS.sub(lambda match: (match[1] or match[2]) + "***", text)
