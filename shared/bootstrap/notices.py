"""Notices: the outbox that every room posts to, and its channels."""

from __future__ import annotations

from functools import cached_property

from shared.adapters.channels import configured_channels
from shared.bootstrap.policies import PolicyParts
from shared.engine.notices.bursts import Bursts
from shared.engine.notices.outbox import NoticeOutbox
from shared.policy.reading.late import LatePolicies
from shared.store.notices.bursts import BurstStore


class NoticeParts(PolicyParts):
    @cached_property
    def outbox(self) -> NoticeOutbox:
        return NoticeOutbox(
            store=self.outbox_store,
            queue=self.queue,
            clock=self.clock,
            # A broken policy must not keep anybody from posting; it is read when a notice is routed.
            policies=LatePolicies(lambda: self.policies),
            people=self.people,
            channels=configured_channels(self.settings),
            public_url=self.settings.public_url,
            bursts=Bursts(self.outbox_store, BurstStore(self.blobs), self.queue, self.clock),
            readable=self.readable_policies,
            workspace=self.settings.workspace_name,
        )
