"""Queue `looks`: take the looks that the timers ask for, one message each, so that Functions scales the work."""

import logging
import threading
from datetime import timedelta

import azure.functions as func

from functions.process import app_for
from functions.traced import traced
from shared.logs import fields, with_facts
from shared.ports.queues import LOOKS

bp = func.Blueprint()
log = logging.getLogger("vigia.functions")

# A look at a model's data may need 500 MB, and the host gives a process a dozen messages of a queue at once. Those for
# which there is no room come back: waiting here would use up the ten minutes that a function may run.
LOOKS_AT_ONCE = 2
NO_ROOM_DELAY = timedelta(seconds=20)
_room = threading.BoundedSemaphore(LOOKS_AT_ONCE)


@bp.queue_trigger(arg_name="message", queue_name=LOOKS, connection="AzureWebJobsStorage")
@traced
def look(message: func.QueueMessage) -> None:
    from shared.adapters.azure_ml.quota import background
    from shared.domain.messages import LookAt
    from shared.errors import PolicyError, RetryableError

    if (addressee := app_for(message, LOOKS)) is None:
        return
    app, body = addressee
    with with_facts(workspace=app.settings.workspace), app.queue_errors.recording(LOOKS, body, message.dequeue_count):
        request = LookAt.from_body(body)
        if request.model and not _room.acquire(blocking=False):
            app.queue.send(LOOKS, body, NO_ROOM_DELAY)
            return
        try:
            with background():
                app.looks.take(request)
        except (PolicyError, RetryableError) as exc:
            # The next run of the timer asks again for what is still due.
            log.warning("look.postponed", extra=fields(look=body, code=exc.code, reason=exc.message))
        finally:
            if request.model:
                _room.release()
