"""How an alert that cannot be read is refused."""

from __future__ import annotations

from typing import NoReturn

from shared.errors import EventError


def refuse(message: str, hint: str) -> NoReturn:
    """Raise that the alert cannot be read, and what to do about it.

    Raises:
        EventError: always.
    """
    raise EventError("alert.refused", f"the alert cannot be read: {message}", hint)
