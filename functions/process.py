"""Queue `events`: decide and act, once per fact."""

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import azure.functions as func

from functions.traced import traced
from shared.logs import fields
from shared.ports.queues import EVENTS

if TYPE_CHECKING:
    from shared.bootstrap import App

bp = func.Blueprint()
log = logging.getLogger("vigia.functions")

BROKEN_POLICY_DELAY = timedelta(minutes=5)
BUSY_DELAY = timedelta(minutes=5)


def app_for(message: func.QueueMessage, queue: str) -> "tuple[App, str] | None":
    """Return the app of the workspace that a message is for, and its body; None while nobody can say which it is,
    because workspaces.yaml is broken: the message comes again later."""
    from shared.bootstrap import get_workspaces
    from shared.errors import PolicyError

    workspaces = get_workspaces()
    # Bytes that are not UTF-8 are shown as \xNN, which no JSON has: such a body ends in quarantine, readable.
    text = message.get_body().decode(errors="backslashreplace")
    try:
        return workspaces.addressed(text)
    except PolicyError as exc:
        log.error("policy.broken", extra=fields(waiting=queue, reason=str(exc)))
        workspaces.first.queue.send(queue, text, BROKEN_POLICY_DELAY)
        return None


@bp.queue_trigger(arg_name="message", queue_name=EVENTS, connection="AzureWebJobsStorage")
@traced
def process(message: func.QueueMessage) -> None:
    from shared.bootstrap import get_workspaces
    from shared.errors import PolicyError, RetryableError
    from shared.store.facts.queue_errors import LAST_TRY

    workspaces = get_workspaces()
    app = workspaces.first
    # Bytes that are not UTF-8 are shown as \xNN, which no JSON has: such a body ends in quarantine, readable.
    body = message.get_body().decode(errors="backslashreplace")
    try:
        router = workspaces.router
    except PolicyError as exc:
        # Deciding by a broken policy is guessing; the event waits until someone fixes the file.
        log.error("policy.broken", extra=fields(waiting="events", reason=str(exc)))
        app.queue.send(EVENTS, body, BROKEN_POLICY_DELAY)
        return
    with app.queue_errors.recording(EVENTS, body, message.dequeue_count):
        try:
            router.process(app.alerts.events_of(app.large_events.open(body)), is_first_try=message.dequeue_count == 1)
        except RetryableError as exc:
            if exc.retry_after is None and (message.dequeue_count or 0) < LAST_TRY:
                raise
            # Five tries take half a minute, and outages last longer. No person is needed: the message comes back until
            # it can be processed, or until the sweep has done so and it is a duplicate.
            log.warning("event.waiting", extra=fields(code=exc.code, reason=exc.message))
            app.queue.send(EVENTS, body, exc.retry_after or BUSY_DELAY)
