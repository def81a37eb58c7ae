"""Simulated measurements of many releases at once, and the verdicts that the judge gives on them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shared.judge.evidence.absolute_errors import broken, proven, suspicious
from shared.judge.evidence.latency import FEWEST_BEYOND
from shared.judge.evidence.staggered_starts import starts_for
from shared.judge.evidence.streams import Ruling, Tolerances, error_paths, latency_paths, rulings
from shared.simulate.traffic import Traffic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

MOST_ERRORS = 0.999


@dataclass(frozen=True, slots=True)
class Change:
    """How the challenger differs from the champion.

    Args:
        latency: ratio of latencies.
        errors: share of requests that fail beyond the champion's share, 0 to 1.
    """

    name: str
    latency: float = 1.0
    errors: float = 0.0

    @property
    def is_worse(self) -> bool:
        return self.latency > 1 or self.errors > 0


@dataclass(frozen=True, slots=True)
class Measured:
    """Intervals (columns) of releases (rows).

    Args:
        counts: (releases, intervals, 4): requests and errors of challenger and champion.
        differences: of log latency; meaningless where either served no request.
    """

    counts: Numbers
    differences: Numbers

    @property
    def requests(self) -> Numbers:
        """Return the challenger's requests."""
        return self.counts[..., 0]

    @property
    def is_served(self) -> NDArray[np.bool_]:
        """Return where both versions served a request."""
        n_c, k_c, n_b, k_b = np.moveaxis(self.counts, 2, 0)
        return np.asarray((n_c > k_c) & (n_b > k_b))


@dataclass(frozen=True, slots=True)
class Looks:
    """What the judge says when it looks after each interval.

    Args:
        verdicts: -1 fail, 0 inconclusive, 1 pass.
        has_data: False where nothing comparable was measured, or not lately.
        is_proven: the challenger's own errors are within the absolute bound.
        is_doubted: something is suspected, and not proven.
    """

    verdicts: NDArray[np.int8]
    has_data: NDArray[np.bool_]
    is_proven: NDArray[np.bool_]
    is_doubted: NDArray[np.bool_]


def measure(
    traffic: Traffic,
    change: Change,
    rates: tuple[Numbers, Numbers],
    tolerances: Tolerances,
    random: np.random.Generator,
    shares_load: bool = True,
) -> Measured:
    """Return measurements at these mean requests per interval of challenger and champion.

    Args:
        shares_load: whether both serve at the same time, so that load cancels.
    """
    requests_c, requests_b = (random.poisson(rate).astype(np.float64) for rate in rates)
    share = min(traffic.errors + change.errors, MOST_ERRORS)
    failed_c = random.binomial(requests_c.astype(np.int64), share)
    failed_b = random.binomial(requests_b.astype(np.int64), traffic.errors)
    served_c, served_b = requests_c - failed_c, requests_b - failed_b
    one_request = traffic.spread * _spread_factor(served_c, served_b, tolerances.latency_quantile)
    variance = one_request**2 * (1 / np.maximum(served_c, 1) + 1 / np.maximum(served_b, 1)) + 2 * traffic.noise**2
    if not shares_load:
        variance = variance + 2 * traffic.load**2
    differences = math.log(change.latency) + random.standard_normal(requests_c.shape) * np.sqrt(variance)
    return Measured(np.stack([requests_c, failed_c, requests_b, failed_b], axis=-1), differences)


def _spread_factor(requests_c: Numbers, requests_b: Numbers, quantile: float | None) -> Numbers:
    """Return how much more the quantile scatters than the mean, where there are requests enough for it.

    Log latencies are taken as normal. Source: large-sample variance of a quantile, q (1 - q) / (n f²); H. Cramér,
    Mathematical Methods of Statistics (1946), section 28.5.
    """
    if quantile is None:
        return np.ones_like(requests_c)
    from scipy.special import ndtri

    density = math.exp(-(float(ndtri(quantile)) ** 2) / 2) / math.sqrt(2 * math.pi)
    is_measurable = np.minimum(requests_c, requests_b) * (1 - quantile) >= FEWEST_BEYOND
    return np.where(is_measurable, math.sqrt(quantile * (1 - quantile)) / density, 1.0)


def look(measured: Measured, tolerances: Tolerances, errors_at_most: float | None = None) -> Looks:
    """Return what the judge says after each interval; the same as `judged` on what was measured so far."""
    is_pair = (measured.counts[..., 0] > 0) & (measured.counts[..., 2] > 0)
    columns = np.arange(is_pair.shape[1])
    paths, pairs = [], np.cumsum(is_pair, axis=1, dtype=np.intp)
    counts = _shift_left(np.where(is_pair[..., None], measured.counts, 0.0), is_pair)
    if tolerances.error_bound is not None:
        paths.append(error_paths(counts, tolerances).at(pairs))
    if tolerances.latency is not None:
        is_warm = measured.is_served & (columns >= tolerances.warm_up / tolerances.interval)
        differences = _shift_left(measured.differences, is_warm)
        paths.append(latency_paths(differences, tolerances).at(np.cumsum(is_warm, axis=1, dtype=np.intp)))
    ruling = rulings(paths, pairs, np.cumsum(np.where(is_pair, measured.requests, 0.0), axis=1), tolerances)
    shown = np.where(ruling == Ruling.FAILED, -1, np.where(ruling == Ruling.WITHIN, 1, 0))
    latest = np.maximum.accumulate(np.where(is_pair, columns, -1), axis=1)
    age = (columns + 1 - latest) * tolerances.interval.total_seconds()
    has_data = (pairs > 0) & (age <= tolerances.stale_after.total_seconds())
    shown = np.where(has_data, shown, 0).astype(np.int8)
    is_doubted = np.zeros(shown.shape, dtype=np.bool_)
    for path in paths:
        is_doubted |= has_data & path.is_suspected(tolerances)
    if errors_at_most is None:
        return Looks(shown, has_data, np.zeros_like(is_doubted), is_doubted)
    requests, errors = measured.counts[..., 0], measured.counts[..., 1]
    is_broken = broken(requests, errors, errors_at_most, tolerances.interval, starts_for(tolerances.horizon))
    is_proven = proven(requests, errors, errors_at_most)
    is_doubted |= suspicious(requests, errors, errors_at_most, tolerances.interval)
    shown[(shown > 0) & ~is_proven] = 0
    shown[is_broken] = -1
    return Looks(shown, has_data | is_broken, is_proven, is_doubted)


def _shift_left(values: Numbers, is_measured: NDArray[np.bool_]) -> Numbers:
    """Return the values with those that were measured first, in order: the judge sees no others."""
    order = np.argsort(~is_measured, axis=1, kind="stable")
    return np.take_along_axis(values, order[..., None] if values.ndim > order.ndim else order, axis=1)


def without_scores(tolerances: Tolerances) -> Tolerances:
    """Return tolerances for errors and latency alone, each with the chance it had beside the others."""
    alone = replace(tolerances, scores=None, quality=None)
    if len(alone.metrics) == len(tolerances.metrics):
        return tolerances
    share = len(alone.metrics) / len(tolerances.metrics)
    return replace(alone, false_rollbacks=tolerances.false_rollbacks * share)
