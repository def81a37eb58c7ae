"""Queue `notices`: notify people, at least once."""

import logging

import azure.functions as func

from functions.process import BROKEN_POLICY_DELAY, BUSY_DELAY, app_for
from functions.traced import traced
from shared.logs import fields, with_facts
from shared.ports.queues import NOTICES

bp = func.Blueprint()
log = logging.getLogger("vigia.functions")


@bp.queue_trigger(arg_name="message", queue_name=NOTICES, connection="AzureWebJobsStorage")
@traced
def deliver_notice(message: func.QueueMessage) -> None:
    from shared.errors import PolicyError, RetryableError
    from shared.store.facts.queue_errors import LAST_TRY

    if (addressee := app_for(message, NOTICES)) is None:
        return
    app, body = addressee
    try:
        with (
            with_facts(workspace=app.settings.workspace),
            app.queue_errors.recording(NOTICES, body, message.dequeue_count),
        ):
            try:
                app.outbox.handle(body)
            except RetryableError as exc:
                if exc.retry_after is None and (message.dequeue_count or 0) < LAST_TRY:
                    raise
                # The notice is marked as failed after two days; until then its message must not reach the poison queue.
                log.warning("notice.waiting", extra=fields(code=exc.code, reason=exc.message))
                app.queue.send(NOTICES, body, exc.retry_after or BUSY_DELAY)
    except PolicyError as exc:
        # Whom to notify is written in the policies; the notice waits until someone fixes the file.
        log.error("policy.broken", extra=fields(waiting="notices", reason=str(exc)))
        app.queue.send(NOTICES, body, BROKEN_POLICY_DELAY)
