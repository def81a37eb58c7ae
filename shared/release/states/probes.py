"""Probes: recorded requests, sent to both deployments while too few real ones come to judge by.

They are requests like any other, and the traffic log measures them like any other; a mark in its client request id
tells them apart. So nothing is counted twice, and whatever a crashed worker had sent is measured as what it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.domain.ids import DeploymentName
from shared.domain.releases.measurement import Interval
from shared.domain.releases.release import Release, ReleaseState
from shared.ports.telemetry import is_failure, is_served
from shared.ports.workspace import Answer
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
    if plan is None or not _is_judged(release) or (release.champion is None and not release.plan.kubernetes):
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
    assert release.plan.probe is not None  # nothing is due without one
    both = tuple(serving.deployment for serving in (release.champion, release.challenger) if serving)
    first = _interval(now, release) * release.plan.probe.per_interval
    requests = []
    for number in range(first, first + count):
        turn = both if number % 2 == 0 else both[::-1]
        requests += [(deployment, sample[number % len(sample)]) for deployment in turn]
    return tuple(requests)


def with_answers(release: Release, sent: SendProbes, answers: Sequence[Answer | None]) -> Release:
    """Return the release with what the probes were answered, where no traffic log measures them: on Kubernetes.

    What a worker that crashed had sent is counted nowhere; none is counted twice, for each interval is probed once.
    """
    if release.plan.kubernetes is None or release.probed_at is None or not answers:
        return release
    since, interval = release.traffic_since or release.entered_at, release.plan.judge.interval
    start = _EPOCH + _interval(release.probed_at, release) * interval
    met: dict[DeploymentName, list[Answer | None]] = {}
    for (deployment, _), answer in zip(sent.requests, answers, strict=False):
        met.setdefault(deployment, []).append(answer)
    earlier = tuple(measured for measured in release.probe_answers if measured.start >= since - interval)
    quantile = release.plan.judge.latency_quantile
    newest = (_measured(deployment, start, of_one, quantile) for deployment, of_one in met.items())
    return replace(release, probe_answers=(*earlier, *newest))


def _measured(
    deployment: DeploymentName, start: datetime, answers: Sequence[Answer | None], quantile: float | None
) -> Interval:
    codes = [answer.status if answer else None for answer in answers]
    logs = sorted(math.log(1000 * answer.seconds + 1) for answer in answers if answer and is_served(answer.status))
    return Interval(
        deployment,
        start,
        requests=len(answers),
        errors=sum(map(is_failure, codes)),
        # Stored records hold no NaN; of no served request it is not looked at.
        mean_log_latency=math.fsum(logs) / max(len(logs), 1),
        quantile_log_latency=logs[math.ceil(quantile * len(logs)) - 1] if quantile and logs else None,
        probes=len(answers),
        served=len(logs),
    )


def _within(release: Release) -> timedelta:
    return min(max(release.plan.judge.interval / 2, SHORTEST), LONGEST)


def _interval(moment: datetime, release: Release) -> int:
    return (moment - _EPOCH) // release.plan.judge.interval
