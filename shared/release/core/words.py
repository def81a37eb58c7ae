"""Sentences about releases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from shared.domain.ids import DeploymentName
from shared.domain.releases.release import Release, ReleaseRequest
from shared.domain.releases.verdict import GateResult


def split(traffic: Mapping[DeploymentName, int]) -> str:
    """Return e.g. "v-1 90 %, v-2 10 %"."""
    return ", ".join(f"{name} {share} %" for name, share in sorted(traffic.items())) or "no traffic"


def promotion_words(release: Release) -> str:
    """Return what a promotion gave the version, and what was held back."""
    if release.plan.batch:
        return f"version {release.version} is the default, in deployment {release.challenger.deployment}"
    if not release.holdback:
        return f"version {release.version} has all the traffic"
    held_back = f"{release.holdback} % stay with the champion until the watch is over"
    return f"version {release.version} has {100 - release.holdback} % of the traffic, {held_back}"


def gates(results: Iterable[GateResult]) -> str:
    return "; ".join(result.reason for result in results)


def request_words(request: ReleaseRequest) -> str:
    """Return e.g. "ana@example.com asked to abort: complaints"."""
    return f"{request.by} asked to {request.kind}" + (f": {request.reason}" if request.reason else "")


def duration(length: timedelta) -> str:
    """Return a length of time in its largest fitting unit, e.g. "15 min"; days are whole."""
    seconds = length.total_seconds()
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size and not (unit == "d" and seconds % size):
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
