"""Queue `releases`: look at one release and move it on if the evidence says so."""

import azure.functions as func

from shared.ports.queues import RELEASES

bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=RELEASES, connection="AzureWebJobsStorage")
def reconcile(message: func.QueueMessage) -> None:
    import json

    from shared.bootstrap import get_app
    from shared.domain.ids import ReleaseId

    get_app().reconciler.reconcile(ReleaseId(json.loads(message.get_body())["release"]))
