"""What a judge or a gate says, with its reason and its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.domain.outcome import Compared


class Verdict(StrEnum):
    """Only PASS moves anything forward; INCONCLUSIVE is never good news."""

    PASS = "pass"  # noqa: S105 - a word, not a secret
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class GateResult:
    """What one gate says. `gate` names it with its subject, e.g. "metric roc_auc"; `reason` is one plain sentence."""

    gate: str
    verdict: Verdict
    reason: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """How the challenger does against the champion, by the measurements so far.

    Args:
        has_data: False when nothing comparable was measured at all, or not lately.
        numbers: requests, errors, ratios and e-values behind the verdict; finite.
        quality: what the labels showed that arrived last; None where quality is not judged.
    """

    verdict: Verdict
    reason: str
    has_data: bool = True
    numbers: Mapping[str, float] = field(default_factory=dict)
    quality: Compared | None = None
