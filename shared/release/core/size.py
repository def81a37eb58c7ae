"""Whether a deployment is large enough to be given traffic: one that was scaled down would be crushed by it."""

from __future__ import annotations

from shared.domain.release import Release, Serving
from shared.release.core.actions import ScaleDeployment
from shared.release.core.observation import Observation


def wanted_instances(release: Release, serving: Serving) -> int:
    """Return how many instances a version needs: the release plan's, or as few as the champion served with before."""
    planned, before = release.plan.deployment.instance_count, release.champion_instances
    return min(planned, before) if serving == release.champion and before else planned


def too_small(release: Release, seen: Observation, serving: Serving) -> ScaleDeployment | None:
    """Return what brings a deployment to its size before it gets traffic; None when it is large enough, or its size is
    not known (a batch deployment has none). Whoever made it larger had a reason: it is never scaled down here."""
    found, wanted = seen.deployment(serving.deployment), wanted_instances(release, serving)
    if found is None or found.instances is None or found.instances >= wanted:
        return None
    return ScaleDeployment(release.endpoint, serving.deployment, wanted)


def size_words(seen: Observation, scaling: ScaleDeployment) -> str:
    """Return e.g. "deployment v-1 has 1 of 3 instances"."""
    found = seen.deployment(scaling.deployment)
    return f"deployment {scaling.deployment} has {found.instances if found else 0} of {scaling.instances} instances"
