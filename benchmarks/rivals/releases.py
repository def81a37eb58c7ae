"""Whole releases of a version that is as good as its champion, on days that are not as good.

A step of 10 %, one of 50 %, and a watch in which the champion keeps 5 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.rivals.streams import REQUEST_SPREAD, Streams
from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.measurement import Interval
from shared.simulate.measurements import Measured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

START, MINUTE = datetime(2026, 11, 20, tzinfo=UTC), timedelta(minutes=1)
CHALLENGER, CHAMPION = DeploymentName("v-2"), DeploymentName("v-1")
PER_MINUTE = 600.0
# The challenger's share of the traffic, and how many minutes it is looked at.
STAGES = ((0.10, 60), (0.50, 60), (0.95, 120))
ARM_NOISE, LOAD = 0.03, 0.07
# What a request takes that is refused at once.
QUICK = math.log(2)
OUTAGE_MINUTES, OUTAGE_ERRORS = 10, 0.5


@dataclass(frozen=True, slots=True)
class Day:
    """What disturbs versions that are equal; 1 % of all requests fail.

    Args:
        correlation: of errors of one version in one minute.
        refused: share of the champion's requests that are refused at once.
        cold: by how much, and for how many minutes, the challenger is slower when a stage begins.
        settles: in how many minutes the logarithm of that falls to a third; 0 for not at all until `cold` is over.
        bad_minutes: for so many minutes an hour half of one version's requests fail, each at its own time.
        stall: for so many minutes, once in so many, a version is twice as slow, each at its own time.
        is_diurnal: traffic goes down to a tenth and up again, and latency with it.
        is_out: both fail half of their requests, and are twice as slow, for ten minutes.
    """

    what: str
    correlation: float = 0.0
    refused: float = 0.0
    cold: tuple[float, float] = (1.0, 0.0)
    settles: float = 0.0
    bad_minutes: int = 0
    stall: tuple[int, int] = (0, 1)
    is_out: bool = False
    is_diurnal: bool = False
    most_rolled_back: float = 1.0


DAYS: Mapping[str, Day] = {
    "calm": Day("nothing"),
    "refused": Day("the champion refuses 10 % of its requests at once (429)", refused=0.10),
    "cold": Day("twice as slow for five minutes after each change of the traffic", cold=(2.0, 5)),
    "settling": Day("twice as slow, and settling in ten minutes", cold=(2.0, math.inf), settles=10),
    "clusters": Day("errors in clusters, correlated by 0.05 within a minute", correlation=0.05),
    "bad_minutes": Day("half of a version's requests fail for two minutes an hour", bad_minutes=2),
    "outage": Day("both fail, and are slow, for ten minutes", is_out=True),
    "stalls": Day("a version stalls for four minutes an hour", stall=(4, 60)),
    "rhythm": Day("traffic and latency that fall to a tenth, and rise, within four hours", is_diurnal=True),
    "all": Day("all of these but the refusals", 0.05, 0.0, (2.0, 5), 0.0, 2, (4, 60), is_out=True),
    "long_stalls": Day("a version stalls for ten minutes every four hours", stall=(10, 240), most_rolled_back=3.0),
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of many releases (rows), minute by minute.

    Args:
        number: of `STAGES`, from 0 on.
        streams: what rules see that take all requests.
        measured: what the judge sees: latency of served requests only.
    """

    number: int
    streams: Streams
    measured: Measured

    @property
    def is_watch(self) -> bool:
        return self.number == len(STAGES) - 1


class RecordedTelemetry:
    """The Telemetry port over recorded minutes, of which those have arrived that were over before `now` - `delay`."""

    def __init__(self, recorded: Sequence[Interval], now: datetime, delay: timedelta) -> None:
        self._recorded, self._arrived = recorded, now - delay

    def intervals(
        self,
        endpoint: EndpointName,  # noqa: ARG002 - the port's
        start: datetime,
        end: datetime,
        width: timedelta,  # noqa: ARG002
        quantile: float | None = None,  # noqa: ARG002
    ) -> tuple[Interval, ...]:
        end = min(end, self._arrived)
        return tuple(minute for minute in self._recorded if start <= minute.start and minute.start + MINUTE <= end)


