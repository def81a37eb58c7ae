"""What a judge or a gate says, with its reason and its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.domain.releases.outcome import Compared


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
        suspects: it looks worse, and is not proven to be: the release holds.
        champion_is_sick: the champion fails more requests than the policy bears; no traffic may go back to it.
        is_broken: the challenger does, whatever the champion does.
        needs_a_person: the challenger may be broken; too few requests tell.
        unread: why the measurements cannot be read; empty when they can.
        is_proven: the challenger's share of errors is proven to be within the policy's absolute bound.
    """

    verdict: Verdict
    reason: str
    has_data: bool = True
    numbers: Mapping[str, float] = field(default_factory=dict)
    quality: Compared | None = None
    suspects: bool = False
    champion_is_sick: bool = False
    is_broken: bool = False
    needs_a_person: bool = False
    is_proven: bool = False
    unread: str = ""
