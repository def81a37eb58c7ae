"""Azure Monitor's action groups call here: what they tell goes on queue `events`, where it is read.

An action group waits ten seconds and does not repeat what it gave up, so nothing is read or built here.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import azure.functions as func

from functions.events import read_settings, send, store_large
from functions.traced import traced
from shared.domain.messages import PostedAlert

if TYPE_CHECKING:
    from shared.settings import Settings

bp = func.Blueprint()
log = logging.getLogger("vigia.functions")


# Anonymous for the host's keys: a secure webhook sends none. The platform checks its token before we are called.
@bp.route(route="alerts", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@traced
def alerts(req: func.HttpRequest) -> func.HttpResponse:
    """Keep what the action group tells.

    Answers 503 when it could not be kept: action groups try again after that, and never after a 500.
    Source: learn.microsoft.com "Action groups", 2026-07-21.
    """
    try:
        if not _may_call(req, read_settings()):
            return func.HttpResponse("only the application VIGIA_ALERTS_CALLER may call this", status_code=401)
        # Bytes that are not UTF-8 are shown as \xNN, which no JSON has: such a body ends in quarantine, readable.
        alert = PostedAlert(req.get_body().decode(errors="backslashreplace"), datetime.now(UTC))
        send(alert.to_body(store_large))
    except Exception:
        # Whatever it was, the alert was not kept, and a 500 would lose it. No details: they may hold secrets.
        log.exception("alert.delayed")
        return func.HttpResponse("try again: it could not be kept, see the log", status_code=503)
    return func.HttpResponse("kept", status_code=202)


def _may_call(req: func.HttpRequest, settings: Settings) -> bool:
    from functions.sign_in import is_called_by

    return settings.uses_loopback_credential or is_called_by(req, settings.alerts_caller, settings.alerts_role)
