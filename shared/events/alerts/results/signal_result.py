"""What another tool's result says, whatever the tool."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.fact import FeatureDrift


@dataclass(frozen=True, slots=True)
class SignalResult:
    """One signal of a result.

    Args:
        signal: in our words: "data-drift", "data-quality", "performance", "estimated-performance".
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
