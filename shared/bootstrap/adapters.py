"""The adapters: every service that the app talks to, behind its port."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property

from shared.adapters.azure_ml.workspace import AzureWorkspace
from shared.adapters.publisher import EventGridPublisher
from shared.adapters.storage.blobs import DEAD_LETTERS, AzureBlobStore, decisions_container
from shared.adapters.storage.clock import ServiceClock
from shared.adapters.storage.queues import AzureMessageQueue, WorkspaceQueue
from shared.adapters.storage.timed_storage import TimedBlobStore
from shared.adapters.tables.data import WorkspaceData
from shared.adapters.telemetry import LogsTelemetry
from shared.bootstrap.stores import Stores
from shared.events.wire.own_workspace import Home, container_url
from shared.ports.blobs import BlobStore
from shared.ports.queues import OpenQueues
from shared.settings import Settings
from shared.store.facts.ledger import Ledger
from shared.store.facts.queue_errors import QueueErrors


class Adapters(Stores):
    """The adapters, none of which connects before its first call, and the stores that also need a clock or settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = ServiceClock()
        self.queue: OpenQueues = AzureMessageQueue(settings)
        self.workspace = AzureWorkspace(settings)
        self.publisher = EventGridPublisher(settings)
        self.telemetry = LogsTelemetry(settings)
        self.data = WorkspaceData(settings, self.workspace)
        # Its answers set the clock: leases compare times of the storage's own clock, never of a worker's.
        self.blobs: BlobStore = TimedBlobStore(settings, self.clock)
        self.dead_letter_blobs: BlobStore = AzureBlobStore(settings, DEAD_LETTERS)
        self.decision_blobs: BlobStore = AzureBlobStore(settings, decisions_container(settings))

    @cached_property
    def workspace_files(self) -> BlobStore:
        """Return the container behind the workspace's datastore `workspaceblobstore`."""
        return AzureBlobStore(self.settings, self.settings.workspace_container, self.settings.workspace_storage)

    @cached_property
    def home(self) -> Home:
        storage = container_url(self.settings.workspace_storage, self.settings.workspace_container)
        return Home(self.settings.workspace_id, storage, self.settings.topic_endpoint, self.settings.events_sources)

    @cached_property
    def own_queue(self) -> OpenQueues:
        """Return the queues without the messages of other workspaces."""
        return self.queue if self.settings.workspace_name else WorkspaceQueue(self.queue, "")

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.blobs, timedelta(seconds=self.settings.lease_seconds))

    @cached_property
    def queue_errors(self) -> QueueErrors:
        return QueueErrors(self.blobs, self.clock)
