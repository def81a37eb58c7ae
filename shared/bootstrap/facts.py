"""Facts: taken in from events, alerts, the registry and schedules, and processed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from functools import cached_property

from shared.bootstrap.monitors import MonitorParts
from shared.bootstrap.releases import ReleaseParts
from shared.domain.messages import LookKind
from shared.engine.facts.alerts import Alerts
from shared.engine.facts.labels import Labels
from shared.engine.facts.process import Processor
from shared.engine.facts.registry_poll import RegistryPoll
from shared.engine.facts.schedules import Schedules
from shared.engine.monitors.looks import Looks


class FactParts(ReleaseParts, MonitorParts):
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
    def labels(self) -> Labels:
        return Labels(self.workspace, self.data, self.workspace_files)

    @cached_property
    def registry_poll(self) -> RegistryPoll:
        return RegistryPoll(
            policies=self.policies,
            workspace=self.workspace,
            models=self.models,
            ledger=self.ledger,
            marks=self.poll_marks,
            queue=self.queue,
            outbox=self.outbox,
            clock=self.clock,
            source=self.settings.workspace_id,
        )

    @cached_property
    def looks(self) -> Looks:
        # Each is built when its look is taken: policies that cannot be read must not keep the endpoints' one waiting.
        workspace: Mapping[LookKind, Callable[[], object]] = {
            "endpoints": lambda: self.keeper.run(),
            "registry_poll": self._poll,
        }
        name = self.settings.workspace_name
        offset = zlib.crc32(name.encode()) / 2**32 if name else 0.0
        return Looks(self.queue, self.look_claims, self.clock, self.watchdog, lambda: self.monitors, workspace, offset)

    def _poll(self) -> None:
        try:
            self.registry_poll.run()
        finally:
            self.azure_monitors.run()

    @cached_property
    def schedules(self) -> Schedules:
        return Schedules(self.policies, self.blobs, self.publisher, self.clock, self.settings.workspace_id)

    @cached_property
    def alerts(self) -> Alerts:
        return Alerts(self.quarantine, self.outbox, self.posted_results)
