"""Which of two model versions is the newer one."""

from __future__ import annotations

from datetime import datetime

from shared.domain.ids import ModelVersion


def is_newer(
    version: ModelVersion, created_at: datetime | None, than: ModelVersion, than_created_at: datetime | None
) -> bool:
    """Return whether `version` is newer: by number when both are numbers, else by creation, never by text.

    Without both creation times nothing is known, and neither supersedes the other.
    """
    if version.isdecimal() and than.isdecimal():
        return int(version) > int(than)
    if created_at is None or than_created_at is None:
        return False
    return created_at > than_created_at
