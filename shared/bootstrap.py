"""Puts the app together: settings, policies, adapters, stores, use cases. Everything is built at first use."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from functools import cache, cached_property

from shared.adapters.azure_ml.workspace import AzureWorkspace
from shared.adapters.channels import configured_channels
from shared.adapters.publisher import EventGridPublisher
from shared.adapters.storage.blobs import DEAD_LETTERS, DECISIONS, AzureBlobStore
from shared.adapters.storage.clock import ServiceClock
from shared.adapters.storage.queues import AzureMessageQueue
from shared.adapters.storage.timed_storage import TimedBlobStore
from shared.adapters.tables.data import WorkspaceData
from shared.adapters.telemetry import LogsTelemetry
from shared.console.approval_pages import ApprovalPages
from shared.console.monitor_pages import MonitorPages
from shared.engine.facts.alerts import Alerts
from shared.engine.facts.labels import Labels
from shared.engine.facts.process import Processor
from shared.engine.facts.registry_poll import RegistryPoll
from shared.engine.facts.schedules import Schedules
from shared.engine.monitors.azure_monitors import AzureMonitors
from shared.engine.monitors.records import MonitorRecords
from shared.engine.monitors.run_due import Monitors
from shared.engine.monitors.spark_window import SparkWindows
from shared.engine.monitors.watchdog import Watchdog
from shared.engine.notices.bursts import Storms
from shared.engine.notices.outbox import NoticeOutbox
from shared.engine.recovery.arrivals import Arrivals
from shared.engine.recovery.dead_letters import DeadLetters
from shared.engine.recovery.replay import Replay
from shared.engine.recovery.sweep import LateResumption, Sweep
from shared.engine.releases.approvals import Approvals
from shared.engine.releases.desk import ReleaseDesk
from shared.engine.releases.endpoint_keeper import EndpointKeeper
from shared.engine.releases.reconcile import Reconciler
from shared.engine.releases.retry import Retrier
from shared.engine.releases.undo import Undoer
from shared.events.wire.own_workspace import Home, container_url
from shared.policy.reading.late import LatePeople, LatePolicies
from shared.policy.reading.load import PEOPLE_FILE, Sections, load_policies
from shared.policy.reading.people import Directory, load_people_file
from shared.policy.reading.salvage import readable_policies
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import Monitor
from shared.ports.blobs import BlobStore
from shared.reactions.registry import reactions, sections
from shared.settings import Settings
from shared.store.facts.arrivals import ArrivalStore
from shared.store.facts.dead_letters import GivenUpEvents
from shared.store.facts.ledger import Ledger
from shared.store.facts.polls import PollMarks
from shared.store.facts.posted_results import PostedResults
from shared.store.facts.queue_errors import Troubles
from shared.store.facts.settlements import Settlements
from shared.store.monitors.beats import TIMERS, Beats
from shared.store.monitors.profiles import Profiles
from shared.store.notices.bursts import StormStore
from shared.store.notices.outbox import OutboxStore
from shared.store.releases.approvals import ApprovalRecords
from shared.store.stores import Stores


def policy_sections() -> Sections:
    """Return every section that a policy file may have, by YAML key."""
    return {**sections(), "monitor": Monitor}


class App(Stores):
    """The parts of the running app. Building one part builds what it needs, and nothing else."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = ServiceClock()
        self.queue = AzureMessageQueue(settings)
        self.workspace = AzureWorkspace(settings)
        self.publisher = EventGridPublisher(settings)
        self.telemetry = LogsTelemetry(settings)
        self.data = WorkspaceData(settings, self.workspace)
        self.blobs: BlobStore = TimedBlobStore(settings, self.clock)
        self.dead_letter_blobs: BlobStore = AzureBlobStore(settings, DEAD_LETTERS)
        self.decision_blobs: BlobStore = AzureBlobStore(settings, DECISIONS)

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """Return the policies.

        Raises:
            PolicyError: names every mistake of every file.
        """
        return load_policies(self.settings.policies, policy_sections(), tuple(reactions().values()))

    @cached_property
    def people(self) -> Directory:
        """Return the people; a broken file stops nothing."""
        return Directory(LatePeople(lambda: load_people_file(self.settings.policies / PEOPLE_FILE)))

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.blobs, timedelta(seconds=self.settings.lease_seconds))

    @cached_property
    def monitor_pages(self) -> MonitorPages:
        return MonitorPages(self.monitor_reports, self.monitor_states, self.people)

    @cached_property
    def release_desk(self) -> ReleaseDesk:
        return ReleaseDesk(self.releases, self.endpoints, self.queue, self.clock)

    @cached_property
    def approvals(self) -> Approvals:
        return Approvals(ApprovalRecords(self.decision_blobs), self.queue, self.clock)

    @cached_property
    def approval_pages(self) -> ApprovalPages:
        return ApprovalPages(self.approvals, self.people, self.decision_blobs, self.clock)

    @cached_property
    def outbox(self) -> NoticeOutbox:
        return NoticeOutbox(
            store=OutboxStore(self.blobs),
            queue=self.queue,
            clock=self.clock,
            policies=LatePolicies(lambda: self.policies),
            people=self.people,
            channels=configured_channels(self.settings),
            public_url=self.settings.public_url,
            storms=Storms(OutboxStore(self.blobs), StormStore(self.blobs), self.queue, self.clock),
            readable=lambda: readable_policies(self.settings.policies, policy_sections(), tuple(reactions().values())),
        )

    @cached_property
    def processor(self) -> Processor:
        return Processor(
            policies=self.policies,
            ledger=self.ledger,
            models=self.models,
            workspace=self.workspace,
            releases=self.release_desk,
            outbox=self.outbox,
            quarantine=self.quarantine,
            clock=self.clock,
            home=self.home,
            labels=self.labels,
            people=self.people,
            looks=self.monitor_records,
        )

    @cached_property
    def monitor_records(self) -> MonitorRecords:
        results, source = PostedResults(self.blobs), self.settings.workspace_id
        return MonitorRecords(self.monitor_states, self.monitor_reports, results, self.workspace, source)

    @cached_property
    def labels(self) -> Labels:
        return Labels(self.workspace, self.data, self.workspace_files)

    @cached_property
    def home(self) -> Home:
        storage = container_url(self.settings.workspace_storage, self.settings.workspace_container)
        return Home(self.settings.workspace_id, storage, self.settings.topic_endpoint, self.settings.events_sources)

    @cached_property
    def reconciler(self) -> Reconciler:
        return Reconciler(
            releases=self.releases,
            endpoints=self.endpoints,
            workspace=self.workspace,
            telemetry=self.telemetry,
            data=self.data,
            approvals=self.approvals,
            outbox=self.outbox,
            queue=self.queue,
            clock=self.clock,
        )

    @cached_property
    def keeper(self) -> EndpointKeeper:
        return EndpointKeeper(self.workspace, self.endpoints, self.releases, self.outbox, self.clock)

    @cached_property
    def undoer(self) -> Undoer:
        return Undoer(self.workspace, self.releases, self.endpoints, self.queue, self.clock)

    @cached_property
    def retrier(self) -> Retrier:
        return Retrier(self.workspace, self.releases, self.endpoints, self.queue, self.clock)

    @cached_property
    def sweep(self) -> Sweep:
        late = LateResumption(lambda: self.processor)
        return Sweep(self.ledger, self.releases, late, self.outbox, self.queue, self.clock)

    @cached_property
    def watchdog(self) -> Watchdog:
        beats, looks = Beats(self.blobs, TIMERS), self.monitor_states.looks
        return Watchdog(beats, looks, self.settings.schedules, lambda: self.policies, self.outbox, self.clock)

    @cached_property
    def dead_letters(self) -> DeadLetters:
        return DeadLetters(
            given_up=GivenUpEvents(self.dead_letter_blobs),
            queues=self.queue,
            quarantine=self.quarantine,
            ledger=self.ledger,
            releases=self.releases,
            outbox=OutboxStore(self.blobs),
            large_events=self.large_events,
            troubles=self.troubles,
            home=self.home,
        )

    @cached_property
    def replay(self) -> Replay:
        return Replay(
            given_up=GivenUpEvents(self.dead_letter_blobs),
            queues=self.queue,
            quarantine=self.quarantine,
            ledger=self.ledger,
            large_events=self.large_events,
            settlements=Settlements(self.blobs),
            troubles=self.troubles,
            clock=self.clock,
        )

    @cached_property
    def arrivals(self) -> Arrivals:
        return Arrivals(
            store=ArrivalStore(self.blobs),
            given_up=GivenUpEvents(self.dead_letter_blobs),
            queues=self.queue,
            quarantine=self.quarantine,
            outbox=self.outbox,
            clock=self.clock,
        )

    @cached_property
    def troubles(self) -> Troubles:
        return Troubles(self.blobs, self.clock)

    @cached_property
    def monitors(self) -> Monitors:
        return Monitors(
            policies=self.policies,
            workspace=self.workspace,
            data=self.data,
            profiles=Profiles(self.blobs),
            states=self.monitor_states,
            publisher=self.publisher,
            clock=self.clock,
            source=self.settings.workspace_id,
            outbox=self.outbox,
            reports=self.monitor_reports,
            large=SparkWindows(self.workspace, self.data, Profiles(self.blobs), self.workspace_files),
        )

    @cached_property
    def registry_poll(self) -> RegistryPoll:
        return RegistryPoll(
            policies=self.policies,
            workspace=self.workspace,
            models=self.models,
            ledger=self.ledger,
            marks=PollMarks(self.blobs),
            queue=self.queue,
            outbox=self.outbox,
            clock=self.clock,
            source=self.settings.workspace_id,
        )

    @cached_property
    def workspace_files(self) -> BlobStore:
        """Return the container behind the workspace's datastore `workspaceblobstore`."""
        return AzureBlobStore(self.settings, self.settings.workspace_container, self.settings.workspace_storage)

    @cached_property
    def azure_monitors(self) -> AzureMonitors:
        return AzureMonitors(
            policies=self.policies,
            workspace=self.workspace,
            files=self.workspace_files,
            ledger=self.ledger,
            queue=self.queue,
            outbox=self.outbox,
            clock=self.clock,
            source=self.settings.workspace_id,
        )

    @cached_property
    def schedules(self) -> Schedules:
        return Schedules(self.policies, self.blobs, self.publisher, self.clock, self.settings.workspace_id)

    @cached_property
    def alerts(self) -> Alerts:
        results = PostedResults(self.blobs)
        return Alerts(self.publisher, self.quarantine, self.clock, lambda: self.outbox, results)


_BUILDING = threading.Lock()


def get_app() -> App:
    """Return the app of this process; the first of several threads builds it, the others wait.

    Raises:
        SettingsError: names everything that is missing from the configuration.
    """
    with _BUILDING:
        return _app()


@cache
def _app() -> App:
    return App(Settings.read(os.environ))
