"""Blobs whose responses correct the worker's clock."""

from __future__ import annotations

from shared.adapters.storage.blobs import AzureBlobStore, records_container
from shared.adapters.storage.clock import ServiceClock
from shared.ports.blobs import Blob
from shared.settings import Settings


class TimedBlobStore(AzureBlobStore):
    """The app's own blobs; the clock takes over the service's time from every blob that is read."""

    def __init__(self, settings: Settings, clock: ServiceClock) -> None:
        super().__init__(settings, records_container(settings))
        self._clock = clock

    def get(self, name: str) -> Blob | None:
        blob = super().get(name)
        if blob is not None:
            self._clock.synchronise(blob.read_at)
        return blob
