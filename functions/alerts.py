"""Azure Monitor's action groups call here: budgets and alerts become events of our own topic."""

import logging

import azure.functions as func

bp = func.Blueprint()
log = logging.getLogger("vigia.functions")


@bp.route(route="alerts", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
def alerts(req: func.HttpRequest) -> func.HttpResponse:
    """Publish what the action group tells.

    Answers 503 when it could not be published: action groups try again after that, and never after a 500.
    Source: learn.microsoft.com "Action groups", 2026-07-21.
    """
    from shared.bootstrap import get_app

    from functions.sign_in import calling_application
    from shared.errors import EventError, VigiaError

    try:
        app = get_app()
        expected = app.settings.alerts_caller
        if expected and calling_application(req) != expected:
            return func.HttpResponse("this endpoint takes calls of the configured application only", status_code=401)
        told = app.alerts.publish(req.get_body())
    except EventError as exc:
        # It is in quarantine and people are told; sending it again would change nothing.
        return func.HttpResponse(f"not understood, set aside: {exc}", status_code=202)
    except VigiaError as exc:
        log.warning("alert.delayed %s", exc)
        return func.HttpResponse(f"try again: {exc}", status_code=503)
    return func.HttpResponse(told, status_code=202)
