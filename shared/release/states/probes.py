"""Probes: recorded requests, sent to both deployments while too few real ones come to judge by.

They are requests like any other, and the traffic log measures them like any other; a mark in its client request id
tells them apart. So nothing is counted twice, and whatever a crashed worker had sent is measured as what it was.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.domain.ids import DeploymentName
from shared.domain.releases.release import Release, ReleaseState
from shared.release.core.actions import SendProbes
from shared.release.core.observation import Observation
from shared.release.core.transitions import ReleaseUpdate

# One look's probes take no longer: whoever asks for an abort must not wait for them.
LONGEST = timedelta(seconds=10)
SHORTEST = timedelta(seconds=1)
# Intervals are counted as the telemetry does.
_EPOCH = datetime.min.replace(tzinfo=UTC)


def is_due(release: Release, now: datetime) -> bool:
    """Return whether this look may send probes: once per interval, while the release is judged beside a champion."""
    plan, last = release.plan.probe, release.probed_at
    if plan is None or release.champion is None or not _is_judged(release):
        return False
    return last is None or _interval(now, release) > _interval(last, release)


def probed(previous: Release, update: ReleaseUpdate, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Return the update with the probes that are missing to `per_interval` real requests of either deployment.

    That they were asked for is stored before they are sent, so that they are not sent again.
    """
    updated, sample = update.release, observation.probe_sample
    if not sample or not is_due(previous, now) or not _is_judged(updated) or updated.state is not previous.state:
        return update
    missing = _missing(updated, now)
    if not missing:
        return update
    send = SendProbes(updated.endpoint, _alternating(updated, sample, missing, now), _within(updated))
    return replace(update, release=replace(updated, probed_at=now), actions=(*update.actions, send))


def _is_judged(release: Release) -> bool:
    return release.phase == "baking" or (release.state is ReleaseState.WATCHING and release.phase != "ending")


def _missing(release: Release, now: datetime) -> int:
    """Return how many requests per deployment the last intervals lacked on average."""
    plan, judgement = release.plan.probe, release.judgement
    if plan is None or judgement is None:
        return 0
    numbers = judgement.numbers
    elapsed = max((now - (release.traffic_since or now)) // release.plan.judge.interval, 1)
    real = min(
        numbers.get("requests", 0.0) - numbers.get("probes", 0.0),
        numbers.get("champion_requests", 0.0) - numbers.get("champion_probes", 0.0),
    )
    return max(plan.per_interval - int(real / elapsed), 0)


def _alternating(
    release: Release, sample: tuple[str, ...], count: int, now: datetime
) -> tuple[tuple[DeploymentName, str], ...]:
    """Return the same requests for both deployments, which take turns in being first; each interval begins elsewhere in
    the sample."""
    assert release.champion is not None  # nothing is due without one
    assert release.plan.probe is not None
    both = release.champion.deployment, release.challenger.deployment
    first = _interval(now, release) * release.plan.probe.per_interval
    requests = []
    for number in range(first, first + count):
        turn = both if number % 2 == 0 else both[::-1]
        requests += [(deployment, sample[number % len(sample)]) for deployment in turn]
    return tuple(requests)


def _within(release: Release) -> timedelta:
    return min(max(release.plan.judge.interval / 2, SHORTEST), LONGEST)


def _interval(moment: datetime, release: Release) -> int:
    return (moment - _EPOCH) // release.plan.judge.interval
