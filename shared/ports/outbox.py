"""Telling people, later and at least once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shared.domain.notice import Notice


class Outbox(Protocol):
    def post(self, notices: Sequence[Notice]) -> None:
        """Take the notices over for delivery; one whose key was posted before is dropped. Raises RetryableError."""
        ...
