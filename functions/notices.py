"""Queue `notices`: tell people, at least once."""

import azure.functions as func

from shared.ports.queues import NOTICES

bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=NOTICES, connection="AzureWebJobsStorage")
def deliver_notice(message: func.QueueMessage) -> None:
    import json

    from shared.bootstrap import get_app

    get_app().outbox.deliver(json.loads(message.get_body())["notice"])
