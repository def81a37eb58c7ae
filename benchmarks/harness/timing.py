"""Times, and what summarises them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence


def seconds(work: Callable[[], object]) -> float:
    """Return how long the work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (above 0, up to 1) of the values do not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]
