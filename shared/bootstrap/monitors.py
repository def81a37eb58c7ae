"""Monitors: our own looks at the data, those of Azure ML, and the watch over both."""

from __future__ import annotations

from functools import cached_property

from shared.bootstrap.notices import NoticeParts
from shared.engine.monitors.azure_monitors import AzureMonitors
from shared.engine.monitors.records import MonitorRecords
from shared.engine.monitors.run_due import Monitors
from shared.engine.monitors.spark_window import SparkWindows
from shared.engine.monitors.watchdog import Watchdog
from shared.store.monitors.beats import TIMERS, Beats


class MonitorParts(NoticeParts):
    @cached_property
    def monitors(self) -> Monitors:
        return Monitors(
            policies=self.policies,
            workspace=self.workspace,
            data=self.data,
            profiles=self.profiles,
            states=self.monitor_states,
            claims=self.look_claims,
            queue=self.queue,
            publisher=self.publisher,
            clock=self.clock,
            source=self.settings.workspace_id,
            outbox=self.outbox,
            reports=self.monitor_reports,
            rows=self.monitor_rows,
            large=SparkWindows(self.workspace, self.data, self.profiles, self.workspace_files),
        )

    @cached_property
    def monitor_records(self) -> MonitorRecords:
        source = self.settings.workspace_id
        return MonitorRecords(self.monitor_states, self.monitor_reports, self.posted_results, self.workspace, source)

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
    def watchdog(self) -> Watchdog:
        beats, looks = Beats(self.blobs, TIMERS), self.monitor_states.looks
        # The look at endpoints is asked for by the sweep.
        schedules = {**self.settings.schedules, "endpoints": self.settings.schedules["sweep"]}
        return Watchdog(beats, looks, schedules, lambda: self.policies, self.outbox, self.clock)
