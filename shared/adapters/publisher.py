"""Our own events, published with azure-eventgrid."""

from __future__ import annotations

from typing import Any

from shared.adapters.credentials import credential_for
from shared.adapters.renewal import Renewable
from shared.errors import RetryableError
from shared.ports.publisher import OutgoingEvent
from shared.settings import Settings

# An action group waits seconds for its answer, and a claim two minutes; the SDK's own ten retries last longer.
RETRIES: dict[str, Any] = {"retry_total": 2, "retry_backoff_factor": 0.3}


class EventGridPublisher:
    """The Publisher port over one custom topic."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: Renewable[Any] = Renewable(self._client)

    def _client(self) -> Any:
        from azure.core.credentials import AzureKeyCredential
        from azure.eventgrid import EventGridPublisherClient

        s = self._settings
        credential = AzureKeyCredential(s.topic_key) if s.topic_key else credential_for(s)
        return EventGridPublisherClient(s.topic_endpoint, credential, **RETRIES)

    def publish(self, event: OutgoingEvent) -> None:
        from azure.core.exceptions import AzureError
        from azure.core.messaging import CloudEvent

        cloud_event = CloudEvent(
            id=event.id,
            type=event.type,
            source=event.source,
            subject=event.subject,
            time=event.time,
            data=dict(event.data),
        )
        try:
            self._clients.call(f"event {event.type} could not be published", lambda client: client.send([cloud_event]))
        except AzureError as exc:
            raise RetryableError("publisher.refused", f"event {event.type} could not be published: {exc}") from exc
