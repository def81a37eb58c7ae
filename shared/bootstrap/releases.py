"""Releases: opened, approved, reconciled, undone and retried."""

from __future__ import annotations

from functools import cached_property

from shared.bootstrap.notices import NoticeParts
from shared.engine.releases.approvals import Approvals
from shared.engine.releases.cards import Cards
from shared.engine.releases.desk import ReleaseDesk
from shared.engine.releases.endpoint_keeper import EndpointKeeper
from shared.engine.releases.reconcile import Reconciler
from shared.engine.releases.retry import Retrier
from shared.engine.releases.undo import Undoer


class ReleaseParts(NoticeParts):
    @cached_property
    def release_desk(self) -> ReleaseDesk:
        return ReleaseDesk(self.releases, self.endpoints, self.queue, self.clock)

    @cached_property
    def approvals(self) -> Approvals:
        return Approvals(self.approval_records, self.queue, self.clock)

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
            cards=self.cards,
        )

    @cached_property
    def cards(self) -> Cards:
        return Cards(self.workspace, self.data, self.approvals, self.releases, self.profiles, self.clock)

    @cached_property
    def keeper(self) -> EndpointKeeper:
        return EndpointKeeper(self.workspace, self.endpoints, self.releases, self.outbox, self.clock)

    @cached_property
    def undoer(self) -> Undoer:
        return Undoer(self.workspace, self.releases, self.endpoints, self.queue, self.clock)

    @cached_property
    def retrier(self) -> Retrier:
        return Retrier(self.workspace, self.releases, self.endpoints, self.queue, self.clock)
