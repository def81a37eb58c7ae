"""Advances one release: load, observe, advance, save, ask to be woken again, act, tell people.

The record is saved before anything is done: whoever cannot save (another worker moved the release) does nothing, and
whoever dies after saving leaves a record whose next look asks for the same actions again. The next look is requested
before acting, so that a crash in an action cannot stop the release; the sweep finds it if even that request is lost.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from shared.domain.ids import ReleaseId, correlation_of
from shared.domain.messages import WakeRelease
from shared.domain.releases.release import Release, ReleaseState
from shared.engine.notices.access import notify_refusal, stuck
from shared.engine.releases.act import Actor
from shared.engine.releases.batch import BatchScorer
from shared.engine.releases.cards import Cards
from shared.engine.releases.observe import Observer
from shared.errors import AccessRefusedError, PermanentError, RetryableError, VigiaError
from shared.logs import fields, span
from shared.ports.approvals import ApprovalStore
from shared.ports.clock import Clock
from shared.ports.data import DataReader
from shared.ports.outbox import Outbox
from shared.ports.queues import RELEASES, MessageQueue
from shared.ports.telemetry import Telemetry
from shared.ports.workspace import Answer, Workspace
from shared.release.advance import advance
from shared.release.core.actions import Action, CancelJobs, CloseApproval, CreateDeployment, SendProbes
from shared.release.core.observation import Observation
from shared.release.core.transitions import ReleaseUpdate
from shared.release.states.blind import TELLS_AFTER
from shared.release.states.ending import end, go_back
from shared.release.states.probes import with_answers
from shared.store.releases.endpoints import EndpointStore
from shared.store.releases.releases import ReleaseStore, StoredRelease

log = logging.getLogger("vigia.releases")

LOOKS_AT_ONCE = 12
# What fails is tried again soon at first, and less than sixty times an hour for as long as it takes.
RETRY_SOON, RETRY_LATER = timedelta(seconds=5), timedelta(seconds=75)
RETRIED_SOON_FOR = timedelta(seconds=30)
LONGEST_DELAY = timedelta(days=6)
NO_WAIT = timedelta(0)
# Whatever Azure asks for: a challenger that serves is looked at again.
LONGEST_REQUESTED_WAIT = timedelta(minutes=10)


def _requested_wait(exc: VigiaError) -> timedelta:
    """Return how long Azure asks to wait, as far as a release may lie still."""
    wait = exc.retry_after if isinstance(exc, RetryableError) else None
    return min(wait or NO_WAIT, LONGEST_REQUESTED_WAIT)


def _not_before(update: ReleaseUpdate, at: datetime) -> ReleaseUpdate:
    """Return the update with its next look no earlier than Azure asks for."""
    if update.wake_at >= at:
        return update
    return ReleaseUpdate(replace(update.release, wake_at=at), update.actions, at)


def _noted(release: Release, action: Action, answers: Sequence[Answer | None], now: datetime) -> Release:
    """Return the release with what no later look could tell: that this action was done, and what came of it."""
    if isinstance(action, SendProbes):
        return with_answers(release, action, answers)
    if isinstance(action, CreateDeployment):
        return replace(release, deployed_at=now)
    if isinstance(action, CancelJobs | CloseApproval) and release.closed_at is None:
        return replace(release, closed_at=now)
    return release


@dataclass(frozen=True)
class Reconciler:
    workspace: Workspace
    telemetry: Telemetry
    data: DataReader
    approvals: ApprovalStore
    outbox: Outbox
    releases: ReleaseStore
    endpoints: EndpointStore
    queue: MessageQueue
    clock: Clock
    cards: Cards

    def handle(self, message: str, *, is_last_try: bool = False) -> None:
        """Act on a message of queue `releases`. Of two wake-ups for one release the one that is not the
        arranged one is dropped, so that messages never multiply.

        Args:
            is_last_try: a failure is left to the sweep, which wakes whatever is overdue: on the poison queue the
                message would call people to what needs nobody.

        Raises:
            PermanentError: the message is none of ours.
            RetryableError: the storage does not answer, or notices could not be handed over.
        """
        wake = WakeRelease.from_body(message)
        try:
            self.reconcile(wake.release, wake.at)
        except RetryableError as exc:
            if not is_last_try:
                raise
            log.warning("release.left_to_sweep", extra=fields(release=wake.release, code=exc.code, reason=exc.message))

    def reconcile(self, release_id: ReleaseId, arranged_at: datetime | None = None) -> None:
        """Move the release as far as it goes now.

        Args:
            arranged_at: when the release asked to be looked at; None for a look out of turn.
        """
        try:
            stored = self.releases.load(release_id)
        except PermanentError as exc:
            # Set aside where it is: whoever repairs it has it go on, and no other release waits for that.
            log.error("release.unreadable", extra=fields(release=release_id, reason=exc.message))
            self.outbox.post([stuck(f"release {release_id}", exc.message, self.clock.now())])
            return
        if stored is None:
            log.warning("release.not_found", extra=fields(release=release_id))
            return
        wake_at = stored.release.wake_at
        if arranged_at is not None and arranged_at != wake_at and self.clock.now() < wake_at:
            return
        for _ in range(LOOKS_AT_ONCE):
            if stored.release.is_settled:
                return
            advanced = self._look(stored)
            if advanced is None:
                return
            stored = advanced
            if stored.release.wake_at > self.clock.now():
                break
        if not stored.release.is_settled and stored.release.wake_at <= self.clock.now():
            self._wake(stored.release, self.clock.now())

    def _look(self, stored: StoredRelease) -> StoredRelease | None:
        """Advance it once; None when this worker is to stop: the release is another's, or has to wait."""
        release = stored.release
        about = {"release": release.id, "model": release.model, "endpoint": release.endpoint, "state": release.state}
        with span("release", correlation_of(release.opened_by), **about):
            return self._look_once(stored)

    def _look_once(self, stored: StoredRelease) -> StoredRelease | None:
        now = self.clock.now()
        observation, requested_wait = self._observe(stored.release)
        if judged := observation.judgement:
            log.info("release.judged", extra=fields(verdict=judged.verdict, reason=judged.reason))
        update = _not_before(advance(stored.release, observation, now), now + requested_wait)
        if update.release.is_settled:
            # Before it is closed: nobody looks at it again.
            self.cards.write(update.release)
        saved = self._save(stored, update.release)
        if saved is None:
            return None
        if not saved.release.is_settled and update.wake_at > now:
            self._wake(saved.release, now)
        acted = self._act(saved, update, observation, now)
        if acted and acted.release.state is not stored.release.state:
            self.cards.write(acted.release)
        return self._tell(acted) if acted else None

    def _observe(self, release: Release) -> tuple[Observation, timedelta]:
        """Return what is to be seen, and how long Azure asks not to be asked again. That nothing is to be seen, for a
        moment or for good, is something to decide by, too."""
        try:
            return self._observer.observe(release), NO_WAIT
        except VigiaError as exc:
            log.warning(
                "release.observation_failed", extra=fields(release=release.id, code=exc.code, reason=exc.message)
            )
            notify_refusal(exc, self.outbox, self.clock.now())
            unseen = Observation(unseen=exc.message)
            requested_wait = _requested_wait(exc)
        with suppress(VigiaError):
            return replace(unseen, request=self.releases.request(release.id)), requested_wait
        return unseen, requested_wait

    def _act(
        self, saved: StoredRelease, update: ReleaseUpdate, observation: Observation, began: datetime
    ) -> StoredRelease | None:
        # What needs no endpoint is decided by what was read when the look began; it may be hours ago by now.
        for action in update.actions:
            try:
                answers = self._actor.act(saved.release, action, observation.observed_at or began)
            except RetryableError as exc:
                about = fields(release=saved.release.id, action=type(action).__name__, code=exc.code)
                log.info("release.action_delayed", extra=about)
                notify_refusal(exc, self.outbox, self.clock.now())
                self._tell(saved)
                self._tell_undone(saved.release, exc)
                if update.wake_at <= self.clock.now() + _requested_wait(exc):
                    self._retry(saved, _requested_wait(exc))
                return None
            except PermanentError as exc:
                log.exception("release.action_refused", extra=fields(release=saved.release.id, code=exc.code))
                return self._refused(saved, observation, exc.message)
            noted = _noted(saved.release, action, answers, self.clock.now())
            if noted is not saved.release:
                # Noted after it was done: a crash in between repeats the action, which is harmless.
                if (stored := self._save(saved, noted)) is None:
                    return None
                saved = stored
        return saved

    def _tell_undone(self, release: Release, exc: RetryableError) -> None:
        """Tell that a release has ended and cannot be left: it still owns its endpoint, and no other gets a turn; or
        that Azure lets nobody move the traffic of one that serves, which may be a roll back."""
        now = self.clock.now()
        if now - release.entered_at < TELLS_AFTER:
            return
        if release.state.is_terminal:
            self.outbox.post([stuck(f"the end of release {release.id}", exc.message, now)])
        elif isinstance(exc, AccessRefusedError) and not release.state.is_before_serving:
            self.outbox.post([stuck(f"the traffic of release {release.id}", exc.message, now)])

    def _refused(self, stored: StoredRelease, observation: Observation, reason: str) -> StoredRelease | None:
        """It is permanently rejected: fail before traffic was touched, take it back after; keep trying to roll back."""
        release, now = stored.release, self.clock.now()
        if release.state.is_terminal:
            self._retry(stored)
            return None
        if release.state is ReleaseState.ROLLING_BACK:
            return stored
        if release.state.is_before_serving:
            return self._save(stored, end(release, ReleaseState.FAILED, reason, now).release)
        return self._save(stored, go_back(release, observation, ReleaseState.FAILED, reason, now).release)

    def _tell(self, stored: StoredRelease) -> StoredRelease | None:
        """Hand over new notices. They stay in the record, so a crash on the way repeats them under their keys."""
        release = stored.release
        if release.posted >= len(release.notices):
            return stored
        self.outbox.post(release.notices[release.posted :])
        return self.releases.save(stored, replace(release, posted=len(release.notices)))

    def _save(self, stored: StoredRelease, release: Release) -> StoredRelease | None:
        saved = self.releases.save(stored, release)
        previous = stored.release
        if saved and (release.state, release.step_index, release.phase) != (
            previous.state,
            previous.step_index,
            previous.phase,
        ):
            about = fields(release=release.id, state=release.state, previous=previous.state, reason=release.reason)
            log.info("release.state_changed", extra=about)
        return saved

    def _retry(self, stored: StoredRelease, requested_wait: timedelta = NO_WAIT) -> None:
        now = self.clock.now()
        delay = RETRY_SOON if now - stored.release.entered_at < RETRIED_SOON_FOR else RETRY_LATER
        saved = self.releases.save(stored, replace(stored.release, wake_at=now + max(delay, requested_wait)))
        if saved:
            self._wake(saved.release, now)

    def _wake(self, release: Release, now: datetime) -> None:
        delay = min(max(release.wake_at - now, timedelta(0)), LONGEST_DELAY)
        self.queue.send(RELEASES, WakeRelease(release.id, release.wake_at).to_body(), delay)

    @cached_property
    def _observer(self) -> Observer:
        return Observer(
            self.workspace,
            self.telemetry,
            self.data,
            self.approvals,
            self.releases,
            self.endpoints,
            self.clock,
            self._scorer,
        )

    @cached_property
    def _actor(self) -> Actor:
        return Actor(self.workspace, self.approvals, self.releases, self.endpoints, self.clock, self._scorer)

    @cached_property
    def _scorer(self) -> BatchScorer:
        return BatchScorer(self.workspace, self.data, self.releases.batch_runs, self.clock)
