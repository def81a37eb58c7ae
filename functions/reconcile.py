"""Queue `releases`: look at one release and move it on if the evidence says so."""

import azure.functions as func

from shared.ports.queues import RELEASES

bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=RELEASES, connection="AzureWebJobsStorage")
def reconcile(message: func.QueueMessage) -> None:
    from shared.bootstrap import get_app

    get_app().reconciler.handle(message.get_body().decode(errors="backslashreplace"))
