"""Blobs whose answers put the worker's clock right."""

from __future__ import annotations

from shared.adapters.storage.blobs import AzureBlobStore
from shared.adapters.storage.clock import ServiceClock
from shared.ports.blobs import Blob
from shared.settings import Settings


class TimedBlobStore(AzureBlobStore):
    """The app's own blobs; the clock hears the service's time with every blob that is read."""

    def __init__(self, settings: Settings, clock: ServiceClock) -> None:
        super().__init__(settings)
        self._clock = clock

    def get(self, name: str) -> Blob | None:
        found = super().get(name)
        if found is not None:
            self._clock.hear(found.read_at)
        return found
