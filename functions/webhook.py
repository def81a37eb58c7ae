"""Event Grid by webhook: for those who point an event subscription at a URL instead of at the trigger functions.

What is answered decides whether an event comes again. Event Grid drops what is answered 400, 401, 403 or 413, so none
of these is ever given to what may be its own: a caller who is not let in gets 404, which tells a stranger nothing,
while Event Grid, should it be kept out by a wrong setting, tries again for a day. What cannot be read is taken like all
the rest: it ends in quarantine, and people are notified. Only a delivery larger than Event Grid ever makes, by size or
by number of events, is answered 413: repeating it would help nobody, and taking it would flood the queue.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import azure.functions as func

from functions.events import queue_message, read_settings, send
from functions.traced import traced
from shared.logs import fields

if TYPE_CHECKING:
    from shared.events.wire.handshake import Subscribers
    from shared.settings import Settings

bp = func.Blueprint()
log = logging.getLogger("vigia.functions")


# Anonymous for the host's keys: the platform checks Event Grid's token before we are called.
@bp.route(route="events", methods=["POST", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@traced
def event_webhook(req: func.HttpRequest) -> func.HttpResponse:
    """Take a delivery: one queue message per event, so that each has an outcome of its own."""
    try:
        settings = read_settings()
        if not _may_call(req, settings):
            return func.HttpResponse(status_code=404)
        if req.method == "OPTIONS":
            return _consent(req, settings)
        return _taken(req, settings)
    except Exception:
        # Whatever it was, the delivery comes again whole; what is kept of it twice is one fact. No details: a stranger
        # might read them.
        log.exception("webhook.failed")
        return func.HttpResponse("try again", status_code=503)


def _taken(req: func.HttpRequest, settings: Settings) -> func.HttpResponse:
    from shared.events.wire.batch import binary_event, events_in, oversize

    if problem := oversize(req.get_body()):
        log.warning("webhook.oversize", extra=fields(reason=problem))
        return func.HttpResponse(problem, status_code=413)
    # Bytes that are not UTF-8 are shown as \xNN, which no JSON has: such a body ends in quarantine, readable.
    body = req.get_body().decode(errors="backslashreplace")
    match req.headers.get("aeg-event-type", "").strip().lower():
        case "subscriptionvalidation":
            return _validated(body, req, settings)
        case "subscriptiondeletion" | "unsubscribe":
            return func.HttpResponse(status_code=200)
    binary = binary_event(req.headers, req.get_body())
    for message in [queue_message(event) for event in ([binary] if binary else events_in(body)) if event.strip()]:
        send(message)
    return func.HttpResponse(status_code=202)


def _validated(body: str, req: func.HttpRequest, settings: Settings) -> func.HttpResponse:
    from shared.errors import EventError
    from shared.events.wire.handshake import validation_answer

    name = req.headers.get("aeg-subscription-name", "")
    try:
        code = validation_answer(body, name, _expected(settings))
    except EventError as exc:
        log.warning("webhook.validation_unreadable", extra=fields(code=exc.code, reason=exc.message))
        code = None
    if code is None:
        reason = f"VIGIA_EVENTS_SUBSCRIPTIONS does not name {name!r:.64}, or its topic is not ours"
        log.warning("webhook.refused", extra=fields(reason=reason))
        return func.HttpResponse(status_code=404)
    return func.HttpResponse(json.dumps({"validationResponse": code}), mimetype="application/json")


def _consent(req: func.HttpRequest, settings: Settings) -> func.HttpResponse:
    from shared.events.wire.handshake import consent

    return func.HttpResponse(status_code=200, headers=consent(req.headers, _expected(settings)))


def _expected(settings: Settings) -> Subscribers:
    from shared.events.wire.handshake import subscribers
    from shared.policy.reading.workspaces import load_workspaces

    others = (workspace.workspace_id for workspace in load_workspaces(settings.policies))
    return subscribers(
        settings.events_subscriptions,
        (settings.workspace_id, *others),
        settings.topic_endpoint,
        settings.events_origins,
    )


def _may_call(req: func.HttpRequest, settings: Settings) -> bool:
    from functions.sign_in import is_called_by

    return settings.uses_loopback_credential or is_called_by(req, settings.events_caller, settings.events_role)
