"""Does a version fail more of its requests than the policy allows, whatever the other version does?

The e-process is the beta-binomial likelihood ratio of "the share of errors is above the bound", each such share as
likely as the others, to the bound itself. For a true share below the bound it only shrinks. Requests that fail
together within a minute are no independent evidence, so several minutes must be beyond the bound, too.
Source: H. Robbins, Statistical methods related to the law of the iterated logarithm, Annals of Mathematical
Statistics 41 (1970), section 3 (the mixture); C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) (the upper bound).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from shared.domain.releases.measurement import Interval
from shared.judge.evidence.agreement import spanned
from shared.judge.evidence.staggered_starts import Starts, starts_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Truths = NDArray[np.bool_]

# A version exactly at the bound is called broken with a chance of at most 1 in so many.
FALSE_ALARMS = 100
BROKEN_MINUTES, SUSPICIOUS_MINUTES = 5, 3
# From here on a person has to decide: too little to be sure, too much to ignore.
SUSPICIOUS_ERRORS, SUSPICIOUS_RATIO = 5, 1.5
CONFIDENCE = 0.95
_LEAST = 1e-300


@dataclass(frozen=True, slots=True)
class AbsoluteErrors:
    """What a version's own share of errors shows.

    Args:
        at_most: the bound, 0 to 1.
        is_broken: it is proven to be beyond the bound.
        is_suspicious: it looks so; a person should decide.
        is_proven: the upper confidence bound of the share is within the bound.
    """

    requests: int
    errors: int
    at_most: float
    is_broken: bool
    is_suspicious: bool
    is_proven: bool

    def __str__(self) -> str:
        return f"{self.errors:,} of {self.requests:,} requests failed (at most {100 * self.at_most:g} % may)"


def absolute_errors(intervals: Sequence[Interval], at_most: float, interval: timedelta, horizon: int) -> AbsoluteErrors:
    """Return what the intervals of one version show, sorted by time, oldest first.

    Args:
        horizon: how long the version is watched, in intervals; fixed beforehand.
    """
    requests = np.array([[interval.requests for interval in intervals]], dtype=np.float64)
    errors = np.array([[interval.errors for interval in intervals]], dtype=np.float64)
    has_any = bool(intervals)
    return AbsoluteErrors(
        requests=int(requests.sum()),
        errors=int(errors.sum()),
        at_most=at_most,
        is_broken=has_any and bool(broken(requests, errors, at_most, interval, starts_for(horizon))[0, -1]),
        is_suspicious=has_any and bool(suspicious(requests, errors, at_most, interval)[0, -1]),
        is_proven=has_any and bool(proven(requests, errors, at_most)[0, -1]),
    )


def fails_alike(
    challenger: Sequence[Interval], champion: Sequence[Interval], at_most: float, lag: timedelta = timedelta(0)
) -> bool:
    """Return whether the champion, too, was beyond the bound in the minutes in which the challenger was.

    An incident that both share shows sooner in the version with more requests.
    """
    bad = {interval.start - lag for interval in challenger if interval.errors > at_most * interval.requests}
    beside = [interval for interval in champion if interval.start in bad]
    return sum(interval.errors for interval in beside) > at_most * sum(interval.requests for interval in beside)


def broken(requests: Numbers, errors: Numbers, at_most: float, interval: timedelta, starts: Starts) -> Truths:
    """Return after each interval (columns) of each stream (rows) whether it is proven to be beyond the bound."""
    fewest = spanned(BROKEN_MINUTES, interval)

    def log_e_since(first: int) -> Numbers:
        tried, failed = np.cumsum(requests[:, first:], axis=1), np.cumsum(errors[:, first:], axis=1)
        bad = np.cumsum((errors > at_most * requests)[:, first:], axis=1)
        log_e = _log_e(tried, failed, at_most)
        # A process counts only once it has had so many bad minutes itself: one cluster is not enough for any of them.
        return np.where(bad >= fewest, log_e, np.minimum(log_e, 0.0))

    return np.asarray(starts.combined(requests.shape, log_e_since) >= math.log(FALSE_ALARMS))


def suspicious(requests: Numbers, errors: Numbers, at_most: float, interval: timedelta) -> Truths:
    """Return likewise whether so many requests failed, in so many minutes, that a person should look."""
    failed = np.cumsum(errors, axis=1)
    minutes = np.cumsum(errors > at_most * requests, axis=1)
    is_much = (failed >= SUSPICIOUS_ERRORS) & (failed >= SUSPICIOUS_RATIO * at_most * np.cumsum(requests, axis=1))
    return np.asarray(is_much & (minutes >= spanned(SUSPICIOUS_MINUTES, interval)))


def proven(requests: Numbers, errors: Numbers, at_most: float) -> Truths:
    """Return likewise whether the one-sided upper confidence bound of the share of errors is within the bound."""
    from scipy.special import bdtr

    tried, failed = np.cumsum(requests, axis=1), np.cumsum(errors, axis=1)
    return np.asarray((tried > 0) & (bdtr(failed, tried.astype(np.int64), at_most) <= 1 - CONFIDENCE))


def requests_to_prove(at_most: float, errors: float = 0.0) -> float:
    """Return how many requests it takes to prove a share of errors to be within the bound; infinite for never."""
    if errors >= at_most:
        return math.inf
    # Without errors there is a closed form; with some the search starts there.
    count = math.ceil(math.log(1 - CONFIDENCE) / math.log1p(-at_most))
    while not proven(np.array([[count]]), np.array([[math.floor(count * errors)]]), at_most)[0, 0]:
        count = math.ceil(1.1 * count)
    return float(count)


def _log_e(tried: Numbers, failed: Numbers, at_most: float) -> Numbers:
    from scipy.special import betainc, betaln

    served = tried - failed
    # Below the bound the process only shrinks: its value is not needed exactly there, and is taken as 0.
    beyond = failed > at_most * tried
    logs = np.where(tried > 0, -math.inf, 0.0)
    failed, served = failed[beyond], served[beyond]
    # The integral of p^K (1 - p)^(N - K) from the bound to 1.
    tail = betainc(served + 1, failed + 1, 1 - at_most)
    above = betaln(failed + 1, served + 1) + np.log(np.maximum(tail, _LEAST))
    logs[beyond] = above - math.log1p(-at_most) - failed * math.log(at_most) - served * math.log1p(-at_most)
    return logs
