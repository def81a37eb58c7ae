"""What another tool's result says, whatever the tool."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.fact import FeatureDrift


@dataclass(frozen=True, slots=True)
class Found:
    """One signal of a result.

    Args:
        signal: in our words: "data-drift", "performance", "estimated-performance".
        is_drift: the verdict by the tool's own bounds.
        features: what crossed its bound, strongest first.
        sentence: the verdict for people.
        window: the tool's own name of the rows it looked at; "" when it gives none.
    """

    signal: str
    is_drift: bool
    features: tuple[FeatureDrift, ...]
    sentence: str
    window: str = ""


def strongest_first(features: list[FeatureDrift]) -> tuple[FeatureDrift, ...]:
    """Return the features by how many times beyond the bound they are; p-values count from below."""

    def excess(feature: FeatureDrift) -> float:
        larger, smaller = sorted((abs(feature.value), abs(feature.threshold)), reverse=True)
        return larger / smaller if smaller else float("inf")

    return tuple(sorted(features, key=lambda feature: (-excess(feature), feature.feature, feature.metric)))


def listed(features: tuple[FeatureDrift, ...]) -> str:
    """Return the strongest three in words."""
    told = [
        f"{each.feature or 'all rows'} {each.metric} {each.value:g} (bound {each.threshold:g})" for each in features
    ]
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return ", ".join(told[:3]) + more
