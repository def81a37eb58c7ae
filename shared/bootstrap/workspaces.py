"""Several workspaces in one app: an App for each, over one set of queues, people and policy files.

Which app serves a message: its address says so (`addressed` in domain/messages.py), and of an event its source
(`engine/facts/route.py`). ADR 19 says why an App knows one workspace only.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property

from shared.adapters.storage.queues import WorkspaceQueue
from shared.bootstrap.pages import PageParts
from shared.bootstrap.recovery import RecoveryParts
from shared.console.approval_pages import ApprovalPages
from shared.console.monitor_pages import MonitorPages
from shared.domain.messages import address_of
from shared.engine.facts.route import Place, Router
from shared.engine.recovery.arrivals import Arrivals
from shared.errors import PermanentError, PolicyError, SettingsError
from shared.logs import fields
from shared.policy.deciding.book import PolicyBook
from shared.policy.reading.people import Directory
from shared.policy.reading.problems import did_you_mean
from shared.policy.reading.workspaces import WORKSPACES_FILE, load_workspaces
from shared.policy.sections.model import Policy
from shared.settings import Settings, WorkspaceSettings
from shared.store.facts.dead_letters import GivenUpEvents
from shared.store.facts.large_events import LargeEvents
from shared.store.facts.posted_results import PostedResults
from shared.store.facts.quarantine import Quarantine
from shared.store.facts.queue_errors import QueueErrors
from shared.store.facts.resolutions import Resolutions
from shared.store.records_owner import RecordsOwner

log = logging.getLogger("vigia.policy")


class App(RecoveryParts, PageParts):
    """The parts of the running app, for one workspace. Building one part builds what it needs, and nothing else."""


class SharedParts:
    """What an app of a further workspace has in common with the first: what no workspace can be told of yet."""

    first: App

    @cached_property
    def all_policies(self) -> tuple[Policy, ...]:
        return self.first.all_policies

    @cached_property
    def people(self) -> Directory:
        return self.first.people

    @cached_property
    def quarantine(self) -> Quarantine:
        return self.first.quarantine

    @cached_property
    def given_up_events(self) -> GivenUpEvents:
        return self.first.given_up_events

    @cached_property
    def large_events(self) -> LargeEvents:
        return self.first.large_events

    @cached_property
    def resolutions(self) -> Resolutions:
        return self.first.resolutions

    @cached_property
    def posted_results(self) -> PostedResults:
        return self.first.posted_results

    @cached_property
    def queue_errors(self) -> QueueErrors:
        return self.first.queue_errors

    @cached_property
    def arrivals(self) -> Arrivals:
        return self.first.arrivals


class WorkspaceApp(SharedParts, App):
    """The app of a workspace that workspaces.yaml lists."""

    def __init__(self, settings: Settings, first: App) -> None:
        super().__init__(settings)
        self.first = first
        self.queue = WorkspaceQueue(first.queue, settings.workspace_name)


class Workspaces:
    """The apps of all workspaces, each built at first use.

    Args:
        first: the app of the workspace that the settings name; its name is "".
    """

    def __init__(self, first: App, make: Callable[[Settings, App], App] = WorkspaceApp) -> None:
        self.first = first
        self._make = make
        self._apps: dict[str, App] = {"": first}
        self._building = threading.Lock()

    @cached_property
    def listed(self) -> tuple[WorkspaceSettings, ...]:
        """Return what workspaces.yaml lists.

        Raises:
            PolicyError: names every mistake of the file.
        """
        return load_workspaces(self.first.settings.policies)

    @property
    def names(self) -> tuple[str, ...]:
        return ("", *(workspace.name for workspace in self.listed))

    @property
    def readable_names(self) -> tuple[str, ...]:
        """Return the names that are known: while the file is broken, the first workspace's and no other."""
        try:
            return self.names
        except PolicyError as exc:
            log.error("policy.broken", extra=fields(waiting="workspaces", reason=str(exc)))
            return ("",)

    def app(self, name: str) -> App:
        """Return the app of a workspace.

        Raises:
            PermanentError: no workspace has the name.
            SettingsError: the records under the name are another workspace's.
            RetryableError: the storage cannot say whose they are.
        """
        with self._building:
            if name not in self._apps:
                workspace = next((workspace for workspace in self.listed if workspace.name == name), None)
                if workspace is None:
                    hint = did_you_mean(name, [workspace.name for workspace in self.listed])
                    raise PermanentError("workspace.unlisted", f"{WORKSPACES_FILE} lists no workspace {name!r}", hint)
                self._apps[name] = self._made(workspace)
            return self._apps[name]

    def _made(self, workspace: WorkspaceSettings) -> App:
        if workspace.workspace_id.lower() == self.first.settings.workspace_id.lower():
            message = f"{WORKSPACES_FILE}: {workspace.name} is the workspace that VIGIA_WORKSPACE names already"
            raise SettingsError("settings.listed_twice", message, "take it out of the file")
        app = self._make(self.first.settings.at(workspace), self.first)
        # Before anything is decided by them: under a name that was given to another workspace, its releases would be
        # carried on over there.
        RecordsOwner(app.blobs).require(workspace.workspace_id)
        return app

    def addressed(self, text: str) -> tuple[App, str]:
        """Return the app that a message is for, and its body.

        Raises:
            PermanentError: no workspace has that name any more.
        """
        name, body = address_of(text)
        return self.app(name), body

    @property
    def approval_pages(self) -> ApprovalPages:
        """Return the pages that show the questions of all workspaces."""
        others = {name: app.approvals for name, app in self.apps().items() if name}
        return replace(self.first.approval_pages, elsewhere=others)

    @property
    def monitor_pages(self) -> MonitorPages:
        """Return the pages that show the monitors of all workspaces."""
        others = {name: app.monitor_states for name, app in self.apps().items() if name}
        return replace(self.first.monitor_pages, elsewhere=others)

    @cached_property
    def router(self) -> Router:
        """Return what processes events.

        Raises:
            PolicyError: names every mistake of the files.
        """
        return Router(
            tuple(Place(n, app.home, PolicyBook(app.policies), app.processor) for n, app in self.apps().items())
        )

    def apps(self) -> Mapping[str, App]:
        """Return the apps of all workspaces, by name, the first one first."""
        return {name: self.app(name) for name in self.names}
