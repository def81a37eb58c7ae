"""Azure Monitor's action groups call here: budgets and alerts become events of our own topic."""

import logging
from typing import TYPE_CHECKING

import azure.functions as func

if TYPE_CHECKING:
    from shared.settings import Settings

bp = func.Blueprint()
log = logging.getLogger("vigia.functions")


# Anonymous for the host's keys: a secure webhook sends none. The platform checks its token before we are called.
@bp.route(route="alerts", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def alerts(req: func.HttpRequest) -> func.HttpResponse:
    """Publish what the action group tells.

    Answers 503 when it could not be published: action groups try again after that, and never after a 500.
    Source: learn.microsoft.com "Action groups", 2026-07-21.
    """
    from shared.errors import EventError, VigiaError

    try:
        from shared.bootstrap import get_app

        app = get_app()
        if not _may_call(req, app.settings):
            return func.HttpResponse("only the application VIGIA_ALERTS_CALLER may call this", status_code=401)
        sentence = app.alerts.publish(req.get_body())
    except EventError as exc:
        # It is in quarantine and people are notified; sending it again would change nothing.
        return func.HttpResponse(f"not understood, set aside: {exc}", status_code=202)
    except VigiaError as exc:
        log.warning("alert.delayed %s", exc)
        return func.HttpResponse(f"try again: {exc}", status_code=503)
    except Exception:
        # Whatever it was, the alert was not kept, and a 500 would lose it. No details: they may hold secrets.
        log.exception("alert.failed")
        return func.HttpResponse("try again: something unforeseen, see the log", status_code=503)
    return func.HttpResponse(sentence, status_code=202)


def _may_call(req: func.HttpRequest, settings: "Settings") -> bool:
    from functions.sign_in import is_called_by

    return settings.uses_loopback_credential or is_called_by(req, settings.alerts_caller, settings.alerts_role)
