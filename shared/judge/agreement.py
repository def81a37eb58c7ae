"""How many intervals must agree before a version is failed: minutes of trouble, and never one interval alone.

What disturbs a version for a moment shows in one or two minutes, whatever the number of requests in them.
"""

from __future__ import annotations

import math
from datetime import timedelta

MINUTE = timedelta(minutes=1)


def spanned(minutes: int, interval: timedelta, least: int = 2) -> int:
    """Return how many intervals these minutes are: one a minute at most, `least` where intervals are long."""
    return max(least, math.ceil(minutes * MINUTE / max(interval, MINUTE)))
