"""The controller, broken: the simulator must catch each within ten seeds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

from shared.domain.ids import ReleaseId
from shared.domain.release import Release, ReleaseRequest
from shared.engine.release_act import Actor
from shared.ports.clock import Deadline
from shared.ports.workspace import DeploymentRequest
from shared.store.codec import encode
from shared.store.releases import ReleaseStore, _request_name
from tests.simulation.controller.world import Parts
from tests.simulation.variants.spec import Patch


@dataclass(frozen=True, slots=True)
class Variant:
    """`breaks` is the safety property that goes, in one sentence."""

    name: str
    breaks: str
    parts: Parts = field(default_factory=Parts)
    patches: tuple[Patch, ...] = ()


class AsksOverOthers(ReleaseStore):
    """A request is written over whatever was asked meanwhile."""

    def ask(self, release: ReleaseId, request: ReleaseRequest) -> None:
        before = self.request(release)
        if before is None or self._gives_way(release, before, request):
            self._blobs.put(_request_name(release), encode(request))


def _make_whatever(actor: Actor, release: Release, request: DeploymentRequest, deadline: Deadline) -> None:
    actor._of(release).create_deployment(request, deadline)


_NO_DEADLINE = Patch(Deadline, "require", lambda _: None)
_MAKES_AGAIN = (Patch(Actor, "_make", _make_whatever),)
VARIANTS = {
    variant.name: variant
    for variant in (
        Variant(
            "asks-over-others", "an abort is lost to what is asked at the same moment", Parts(releases=AsksOverOthers)
        ),
        Variant("writes-late", "a stopped worker writes what it saw long ago", patches=(_NO_DEADLINE,)),
        Variant("makes-again", "a deployment is made whenever it is not there", patches=(_NO_DEADLINE, *_MAKES_AGAIN)),
    )
}


@contextmanager
def broken(name: str | None) -> Iterator[Parts]:
    """Break what the variant breaks, and give the parts to run with; production's own for None."""
    if name is None:
        yield Parts()
        return
    variant = VARIANTS[name]
    patchers = [patch.object(p.owner, p.name, p.value) for p in variant.patches]
    for patcher in patchers:
        patcher.start()
    try:
        yield variant.parts
    finally:
        for patcher in patchers:
            patcher.stop()
