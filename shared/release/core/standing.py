"""No traffic for a deployment that is down: the write is held back, whatever it was for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from shared.domain.ids import DeploymentName
from shared.domain.releases.release import Release
from shared.ports.endpoints import EndpointRecord
from shared.release.core.actions import SetTraffic
from shared.release.core.observation import Observation
from shared.release.core.transitions import ReleaseUpdate, hold


def cannot_take(endpoint: EndpointRecord | None, split: Mapping[DeploymentName, int]) -> str:
    """Return why the endpoint's deployments cannot have this split; empty when they can. What a deployment has already
    it may keep."""
    if endpoint is None:
        return "the endpoint is gone"
    states = {deployment.name: deployment.state for deployment in endpoint.deployments}
    grows = [name for name, share in split.items() if share > endpoint.traffic.get(name, 0)]
    down = [name for name in grows if states.get(name) != "Succeeded"]
    return "; ".join(f"deployment {name} is {states.get(name, 'gone')}, and gets no traffic" for name in sorted(down))


def withhold_from_down(
    release: Release, update: ReleaseUpdate, observation: Observation, now: datetime
) -> ReleaseUpdate:
    """Return the update, or one that holds where its traffic would go to a deployment that does not answer."""
    write = next((action for action in update.actions if isinstance(action, SetTraffic)), None)
    obstacle = cannot_take(observation.endpoint, write.traffic) if write else ""
    if not obstacle:
        return update
    others = tuple(action for action in update.actions if action is not write)
    # What the update says about the write is not so: it goes on from what was there, but for what was measured.
    held = replace(
        release, judgement=update.release.judgement, phase=update.release.phase, deadline=update.release.deadline
    )
    return hold(held, obstacle, now, *others, about=obstacle)
