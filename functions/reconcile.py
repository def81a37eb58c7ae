"""Queue `releases`: look at one release and move it on if the evidence says so."""

import azure.functions as func

from functions.process import app_for
from functions.traced import traced
from shared.logs import with_facts
from shared.ports.queues import RELEASES

bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=RELEASES, connection="AzureWebJobsStorage")
@traced
def reconcile(message: func.QueueMessage) -> None:
    from shared.store.facts.queue_errors import LAST_TRY

    if (addressee := app_for(message, RELEASES)) is None:
        return
    app, body = addressee
    with (
        with_facts(workspace=app.settings.workspace),
        app.queue_errors.recording(RELEASES, body, message.dequeue_count),
    ):
        app.reconciler.handle(body, is_last_try=(message.dequeue_count or 0) >= LAST_TRY)
