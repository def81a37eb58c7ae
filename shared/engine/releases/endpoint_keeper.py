"""Keeps endpoints as their last release left them, and clears away what serves nobody any more.

It touches only endpoints that no release owns. Before each write it stores the endpoint's record again, guarded by its
ETag: a release that took the endpoint meanwhile makes that fail.
"""

from __future__ import annotations

import bisect
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from shared.domain.ids import DeploymentName, EndpointName, ReleaseId
from shared.domain.notice import Notice, NoticeKind
from shared.domain.releases.plan import KeepPlan
from shared.domain.releases.release import Release
from shared.engine.notices.access import stuck
from shared.engine.releases.act import OBSERVATION_COUNTS_FOR
from shared.errors import VigiaError
from shared.logs import fields
from shared.ports.clock import Clock, Deadline
from shared.ports.endpoints import EndpointRecord, Endpoints, ListedEndpoint
from shared.ports.outbox import Outbox
from shared.ports.workspace import Workspace, endpoints_of
from shared.release.core.observation import EndpointClaim
from shared.release.core.standing import cannot_take
from shared.release.core.words import split
from shared.release.states.interference import landed_late
from shared.store.codec import UNREADABLE_RECORD
from shared.store.releases.endpoints import ClaimSummary, EndpointStore
from shared.store.releases.releases import ReleaseStore

log = logging.getLogger("vigia.keeper")


# A full check reads the endpoint's deployments. Each endpoint has one within so many passes, which the sweep's timer
# asks for each minute; where there are few, each pass checks all.
PASSES_PER_ROUND = 15
CHECKED_AT_LEAST = 3


