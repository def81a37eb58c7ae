"""What undo and retry are alike in: a person wants a version released that was released before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count

from shared.domain.ids import EndpointName, FactKey, ModelName, ModelVersion
from shared.domain.releases.plan import ReleasePlan
from shared.domain.releases.release import Release
from shared.engine.releases.desk import ReleaseDesk
from shared.errors import PermanentError
from shared.ports.clock import Clock
from shared.ports.queues import MessageQueue
from shared.ports.workspace import Workspace
from shared.release.open_release import Opening, new_release
from shared.store.releases.endpoints import EndpointStore
from shared.store.releases.releases import ReleaseStore


@dataclass(frozen=True, slots=True)
class Wish:
    """Which version a person wants released again, where, and why."""

    model: ModelName
    endpoint: EndpointName
    version: ModelVersion
    by: str
    reason: str

    @property
    def name(self) -> str:
        return f"{self.model}:{self.version}"

    @property
    def address(self) -> str | None:
        """Return the person's e-mail address; None where only a user's name is known."""
        return self.by if "@" in self.by else None

    def fact(self, kind: str, now: datetime) -> FactKey:
        """Return the key of the fact that this was wished now: two wishes are two facts."""
        return FactKey(f"{kind}-{self.model}-{self.version}-{now:%Y%m%dT%H%M%S%f}")


@dataclass(frozen=True)
class Reopener:
    """Where releases are looked up, checked against and opened."""

    workspace: Workspace
    releases: ReleaseStore
    endpoints: EndpointStore
    queue: MessageQueue
    clock: Clock

    @property
    def desk(self) -> ReleaseDesk:
        return ReleaseDesk(self.releases, self.endpoints, self.queue, self.clock)

    def open_as_next(self, opening: Opening, plan: ReleasePlan, now: datetime) -> Release:
        """Open the release under the first number, from the opening's on, that the version has no release of."""
        for number in count(opening.number):
            release = new_release(replace(opening, number=number), plan, now)
            if self.releases.load(release.id) is None and self.desk.open(release):
                return release
        raise AssertionError("counting does not end")

    def require_registered(self, wish: Wish, code: str) -> None:
        if self.workspace.model(wish.model, wish.version) is None:
            raise refusal(code, f"the registry has no {wish.name}", "register it again, or choose another")


def refusal(code: str, message: str, hint: str) -> PermanentError:
    return PermanentError(code=code, message=message, hint=hint)
