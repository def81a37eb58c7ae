"""Releasing a version once more that did not make it: a release of its own, with the same gates and approval."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

from shared.domain.ids import EndpointName, FactKey, ModelName, ModelVersion
from shared.domain.release import Release, ReleasePlan, ReleaseState
from shared.engine.release_desk import ReleaseDesk
from shared.errors import PermanentError
from shared.ports.clock import Clock
from shared.ports.queues import MessageQueue
from shared.ports.workspace import Workspace
from shared.release.names import release_id
from shared.release.new import Opening, new_release
from shared.release.versions import is_newer
from shared.store.endpoints import EndpointStore
from shared.store.releases import ReleaseStore


@dataclass(frozen=True, slots=True)
class RetryWish:
    """Which version a person wants released once more, where, and why."""

    model: ModelName
    endpoint: EndpointName
    version: ModelVersion
    by: str
    reason: str


@dataclass(frozen=True)
class Retrier:
    workspace: Workspace
    releases: ReleaseStore
    endpoints: EndpointStore
    queue: MessageQueue
    clock: Clock

    def open(self, wish: RetryWish, plan: ReleasePlan) -> Release:
        """Open another release of the version, under the policy as it is now, and have it looked at.

        Whoever submitted the version stays its submitter. A deployment of it that did not come up is deleted first: its
        name is needed.

        Raises:
            PermanentError: there is nothing to repeat: it has no release that ended without success, one is under way,
                it serves, a newer version serves, or the registry has it no more.
        """
        before = self._check(wish)
        self._clear(wish, before)
        now = self.clock.now()
        opening = Opening(
            model=wish.model,
            version=wish.version,
            endpoint=wish.endpoint,
            fact=FactKey(f"retry-{wish.model}-{wish.version}-{now:%Y%m%dT%H%M%S%f}"),
            submitter=before.submitter or wish.by,
            cause=f"retry of {before.id} by {wish.by}: {wish.reason}",
            chain=before.chain,
        )
        for number in count(2):
            release = new_release(replace(opening, number=number), plan, now)
            if self.releases.load(release.id) is None and self._desk.open(release):
                return release
        raise AssertionError("counting does not end")

    @property
    def _desk(self) -> ReleaseDesk:
        return ReleaseDesk(self.releases, self.endpoints, self.queue, self.clock)

    def _check(self, wish: RetryWish) -> Release:
        """Return the version's last release."""
        name = f"{wish.model}:{wish.version}"
        known = list(self._of(wish))
        if not known:
            hint = f"`vigia releases --model {wish.model}` lists them; a version is released when it is registered"
            raise _refusal("retry.unknown", f"{name} was never released", hint)
        last = known[-1]
        if running := next((each for each in known if not each.state.is_terminal), None):
            hint = f"vigia releases get {running.id} shows it"
            raise _refusal("retry.runs", f"release {running.id} of it is under way, {running.state}", hint)
        claim = self.endpoints.read(wish.endpoint)
        serving = claim.champion.version if claim.champion else None
        if serving == wish.version:
            raise _refusal("retry.serves", f"{name} serves already", "there is nothing to repeat")
        if any(each.state is ReleaseState.FINISHED for each in known) or (
            serving and is_newer(serving, None, wish.version, None)
        ):
            hint = f"vigia releases undo {wish.model} --to {wish.version} brings back a version that served"
            newer = f"version {serving} serves, which is newer" if serving else "it made it before"
            raise _refusal("retry.overtaken", f"{name} cannot be repeated: {newer}", hint)
        if self.workspace.model(wish.model, wish.version) is None:
            raise _refusal("retry.no_model", f"the registry has no {name}", "register it again, or choose another")
        return last

    def _of(self, wish: RetryWish) -> Iterator[Release]:
        """Yield the version's releases, oldest first."""
        for number in count(1):
            stored = self.releases.load(release_id(wish.model, wish.version, number))
            if stored is None:
                return
            if stored.release.endpoint == wish.endpoint:
                yield stored.release

    def _clear(self, wish: RetryWish, before: Release) -> None:
        endpoint = self.workspace.endpoint(wish.endpoint)
        name = before.challenger.deployment
        found = next((each for each in endpoint.deployments if each.name == name), None) if endpoint else None
        if found and found.version == wish.version and found.state in {"Failed", "Canceled"}:
            self.workspace.delete_deployment(wish.endpoint, name)


def _refusal(code: str, message: str, hint: str) -> PermanentError:
    return PermanentError(code=code, message=message, hint=hint)
