"""What the rest of the system asks of releases: open one, find the one under way, stop it."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.ids import EndpointName, ReleaseId
from shared.domain.release import Release, ReleaseRequest, ReleaseState
from shared.engine.reconcile import wake_message
from shared.ports.clock import Clock
from shared.ports.queues import RELEASES, MessageQueue
from shared.store.endpoints import EndpointStore
from shared.store.releases import ReleaseStore


@dataclass(frozen=True)
class ReleaseDesk:
    releases: ReleaseStore
    endpoints: EndpointStore
    queue: MessageQueue
    clock: Clock

    def open(self, release: Release) -> bool:
        """Store a new release and have it looked at; False when it was opened before.

        The wake-up is sent in both cases: the worker that opened it may have died before sending it.
        """
        is_new = self.releases.create(release)
        self.wake(release.id)
        return is_new

    def active_on(self, endpoint: EndpointName) -> ReleaseId | None:
        """Return the release that owns the endpoint now, None when it has ended or there is none."""
        found = self.under_way(endpoint)
        return found.id if found else None

    def under_way(self, endpoint: EndpointName) -> Release | None:
        """Return the same release, whole."""
        owner = self.endpoints.read(endpoint).owner
        stored = self.releases.load(owner) if owner else None
        return None if stored is None or stored.release.state.is_terminal else stored.release

    def state(self, release: ReleaseId) -> ReleaseState | None:
        """Return how far a release is; None when it was never opened."""
        stored = self.releases.load(release)
        return None if stored is None else stored.release.state

    def request_abort(self, release: ReleaseId, by: str, reason: str, *, is_automatic: bool = False) -> None:
        """Ask for an abort, which always wins; asking twice is harmless.

        Args:
            is_automatic: no person asks. The release then holds where its champion is in trouble itself.
        """
        self._ask(release, ReleaseRequest("abort", by, reason, self.clock.now(), is_automatic=is_automatic))

    def request_hold(self, release: ReleaseId, by: str, reason: str) -> None:
        """Ask the release not to move forward. Its deadline goes on counting: held too long, it is aborted."""
        self._ask(release, ReleaseRequest("hold", by, reason, self.clock.now()))

    def request_resume(self, release: ReleaseId, by: str, reason: str) -> None:
        """Take a hold back."""
        self._ask(release, ReleaseRequest("resume", by, reason, self.clock.now()))

    def request_promotion(self, release: ReleaseId, step: int, by: str, reason: str) -> None:
        """Ask for the bake of one step to end: -1 while shadowing, else its index. A failure still rolls back."""
        self._ask(release, ReleaseRequest("promote", by, reason, self.clock.now(), step))

    def wake(self, release: ReleaseId) -> None:
        """Have the release looked at now, out of turn: something it waits for has happened."""
        self.queue.send(RELEASES, wake_message(release))

    def _ask(self, release: ReleaseId, request: ReleaseRequest) -> None:
        self.releases.ask(release, request)
        self.wake(release)
