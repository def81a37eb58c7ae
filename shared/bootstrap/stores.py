"""The records over the app's own storage, each store built once."""

from __future__ import annotations

from functools import cached_property

from shared.ports.blobs import BlobStore
from shared.store.facts.arrivals import ArrivalStore
from shared.store.facts.dead_letters import GivenUpEvents
from shared.store.facts.large_events import LargeEvents
from shared.store.facts.polls import PollMarks
from shared.store.facts.posted_results import PostedResults
from shared.store.facts.quarantine import Quarantine
from shared.store.facts.resolutions import Resolutions
from shared.store.monitors.look_claims import LookClaims
from shared.store.monitors.monitors import MonitorStates
from shared.store.monitors.profiles import Profiles
from shared.store.monitors.reports import MonitorReports
from shared.store.monitors.rows import MonitorRows
from shared.store.notices.outbox import OutboxStore
from shared.store.releases.approvals import ApprovalRecords
from shared.store.releases.endpoints import EndpointStore
from shared.store.releases.models import ModelStates
from shared.store.releases.releases import ReleaseStore


class Stores:
    """The stores that need blobs and nothing else.

    Args:
        blobs: the app's own records.
        dead_letter_blobs: where Event Grid puts what it gave up.
        decision_blobs: votes, in a container of their own, because nothing but the app may write there.
    """

    blobs: BlobStore
    dead_letter_blobs: BlobStore
    decision_blobs: BlobStore

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
    def posted_results(self) -> PostedResults:
        return PostedResults(self.blobs)

    @cached_property
    def poll_marks(self) -> PollMarks:
        return PollMarks(self.blobs)

    @cached_property
    def given_up_events(self) -> GivenUpEvents:
        return GivenUpEvents(self.dead_letter_blobs)

    @cached_property
    def arrival_store(self) -> ArrivalStore:
        return ArrivalStore(self.blobs)

    @cached_property
    def resolutions(self) -> Resolutions:
        return Resolutions(self.blobs)

    @cached_property
    def outbox_store(self) -> OutboxStore:
        return OutboxStore(self.blobs)

    @cached_property
    def releases(self) -> ReleaseStore:
        return ReleaseStore(self.blobs)

    @cached_property
    def endpoints(self) -> EndpointStore:
        return EndpointStore(self.blobs)

    @cached_property
    def approval_records(self) -> ApprovalRecords:
        return ApprovalRecords(self.decision_blobs)

    @cached_property
    def monitor_states(self) -> MonitorStates:
        return MonitorStates(self.blobs)

    @cached_property
    def look_claims(self) -> LookClaims:
        return LookClaims(self.blobs)

    @cached_property
    def monitor_reports(self) -> MonitorReports:
        return MonitorReports(self.blobs)

    @cached_property
    def monitor_rows(self) -> MonitorRows:
        return MonitorRows(self.blobs)

    @cached_property
    def profiles(self) -> Profiles:
        return Profiles(self.blobs)