@dataclass(frozen=True)
class EndpointKeeper:
    workspace: Workspace
    endpoints: EndpointStore
    releases: ReleaseStore
    outbox: Outbox
    clock: Clock

    def run(self) -> None:
        """Look at every endpoint that a release was given: when the listing shows other traffic than it should have, or
        when it is its turn to be checked in full. One's trouble does not keep the others waiting."""
        claims = self.endpoints.summaries()
        in_full = self._next_in_full([claim.endpoint for claim in claims])
        # Where each one is checked there is nothing to leave out.
        listing = self._listing() if len(in_full) < len(claims) else {}
        for claim in claims:
            if claim.endpoint in in_full or _needs_a_look(claim, listing.get(claim.endpoint)):
                self._or_postpone(claim.endpoint, self._look)
            elif not claim.is_described:
                self._or_postpone(claim.endpoint, self.endpoints.describe)
        if len(in_full) < len(claims):
            self.endpoints.note_checked(in_full[-1])

    def _next_in_full(self, names: list[EndpointName]) -> list[EndpointName]:
        """Return those after the last pass's, all of them within PASSES_PER_ROUND passes."""
        most = max(CHECKED_AT_LEAST, -(-len(names) // PASSES_PER_ROUND))
        if len(names) <= most:
            return names
        start = bisect.bisect_right(names, self.endpoints.checked_last())
        return [*names[start:], *names[:start]][:most]

    def _listing(self) -> Mapping[EndpointName, ListedEndpoint]:
        """Return what the workspace's listings tell; nothing when they cannot be read now."""
        try:
            both = (*self.workspace.batch.listing(), *self.workspace.listing())
        except VigiaError as exc:
            log.warning("keeper.postponed", extra=fields(endpoint="all", code=exc.code, reason=exc.message))
            return {}
        return {endpoint.name: endpoint for endpoint in both}

    def _or_postpone(self, name: EndpointName, look: Callable[[EndpointName], None]) -> None:
        try:
            look(name)
        except VigiaError as exc:
            log.warning("keeper.postponed", extra=fields(endpoint=name, code=exc.code, reason=exc.message))
            self._tell_damage(name, exc)

    def _tell_damage(self, name: EndpointName, exc: VigiaError) -> None:
        if exc.code == UNREADABLE_RECORD:
            with suppress(VigiaError):
                self.outbox.post([stuck(f"endpoint {name}", exc.message, self.clock.now())])

    def _look(self, name: EndpointName) -> None:
        claim = self.endpoints.read(name)
        last = self._last_release(claim.last_owner) if claim.owner is None else None
        if last is None:
            return
        endpoints = endpoints_of(self.workspace, last.plan.endpoint_type)
        endpoint = endpoints.endpoint(name)
        if endpoint is None or endpoint.state != "Succeeded":
            return
        actual = {deployment: share for deployment, share in endpoint.traffic.items() if share}
        if claim.desired and actual != dict(claim.desired):
            self._differs(claim, last, endpoint, actual)
        elif claim.told is not None:
            self.endpoints.change(claim, replace(claim, told=None))
        elif last.plan.keep and last.plan.keep.then != "keep":
            self._clear_away(endpoints, claim, endpoint, last.plan.keep)

    def _last_release(self, release: ReleaseId | None) -> Release | None:
        stored = self.releases.load(release) if release else None
        return stored.release if stored else None

    def _differs(
        self, claim: EndpointClaim, last: Release, endpoint: EndpointRecord, actual: Mapping[DeploymentName, int]
    ) -> None:
        """Put back what a late write of ours did, and what a person did if the policy says so; tell people."""
        is_ours = landed_late(actual, claim, last, self.clock.now())
        obstacle = cannot_take(endpoint, claim.desired)
        repairs = (is_ours or last.plan.on_hand_edit == "repair") and not obstacle
        if (obstacle or not is_ours) and claim.told != actual:
            self._tell(claim, last, actual, obstacle, repairs=repairs)
            claim = replace(claim, told=dict(actual), generation=claim.generation + 1)
        if repairs and self.endpoints.change(claim, claim):
            log.info("endpoint.traffic_restored", extra=fields(endpoint=claim.endpoint, previous=split(actual)))
            deadline = self._deadline()
            endpoints_of(self.workspace, last.plan.endpoint_type).set_traffic(claim.endpoint, claim.desired, deadline)

    def _tell(
        self, claim: EndpointClaim, last: Release, actual: Mapping[DeploymentName, int], obstacle: str, *, repairs: bool
    ) -> None:
        desired = split(claim.desired)
        not_repaired = f"it was {desired}, and is left" + (f": {obstacle}" if obstacle else "")
        consequence = f"it is put back to {desired}" if repairs else not_repaired
        parameters = {"endpoint": str(claim.endpoint), "reason": f"it is {split(actual)} now; {consequence}"}
        key = f"traffic/{claim.endpoint}/{claim.generation}"
        # Told before it is remembered: a crash in between repeats the notice under its key.
        self.outbox.post((Notice(NoticeKind.TRAFFIC_CHANGED, key, last.model, parameters),))
        self.endpoints.change(claim, replace(claim, told=dict(actual)))

    def _deadline(self) -> Deadline:
        return Deadline(self.clock, self.clock.now() + OBSERVATION_COUNTS_FOR)

    def _clear_away(self, endpoints: Endpoints, claim: EndpointClaim, endpoint: EndpointRecord, keep: KeepPlan) -> None:
        """Delete or scale down one deployment that has been idle for long enough, or forget one that is gone."""
        states = {deployment.name: deployment.state for deployment in endpoint.deployments}
        needed, deadline = _needed(claim, endpoint), self._deadline()
        for name, since in sorted(claim.idle.items(), key=lambda item: item[1]):
            if name not in states:
                self.endpoints.change(claim, _without(claim, name))
                return
            is_last_known_good = claim.last_known_good is not None and claim.last_known_good.deployment == name
            stays_for = keep.last_known_good_for if is_last_known_good else keep.champion_for
            if stays_for is None or name in needed or states[name] == "Deleting":
                continue
            if self.clock.now() - since < stays_for:
                continue
            if not self.endpoints.change(claim, claim):
                return
            log.info(
                "endpoint.deployment_cleaned_up",
                extra=fields(endpoint=claim.endpoint, deployment=name, action=keep.then),
            )
            if keep.then == "delete":
                # Forgotten when a later look finds it gone: a crash before this line must not keep it for ever.
                endpoints.delete_deployment(claim.endpoint, name, deadline)
                return
            self.workspace.scale_deployment(claim.endpoint, name, 1, deadline)
            stored = self.endpoints.read(claim.endpoint)
            self.endpoints.change(stored, _without(stored, name))
            return


def _needs_a_look(claim: ClaimSummary, listed: ListedEndpoint | None) -> bool:
    """Return whether the listings show more than an endpoint at rest; one that is changing is left until it has."""
    if claim.is_owned or not claim.is_described:
        return False
    differs = listed is not None and listed.state == "Succeeded" and dict(listed.traffic) != dict(claim.desired)
    return claim.is_told or (bool(claim.desired) and differs)


def _needed(claim: EndpointClaim, endpoint: EndpointRecord) -> set[DeploymentName]:
    """Return what must stay as it is: what serves, is copied to, or is to serve."""
    recorded = {claim.champion.deployment} if claim.champion else set()
    shares = (endpoint.traffic, endpoint.mirror_traffic, claim.desired)
    return recorded | {name for share in shares for name, percent in share.items() if percent}


def _without(claim: EndpointClaim, name: DeploymentName) -> EndpointClaim:
    return replace(claim, idle={other: since for other, since in claim.idle.items() if other != name})
