"""What monitors measured beyond a bound, in order and in words, for every kind of monitor."""

from __future__ import annotations

import math
from collections.abc import Iterable

from shared.domain.fact import FeatureDrift


def strongest_first(features: Iterable[FeatureDrift]) -> tuple[FeatureDrift, ...]:
    """Return the features by how many times beyond the bound they are; some metrics are breached from below."""

    def excess(feature: FeatureDrift) -> float:
        larger, smaller = sorted((abs(feature.value), abs(feature.threshold)), reverse=True)
        return larger / smaller if smaller else math.inf

    return tuple(sorted(features, key=lambda feature: (-excess(feature), feature.feature, feature.metric)))


def listed(features: tuple[FeatureDrift, ...]) -> str:
    """Return the strongest three in words."""
    sentences = [
        f"{drift.feature or 'all rows'} {drift.metric} {drift.value:g} (bound {drift.threshold:g})"
        for drift in features
    ]
    more = f" and {len(sentences) - 3} more" if len(sentences) > 3 else ""
    return ", ".join(sentences[:3]) + more
