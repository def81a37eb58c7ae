"""The controller, broken: the simulator must catch each within ten seeds."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.ids import JobName, ReleaseId
from shared.domain.releases.release import Release, ReleaseRequest
from shared.domain.releases.verdict import Judgement, Verdict
from shared.engine.releases import approvals, endpoint_keeper, reconcile
from shared.engine.releases.act import Actor
from shared.engine.releases.reconcile import Reconciler
from shared.errors import PermanentError
from shared.ports.clock import Deadline
from shared.ports.endpoints import DeploymentRequest
from shared.release import advance
from shared.release.core.observation import Observation
from shared.release.core.transitions import ReleaseUpdate, stay
from shared.release.states import ab_test, before_traffic, blind, ending
from shared.store.codec import encode
from shared.store.releases.batch_runs import BatchRun, BatchRunStore
from shared.store.releases.releases import RELEASES, ReleaseItem, ReleaseStore, StoredRelease, _request_name
from tests.simulation.controller.ports import ControllerWorkspace
from tests.simulation.controller.world import Parts
from tests.simulation.faults import HOUR
from tests.simulation.services import Blobs
from tests.simulation.variants.spec import Patch, Variant, running


class AsksOverOthers(ReleaseStore):
    """A request is written over whatever was asked meanwhile."""

    def ask(self, release: ReleaseId, request: ReleaseRequest) -> None:
        before_traffic = self.request(release)
        if before_traffic is None or self._gives_way(release, before_traffic, request):
            self._blobs.put(_request_name(release), encode(request))


def _make_whatever(actor: Actor, release: Release, request: DeploymentRequest, deadline: Deadline) -> None:
    actor._endpoints(release).create_deployment(request, deadline)


def _waits_for_ever(release: Release, reason: str, since: datetime, now: datetime) -> ReleaseUpdate:
    return blind._wait(release, reason, since, now)


def _in_silence(release: Release, reason: str, now: datetime) -> ReleaseUpdate:
    return stay(replace(release, held_because=reason), now)


def _at_once(update: ReleaseUpdate, since: datetime, now: datetime) -> ReleaseUpdate:
    wake_at = now + timedelta(seconds=5)
    return ReleaseUpdate(replace(update.release, wake_at=wake_at), update.actions, wake_at)


class RaisesWhatItCannotSee(Reconciler):
    """What cannot be read goes back to the queue, as a message that failed."""

    def _observe(self, release: Release) -> tuple[Observation, timedelta]:
        return self._observer.observe(release), timedelta(0)


def _put(self: ControllerWorkspace, request: DeploymentRequest, deadline: Deadline | None = None) -> None:
    def land(by: str) -> None:
        self.azureml.create_deployment(request, self.run.now, by)

    self._write("deployment w", f"PUT deployment {request.endpoint}/{request.name}", land)


class StopsAtDamage(ReleaseStore):
    """One record that cannot be read, or has no metadata, stops whoever comes across it."""

    def readable(self, release: ReleaseId) -> StoredRelease | None:
        return self.load(release)

    def _read_item(self, release: ReleaseId, modified_at: datetime) -> ReleaseItem:
        raise PermanentError("store.no_metadata", f"the record of {release} has no metadata")


class RaisesDamage(Reconciler):
    """A record that cannot be read makes its message poison, and nobody is told."""

    def reconcile(self, release_id: ReleaseId, arranged_at: datetime | None = None) -> None:
        self.releases.load(release_id)
        super().reconcile(release_id, arranged_at)


def _by_the_guard(release: Release, judgement: Judgement) -> Judgement:
    """The outcome that could not be read when it was due is taken to be what the guard says."""
    ends = ab_test.holds(release)
    is_due = bool(ends) and not release.outcomes and judgement.verdict is Verdict.PASS
    return judgement if is_due else _TOGETHER(release, judgement)


def _went_back(release: Release, observation: Observation) -> bool:
    """The default that was asked for is taken to be the default."""
    if not release.plan.batch:
        return _IS_RESTORED(release, observation)
    return observation.claim is not None and dict(observation.claim.desired) == release.traffic_at(-1)


def _passed(release: Release, reason: str, now: datetime) -> ReleaseUpdate:
    return before_traffic._after_gates(release, reason, now)


def _first(store: BatchRunStore, job: JobName, now: datetime) -> str:
    store._blobs.put(f"batch-runs/{job}.json", encode(BatchRun(job, now)))
    return "first"


_TOGETHER, _IS_RESTORED = ab_test._together, ending._is_restored
_NO_DEADLINE = Patch(Deadline, "require", lambda _: None)
_MAKES_AGAIN = (Patch(Actor, "_make", _make_whatever), Patch(ControllerWorkspace, "create_deployment", _put))
_WAITS = Patch(blind, "_at_deadline", _waits_for_ever)
_SILENT = Patch(blind, "_notified", _in_silence)
_NO_REFUSALS = Patch(reconcile, "notify_refusal", lambda *_: None)
_HAMMERS = Patch(blind, "_again", _at_once)
_TO_THE_DOWN = (
    Patch(advance, "withhold_from_down", lambda _, update, *__: update),
    Patch(endpoint_keeper, "cannot_take", lambda *_: ""),
)
_ANYBODY = Patch(approvals, "bar_to_vote", lambda *_, **__: None)
_BY_GUARD = Patch(ab_test, "_together", _by_the_guard)
_UNREAD = Patch(ending, "_is_restored", _went_back)
_PASSES = Patch(before_traffic, "_wait_for_gates", _passed)
_BY_AGE = Patch(Blobs, "kept_for", {RELEASES: HOUR})
_SCORES = Patch(BatchRunStore, "begin", _first)
VARIANTS: dict[str, Variant[Parts]] = {
    variant.name: variant
    for variant in (
        Variant(
            "asks-over-others",
            "an abort is lost to what is asked at the same moment",
            Parts(releases=AsksOverOthers),
            first=10,
        ),
        Variant("writes-late", "a stopped worker writes what it saw long ago", patches=(_NO_DEADLINE,), first=30),
        Variant("blind-for-ever", "deadlines wait until something can be seen", patches=(_WAITS,)),
        Variant("blind-in-silence", "people are not told that nothing can be seen", patches=(_SILENT, _NO_REFUSALS)),
        Variant("hammers", "what cannot be read is tried every five seconds", patches=(_HAMMERS,)),
        Variant("unseen-is-raised", "a look that sees nothing fails", Parts(reconciler=RaisesWhatItCannotSee)),
        Variant("down-gets-traffic", "traffic goes to deployments that are down", patches=_TO_THE_DOWN, first=50),
        Variant("anybody-approves", "an approval counts, whoever gives it", patches=(_ANYBODY,)),
        Variant("stops-at-damage", "one damaged record stops the others", Parts(releases=StopsAtDamage)),
        Variant("raises-damage", "nobody is told of a damaged record", Parts(reconciler=RaisesDamage)),
        Variant("ab-by-guard", "an A/B test that cannot be read is its guard's", patches=(_BY_GUARD,), first=40),
        Variant("default-unread", "a batch default is switched back without reading", patches=(_UNREAD,), first=80),
        Variant("gates-unread", "a gate passes on missing evidence", patches=(_PASSES,), first=20),
        Variant("scores-again", "a batch is scored whenever there is no job", patches=(_SCORES,), first=10),
        Variant("open-by-age", "releases are deleted by their age, also open ones", patches=(_BY_AGE,)),
        Variant("makes-again", "a deployment is made whenever it is not there", patches=_MAKES_AGAIN, first=15),
    )
}


def broken(name: str | None) -> AbstractContextManager[Parts]:
    """Break what the variant breaks, and give the parts to run with; production's own for None."""
    return running(VARIANTS[name] if name is not None else None, Parts())
