"""Whether a deployment is large enough to be given traffic: one that was scaled down would be crushed by it."""

from __future__ import annotations

from shared.domain.releases.release import Release, Serving
from shared.release.core.actions import ScaleDeployment
from shared.release.core.observation import Observation


def instances_needed(release: Release, serving: Serving) -> int:
    """Return how many instances a version needs: the release plan's, or as few as the champion served with before."""
    planned, previous = release.plan.deployment.instance_count, release.champion_instances
    return min(planned, previous) if serving == release.champion and previous else planned


def too_small(release: Release, observation: Observation, serving: Serving) -> ScaleDeployment | None:
    """Return what brings a deployment to its size before it gets traffic; None when it is large enough, or its size is
    not known (a batch deployment has none). Whoever made it larger had a reason: it is never scaled down here."""
    deployment, needed = observation.deployment(serving.deployment), instances_needed(release, serving)
    if deployment is None or deployment.instances is None or deployment.instances >= needed:
        return None
    return ScaleDeployment(release.endpoint, serving.deployment, needed)


def size_words(observation: Observation, scaling: ScaleDeployment) -> str:
    """Return e.g. "deployment v-1 has 1 of 3 instances"."""
    deployment = observation.deployment(scaling.deployment)
    instances = deployment.instances if deployment else 0
    return f"deployment {scaling.deployment} has {instances} of {scaling.instances} instances"
