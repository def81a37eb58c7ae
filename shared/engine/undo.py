"""Bringing an earlier version back: a release without gates, and with everything else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count

from shared.domain.ids import EndpointName, FactKey, ModelName, ModelVersion
from shared.domain.release import Release, ReleasePlan, Undo
from shared.engine.release_desk import ReleaseDesk
from shared.errors import PermanentError
from shared.ports.clock import Clock
from shared.ports.queues import MessageQueue
from shared.ports.workspace import Workspace
from shared.release.new import Opening, new_release
from shared.store.endpoints import EndpointStore
from shared.store.releases import ReleaseStore


@dataclass(frozen=True, slots=True)
class UndoWish:
    """Which version a person wants back, where, and why."""

    model: ModelName
    endpoint: EndpointName
    version: ModelVersion
    by: str
    reason: str


@dataclass(frozen=True)
class Undoer:
    workspace: Workspace
    releases: ReleaseStore
    endpoints: EndpointStore
    queue: MessageQueue
    clock: Clock

    def open(self, wish: UndoWish, plan: ReleasePlan) -> Release:
        """Open a release of the earlier version and have it looked at.

        It skips the gates, the evaluation and the approval, which the version passed before it served; it goes through
        the same steps and the same judgement as any other.

        Raises:
            PermanentError: the version cannot be brought back: it never served, serves now, or is gone; or another
                release is under way.
        """
        self._check(wish)
        now = self.clock.now()
        opening = Opening(
            model=wish.model,
            version=wish.version,
            endpoint=wish.endpoint,
            fact=FactKey(f"undo-{wish.model}-{wish.version}-{now:%Y%m%dT%H%M%S%f}"),
            submitter=wish.by,
            cause=f"undo by {wish.by}: {wish.reason}",
            undo=Undo(wish.by, wish.reason, now),
        )
        for number in count(1):
            release = new_release(replace(opening, number=number), plan, now)
            if self.releases.load(release.id) is None and self._desk.open(release):
                return release
        raise AssertionError("counting does not end")

    @property
    def _desk(self) -> ReleaseDesk:
        return ReleaseDesk(self.releases, self.endpoints, self.queue, self.clock)

    def _check(self, wish: UndoWish) -> None:
        name = f"{wish.model}:{wish.version}"
        if self.workspace.model(wish.model, wish.version) is None:
            raise _refusal("undo.no_model", f"the registry has no {name}", "register it again, or choose another")
        if holder := self._desk.active_on(wish.endpoint):
            hint = f"vigia releases abort {holder} gives the champion its traffic back"
            raise _refusal("undo.busy", f"release {holder} is under way on endpoint {wish.endpoint}", hint)
        claim = self.endpoints.read(wish.endpoint)
        if claim.champion and claim.champion.version == wish.version:
            raise _refusal("undo.serves", f"{name} serves already", "there is nothing to undo")
        if wish.version not in self._served(wish):
            raise _refusal("undo.unknown", f"{name} never served on {wish.endpoint}", "register it, and it is released")

    def _served(self, wish: UndoWish) -> set[ModelVersion | None]:
        """Return the versions that once had all the traffic, as far as releases tell."""
        claim = self.endpoints.read(wish.endpoint)
        found = {each.version for each in (claim.champion, claim.last_known_good) if each}
        for item in self.releases.items():
            stored = self.releases.load(item.id) if item.id.startswith(wish.model) else None
            if stored is None or (stored.release.model, stored.release.endpoint) != (wish.model, wish.endpoint):
                continue
            release = stored.release
            found |= {release.champion.version} if release.champion else set()
            found |= {release.version} if 100 in release.traffic_steps else set()
        return found


def _refusal(code: str, message: str, hint: str) -> PermanentError:
    return PermanentError(code=code, message=message, hint=hint)
