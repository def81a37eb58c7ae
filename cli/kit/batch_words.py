"""What is said about releases on batch endpoints, which have a default deployment instead of traffic."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.releases.batch import BatchPlan
from shared.domain.releases.release import Release, ReleaseState


def limits(plan: BatchPlan) -> str:
    """Return e.g. "at most 2 % of the rows may change class, the mean may move by 0.05, no row may be missing"."""
    tolerances = plan.tolerances
    parts = []
    if tolerances.changed_at_most is not None:
        by = f" (at {tolerances.threshold:g})" if tolerances.threshold is not None else ""
        parts.append(f"at most {100 * tolerances.changed_at_most:g} % of the rows may change class{by}")
    if tolerances.shift_at_most is not None:
        parts.append(f"the mean may move by {tolerances.shift_at_most:g}")
    missing = tolerances.missing_at_most
    parts.append(f"at most {100 * missing:g} % of the rows may be missing" if missing else "no row may be missing")
    return f"{', '.join(parts)}; {100 * tolerances.confidence:g} % sure"


def default_lines(release: Release, plan: BatchPlan) -> Iterator[str]:
    """Yield what there is to say about a release's comparison and its default deployment."""
    challenger, champion = release.challenger.deployment, release.champion
    if champion and release.undo:
        yield "not compared: a person wants this version back"
    elif champion:
        yield f"compared on {release.sample or plan.sample}: {limits(plan)}"
    reached = {entry.entered for entry in release.history}
    if release.traffic_steps:
        yield f"{challenger} became the default deployment" + (f" instead of {champion.deployment}" if champion else "")
    elif release.state.is_terminal:
        yield f"{champion.deployment if champion else 'no deployment'} stayed the default"
    elif ReleaseState.CANARY in reached:
        yield f"{challenger} is being made the default"
    else:
        yield f"{champion.deployment} is the default until it passes" if champion else "there is no default yet"


def deployment_size(release: Release, plan: BatchPlan) -> str:
    count = release.plan.deployment.instance_count
    return f"{count} {'instance' if count == 1 else 'instances'} of cluster {plan.resources.compute} per job"


def changes(would: Release, plan: BatchPlan) -> Iterator[tuple[str, str]]:
    """Yield (sign, what) for the comparison and the swap."""
    challenger, champion = would.challenger.deployment, would.champion
    if champion:
        yield "+", f"jobs score-{would.id}-{champion.deployment} and score-{would.id}-{challenger} on {plan.sample}"
        yield "~", f"their predictions are compared: {limits(plan)}"
    deployment = champion.deployment if champion else "none"
    allowed = plan.failed_jobs_at_most
    yield (
        "~",
        f"default deployment: {deployment} → {challenger}, swapped back when more than {allowed} of its jobs fail",
    )
