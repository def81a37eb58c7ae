"""What the rest of the system asks of releases: open one, find the one under way, stop it."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.ids import EndpointName, ReleaseId
from shared.domain.messages import WakeRelease
from shared.domain.releases.release import Release, ReleaseRequest, ReleaseState
from shared.errors import PermanentError, RetryableError
from shared.ports.clock import Clock
from shared.ports.queues import RELEASES, MessageQueue
from shared.release.core.requests import may_take_back
from shared.release.core.words import request_words
from shared.store.releases.endpoints import EndpointStore
from shared.store.releases.releases import ReleaseStore

HELD_HINT = "only they, or an admin (`admin: true` in people.yaml), can take it back; an abort always wins"


@dataclass(frozen=True)
class ReleaseDesk:
    releases: ReleaseStore
    endpoints: EndpointStore
    queue: MessageQueue
    clock: Clock

    def open(self, release: Release) -> bool:
        """Store a new release and have it looked at; False when it was opened before.

        The wake-up is sent in both cases: the worker that opened it may have crashed before sending it.
        """
        is_new = self.releases.create(release)
        self.wake(release.id)
        return is_new

    def active_on(self, endpoint: EndpointName) -> ReleaseId | None:
        """Return the release that owns the endpoint now, None when it has ended or there is none."""
        release = self.under_way(endpoint)
        return release.id if release else None

    def under_way(self, endpoint: EndpointName) -> Release | None:
        """Return the same release, whole."""
        owner = self.endpoints.read(endpoint).owner
        stored = self.releases.readable(owner) if owner else None
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
        """Ask the release not to move forward. Its deadline goes on counting: held too long, it is aborted.
        Whoever held it before goes on holding it.

        Raises:
            RetryableError: others asked at the same moment; ask again.
        """
        previous = self.releases.held(release)
        if previous is None or previous.kind != "hold":
            self._hold(release, ReleaseRequest("hold", by, reason, self.clock.now()), previous)
        self.wake(release)

    def request_resume(self, release: ReleaseId, by: str, reason: str, *, is_admin: bool = False) -> None:
        """Take a hold back: one's own, or as an admin anybody's.

        Raises:
            PermanentError: it is somebody else's.
            RetryableError: others asked at the same moment; ask again.
        """
        hold, request = self.releases.held(release), ReleaseRequest("resume", by, reason, self.clock.now())
        if hold and hold.kind == "hold":
            if not may_take_back(hold, by, is_admin=is_admin):
                raise PermanentError("release.held", f"{request_words(hold)}", HELD_HINT)
            self._hold(release, request, hold)
        else:
            self.releases.ask(release, request)  # records of earlier versions have the hold there
        self.wake(release)

    def request_promotion(self, release: ReleaseId, step: int, by: str, reason: str, *, is_admin: bool = False) -> None:
        """Ask for the bake of one step to end: -1 while shadowing, else its index. A failure still rolls back, and
        a hold still holds, unless whoever asks may take it back."""
        hold = self.releases.held(release)
        if hold and hold.kind == "hold" and may_take_back(hold, by, is_admin=is_admin):
            self._hold(release, ReleaseRequest("resume", by, reason, self.clock.now()), hold)
        self._ask(release, ReleaseRequest("promote", by, reason, self.clock.now(), step))

    def wake(self, release: ReleaseId) -> None:
        """Have the release looked at now, out of turn: something it waits for has happened."""
        self.queue.send(RELEASES, WakeRelease(release).to_body())

    def _hold(self, release: ReleaseId, request: ReleaseRequest, instead_of: ReleaseRequest | None) -> None:
        if not self.releases.hold(release, request, instead_of):
            raise RetryableError("release.contended", f"somebody else just asked something of release {release}")

    def _ask(self, release: ReleaseId, request: ReleaseRequest) -> None:
        self.releases.ask(release, request)
        self.wake(release)
