"""All records over one blob store."""

from __future__ import annotations

from functools import cached_property

from shared.ports.blobs import BlobStore
from shared.store.facts.large_events import LargeEvents
from shared.store.facts.quarantine import Quarantine
from shared.store.monitors.monitors import MonitorStates
from shared.store.monitors.reports import MonitorReports
from shared.store.releases.endpoints import EndpointStore
from shared.store.releases.models import ModelStates
from shared.store.releases.releases import ReleaseStore


class Stores:
    """The stores that need blobs and nothing else, each built at first use."""

    blobs: BlobStore

    @cached_property
    def models(self) -> ModelStates:
        return ModelStates(self.blobs)

    @cached_property
    def quarantine(self) -> Quarantine:
        return Quarantine(self.blobs)

    @cached_property
    def large_events(self) -> LargeEvents:
        return LargeEvents(self.blobs)

    @cached_property
    def releases(self) -> ReleaseStore:
        return ReleaseStore(self.blobs)

    @cached_property
    def endpoints(self) -> EndpointStore:
        return EndpointStore(self.blobs)

    @cached_property
    def monitor_states(self) -> MonitorStates:
        return MonitorStates(self.blobs)

    @cached_property
    def monitor_reports(self) -> MonitorReports:
        return MonitorReports(self.blobs)
