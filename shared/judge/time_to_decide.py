"""How long a judgement takes at best: the evidence that a challenger as good as the champion gives, on average."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from shared.judge.evidence import errors, means
from shared.judge.evidence.absolute_errors import requests_to_prove
from shared.judge.evidence.staggered_starts import ONE_START
from shared.judge.evidence.streams import FALSE_PASSES, FEWEST_INTERVALS_TO_PASS, FEWEST_REQUESTS, Tolerances

# Longer than any step will ever take.
MOST_INTERVALS = 10_000_000
_BLOCKS = 400


@dataclass(frozen=True, slots=True)
class Expected:
    """What an interval is expected to hold.

    Args:
        challenger, champion: requests; may be below 1.
        errors: share of both versions' requests that fail, 0 to 1.
        spread: standard deviation of one request's log latency.
        noise: the same of what moves one version's mean alone.
    """

    challenger: float
    champion: float
    errors: float = 0.002
    spread: float = 0.5
    noise: float = 0.03


def intervals_to_pass(tolerances: Tolerances, expected: Expected, errors_at_most: float | None = None) -> float:
    """Return how many intervals it takes to prove that the challenger is within the tolerances; infinite for never.

    That is the time of a typical release; unlucky ones take longer.

    Args:
        errors_at_most: the bound of its own share of errors; None for none.
    """
    if min(expected.challenger, expected.champion) <= 0:
        return math.inf
    requests = FEWEST_REQUESTS if errors_at_most is None else requests_to_prove(errors_at_most, expected.errors)
    least = max(FEWEST_INTERVALS_TO_PASS, requests / expected.challenger)
    return max(least, _errors(tolerances, expected), _latency(tolerances, expected))


def _errors(tolerances: Tolerances, expected: Expected) -> float:
    bound = tolerances.error_bound
    if bound is None:
        return 0
    # In blocks of ever more intervals, so that waits of any length cost the same few blocks.
    size = 1.0
    while size * _BLOCKS <= MOST_INTERVALS:
        challenger, champion = expected.challenger * size, expected.champion * size
        block = (challenger, challenger * expected.errors, champion, champion * expected.errors)
        path = errors.paths_below(np.broadcast_to(np.array(block), (1, _BLOCKS, 4)), bound, ONE_START)[0]
        if path[-1] >= math.log(1 / FALSE_PASSES):
            return size * (int(np.argmax(path >= math.log(1 / FALSE_PASSES))) + 1)
        size *= 4
    return math.inf


def _latency(tolerances: Tolerances, expected: Expected) -> float:
    if tolerances.latency is None:
        return 0
    room = math.log(tolerances.latency)
    if room <= 0:
        return math.inf
    # In an interval with less than one request mostly nothing is measured; in the others there is one.
    in_one = replace(expected, challenger=max(expected.challenger, 1.0), champion=max(expected.champion, 1.0))
    variance = in_one.spread**2 * (1 / in_one.challenger + 1 / in_one.champion) + 2 * in_one.noise**2
    counts = np.unique(np.geomspace(2, MOST_INTERVALS, 2000).astype(np.int64)).astype(np.float64)
    logs = means.log_e(counts, counts * room, counts * (room * room + variance))
    enough = logs >= math.log(1 / FALSE_PASSES)
    if not enough.any():
        return math.inf
    judged = float(counts[int(np.argmax(enough))]) / min(1.0, expected.challenger, expected.champion)
    return tolerances.warm_up / tolerances.interval + judged
