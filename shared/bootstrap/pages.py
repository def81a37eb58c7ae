"""The pages of the web console."""

from __future__ import annotations

from functools import cached_property

from shared.bootstrap.releases import ReleaseParts
from shared.console.approval_pages import ApprovalPages
from shared.console.monitor_pages import MonitorPages


class PageParts(ReleaseParts):
    @cached_property
    def approval_pages(self) -> ApprovalPages:
        name = self.settings.workspace_name
        return ApprovalPages(self.approvals, self.people, self.decision_blobs, self.clock, self.releases, name)

    @cached_property
    def monitor_pages(self) -> MonitorPages:
        return MonitorPages(self.monitor_reports, self.monitor_states, self.people, self.settings.workspace_name)