def recorded_intervals(stage: Stage, row: int) -> list[Interval]:
    """Return both versions' minutes of one release in a stage."""
    counts, differences = stage.measured.counts[row], stage.measured.differences[row]
    return [
        Interval(name, START + minute * MINUTE, int(n), int(k), 4.5 + shift if n > k else math.nan, served=int(n - k))
        for minute, ((n_c, k_c, n_b, k_b), shift_c) in enumerate(zip(counts, differences, strict=True))
        for name, n, k, shift in ((CHALLENGER, n_c, k_c, float(shift_c)), (CHAMPION, n_b, k_b, 0.0))
        if n
    ]


def stages(day: Day, releases: int, random: np.random.Generator) -> list[Stage]:
    return [_stage(day, number, releases, random) for number in range(len(STAGES))]


def _stage(day: Day, number: int, releases: int, random: np.random.Generator) -> Stage:
    share, minutes = STAGES[number]
    shape = releases, minutes
    traffic = _rhythm(shape, random) if day.is_diurnal else np.ones(shape)
    load = random.normal(0, LOAD, shape) + np.log(traffic) / 2
    out = _episodes(OUTAGE_MINUTES, minutes, shape, random) if day.is_out else np.zeros(shape, dtype=bool)
    arms = [_arm(day, rate * traffic, is_new, out, random) for rate, is_new in ((share, True), (1 - share, False))]
    (n_c, k_c, all_c, served_c), (n_b, k_b, all_b, served_b) = arms
    streams = Streams(np.maximum(n_c, 1), k_c, np.maximum(n_b, 1), k_b, all_c + load, all_b + load)
    return Stage(number, streams, Measured(np.stack([n_c, k_c, n_b, k_b], axis=-1), served_c - served_b))


def _arm(
    day: Day, shares: Numbers, is_new: bool, out: NDArray[np.bool_], random: np.random.Generator
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Return requests, errors, and mean log latency of all requests and of the served ones, of one version."""
    shape = out.shape
    requests = random.poisson(PER_MINUTE * shares)
    failing = _error_shares(day, shape, random)
    failing[_episodes(day.bad_minutes, 60, shape, random)] = OUTAGE_ERRORS
    failing[out] = OUTAGE_ERRORS
    refused = random.binomial(requests, 0.0 if is_new else day.refused)
    errors = refused + random.binomial(requests - refused, failing)
    slower = np.where(_episodes(*day.stall, shape, random) | out, math.log(2), 0.0)
    if is_new:
        slower = slower + _warming(day, shape[1])
    served = requests - errors
    noise = random.normal(0, REQUEST_SPREAD, shape) / np.sqrt(np.maximum(served, 1)) + random.normal(
        0, ARM_NOISE, shape
    )
    latency = 4.5 + slower + noise
    quick = refused / np.maximum(requests, 1)
    return requests.astype(float), errors.astype(float), (1 - quick) * latency + quick * QUICK, latency


def _rhythm(shape: tuple[int, int], random: np.random.Generator) -> Numbers:
    """Return each minute's traffic as a share of the most, from some time of a day of four hours on."""
    phase = random.uniform(0, 2 * math.pi, (shape[0], 1))
    return np.asarray(0.55 + 0.45 * np.sin(phase + 2 * math.pi * np.arange(shape[1]) / 240))


def _error_shares(day: Day, shape: tuple[int, int], random: np.random.Generator) -> Numbers:
    if not day.correlation:
        return np.full(shape, 0.01)
    # A beta distribution of mean 0.01 whose draws correlate so.
    size = 1 / day.correlation - 1
    return random.beta(0.01 * size, 0.99 * size, shape)


def _warming(day: Day, minutes: int) -> Numbers:
    factor, length = day.cold
    since = np.arange(minutes, dtype=np.float64)
    excess = math.log(factor) * (np.exp(-since / day.settles) if day.settles else np.ones(minutes))
    return np.where(since < length, excess, 0.0)


def _episodes(length: int, every: int, shape: tuple[int, int], random: np.random.Generator) -> NDArray[np.bool_]:
    """Return where an episode of so many minutes is, one in each period, somewhere in it."""
    if not length:
        return np.zeros(shape, dtype=bool)
    releases, minutes = shape
    periods = -(-minutes // every)
    begins = random.integers(0, max(every - length, 0) + 1, (releases, periods)) + every * np.arange(periods)
    at = np.arange(minutes)[None, None, :] - begins[:, :, None]
    return np.asarray(((at >= 0) & (at < length)).any(axis=1))
