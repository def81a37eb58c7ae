"""Telling people that Azure no longer accepts the app, or that something does not go on, which nobody would notice
before work is missing."""

from __future__ import annotations

import logging
from datetime import datetime

from shared.domain.ids import ModelName
from shared.domain.notice import Notice, NoticeKind
from shared.errors import AccessRefusedError, VigiaError
from shared.logs import fields
from shared.ports.outbox import Outbox

log = logging.getLogger("vigia.access")


def notify_refusal(exc: VigiaError, outbox: Outbox, now: datetime) -> None:
    """Post one notice a day while Azure refuses the app, which the outbox tells once that has lasted: a new role takes
    ten minutes to arrive. Other errors are none of this function's business.

    When it is the storage that refuses us, nothing can be posted: then the log is all there is.
    """
    if not isinstance(exc, AccessRefusedError):
        return
    log.error("access.refused", extra=fields(reason=exc.message))
    key = f"{NoticeKind.ACCESS_REFUSED}/{now:%Y-%m-%d}"
    try:
        outbox.post([Notice(NoticeKind.ACCESS_REFUSED, key, ModelName(""), {"reason": exc.message})])
    except VigiaError as failure:
        log.error("access.notice_not_posted", extra=fields(code=failure.code, reason=failure.message))


def stuck(part: str, reason: str, now: datetime) -> Notice:
    """Return the notice that a part does not go on, as when its record cannot be read; the same all day."""
    key = f"{NoticeKind.NOT_RUNNING}/{part}/{now:%Y-%m-%d}"
    return Notice(NoticeKind.NOT_RUNNING, key, ModelName(""), {"part": part, "reason": reason})
