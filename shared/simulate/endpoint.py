"""A virtual endpoint for one release, whose traffic is what it was set to, and which the release steps on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from shared.domain.ids import DeploymentName, EndpointName, FactKey, ModelName, ModelVersion
from shared.domain.releases.plan import ReleasePlan
from shared.domain.releases.release import Release, ReleaseState, Serving
from shared.domain.releases.verdict import Judgement, Verdict
from shared.errors import PermanentError
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.release.advance import advance
from shared.release.core.actions import SetTraffic
from shared.release.core.observation import Observation
from shared.release.open_release import Opening, new_release
from shared.release.states.ab_test import due

START = datetime(2026, 1, 1, tzinfo=UTC)
MODEL, ENDPOINT = ModelName("model"), EndpointName("endpoint")
CHAMPION = Serving(DeploymentName("v-1"), ModelVersion("1"))
MOST_STEPS = 100
FAILS, UNPROVEN, PASSES, NOTHING, PROVEN, DOUBTED = -1, 0, 1, 2, 3, 4
SOME = {"requests": 1.0}
JUDGEMENTS = {
    FAILS: Judgement(Verdict.FAIL, "beyond the tolerance", numbers=SOME),
    UNPROVEN: Judgement(Verdict.INCONCLUSIVE, "not proven yet", numbers=SOME),
    PASSES: Judgement(Verdict.PASS, "within the tolerance", numbers=SOME, is_proven=True),
    NOTHING: Judgement(Verdict.INCONCLUSIVE, "nothing comparable was measured", has_data=False),
    PROVEN: Judgement(Verdict.INCONCLUSIVE, "its own errors are within the bound", numbers=SOME, is_proven=True),
    DOUBTED: Judgement(Verdict.INCONCLUSIVE, "suspected", numbers=SOME, needs_a_person=True),
}
# Labels are not simulated: an A/B test's outcome is taken as proven, so that what decides is the guard.
TESTED = Judgement(Verdict.PASS, "the outcome is taken as proven")


def opened(plan: ReleasePlan) -> Release:
    """Return a release that is about to deploy; gates, people, copies of traffic and the smoke test lie behind it."""
    bare = replace(plan, gates=(), evaluation=None, mirror=0, smoke_test=None)
    opening = Opening(MODEL, ModelVersion("2"), ENDPOINT, FactKey("simulated"), None, "the simulation")
    # With probes both versions are measured side by side, whatever their shares.
    probed_at = START if plan.probe else None
    begun = replace(new_release(opening, bare, START), champion=CHAMPION, probed_at=probed_at)
    return replace(begun, state=ReleaseState.DEPLOYING)


@dataclass(frozen=True, slots=True)
class VirtualEndpoint:
    """One release and the endpoint it moves traffic on; every write takes effect at once."""

    release: Release
    traffic: Mapping[DeploymentName, int]

    @property
    def is_waiting(self) -> bool:
        """Return whether only measurements or time move it on."""
        watches = self.release.state is ReleaseState.WATCHING and self.release.phase is None
        return self.is_over or watches or self.release.phase == "baking"

    @property
    def is_over(self) -> bool:
        """Return whether it has ended, or waits for a person: nobody is there to answer."""
        return self.release.state.is_terminal or self.release.phase == "asking"

    def decided(self, now: datetime, judgement: Judgement | None = None) -> VirtualEndpoint:
        """Return what it is like once the release stepped on the judgement, and on until it waits for the next one.

        Raises:
            PermanentError: it does neither end nor wait (a fault of the release's steps).
        """
        endpoint = self._stepped(now, judgement)
        for _ in range(MOST_STEPS):
            if endpoint.is_waiting:
                return endpoint
            endpoint = endpoint._stepped(now, None)
        raise PermanentError(
            "simulate.stuck", f"the simulated release stays in {endpoint.release.state}", "report this"
        )

    def _stepped(self, now: datetime, judgement: Judgement | None) -> VirtualEndpoint:
        outcome = TESTED if due(self.release, now) else None
        update = advance(self.release, Observation(endpoint=self._record(), judgement=judgement, outcome=outcome), now)
        written = [action.traffic for action in update.actions if isinstance(action, SetTraffic)]
        return VirtualEndpoint(update.release, written[-1] if written else self.traffic)

    def _record(self) -> EndpointRecord:
        challenger = self.release.challenger
        deployments = (
            DeploymentRecord(CHAMPION.deployment, MODEL, CHAMPION.version, "Succeeded"),
            DeploymentRecord(challenger.deployment, MODEL, challenger.version, "Succeeded"),
        )
        return EndpointRecord(ENDPOINT, "Succeeded", self.traffic, {}, deployments, "")


def begun(plan: ReleasePlan) -> VirtualEndpoint:
    """Return the endpoint once the release has its first traffic."""
    return VirtualEndpoint(opened(plan), {CHAMPION.deployment: 100}).decided(START)
