"""An A/B test: a split that is held, and tested once at the end; once more where the policy extends it.

The release plan fixes when, and on which rows, each test is taken. Its result is stored, so that no later look takes
it again: each has its chance to be wrong only once. Meanwhile the judge guards the hold as it guards a canary's step.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.releases.release import Release
from shared.domain.releases.verdict import Judgement, Verdict
from shared.release.core.observation import Observation
from shared.release.core.words import duration

# Storage that does not answer when the test is due is asked again for so long.
SETTLE_WITHIN = timedelta(hours=1)


def holds(release: Release) -> tuple[datetime, ...]:
    """Return when each test is due; none while the split is not held."""
    plan, since = release.plan.ab, release.traffic_since
    if plan is None or since is None or release.phase != "baking":
        return ()
    extended = () if plan.extend_until is None else (since + plan.extend_until,)
    return (since + release.plan.bake, *extended)


def due(release: Release, now: datetime) -> datetime | None:
    """Return the end of the hold whose test is to be taken now; None when none is."""
    ends, taken = holds(release), len(release.outcomes)
    if taken >= len(ends) or (taken and release.outcomes[-1].verdict is not Verdict.INCONCLUSIVE):
        return None
    return ends[taken] if now >= ends[taken] else None


def tested(
    release: Release, observation: Observation, judgement: Judgement, now: datetime
) -> tuple[Release, Judgement]:
    """Return the release with the test that was taken, if one was due, and what guard and tests say together."""
    if observation.outcome is not None and due(release, now) is not None:
        release = replace(release, outcomes=(*release.outcomes, observation.outcome))
    return release, _together(release, judgement)


def undecided(release: Release) -> str:
    """Return why the last test of a test ended without a decision; empty when it did not."""
    ends = holds(release)
    if not ends or len(release.outcomes) < len(ends) or release.outcomes[-1].verdict is not Verdict.INCONCLUSIVE:
        return ""
    held = ends[-1] - (release.traffic_since or ends[-1])
    return f"the A/B test of {duration(held)} is undecided, so the champion stays"


def _together(release: Release, judgement: Judgement) -> Judgement:
    """Return a failure of either as one, a pass of both as one; and else what is waited for."""
    if judgement.verdict is Verdict.FAIL:
        return judgement
    if not release.outcomes:
        until = holds(release)
        held = f"held until {until[0]:%Y-%m-%d %H:%M} UTC, then tested" if until else "held, then tested"
        return replace(judgement, verdict=Verdict.INCONCLUSIVE, reason=f"{held}; so far {judgement.reason}")
    outcome = release.outcomes[-1]
    numbers = {**judgement.numbers, **{f"outcome_{name}": value for name, value in outcome.numbers.items()}}
    verdict = judgement.verdict if outcome.verdict is Verdict.PASS else outcome.verdict
    return replace(judgement, verdict=verdict, reason=f"{outcome.reason}; {judgement.reason}", numbers=numbers)
