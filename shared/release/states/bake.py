"""What a bake comes to at one look: one rule for a canary's step, a shadow, a compared batch and the watch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.domain.releases.release import ReleaseRequest
from shared.domain.releases.verdict import Judgement, Verdict
from shared.release.core.judgements import doubts, has_failed
from shared.release.core.requests import promotion

NOT_MEASURED = Judgement(Verdict.INCONCLUSIVE, "nothing was measured", has_data=False)


@dataclass(frozen=True, slots=True)
class BakeDecision:
    """What the bake came to, and why, in words for people.

    Args:
        kind: "failed" goes back; "held" and "doubted" stay; "passed" moves on, and so does "promoted", by a person's
            request; "undecided" is an A/B test that ended without a decision; "no_data" a bake that is over although
            nothing can be compared; "waiting" anything else.
    """

    kind: Literal["failed", "held", "promoted", "undecided", "doubted", "passed", "no_data", "waiting"]
    reason: str


def decide_bake(
    judgement: Judgement,
    *,
    is_over: bool,
    held: str = "",
    promote: ReleaseRequest | None = None,
    undecided: str = "",
) -> BakeDecision:
    """Return what the bake comes to.

    Args:
        is_over: whether the bake has lasted as long as the release plan says.
        held: who holds the release, and why; empty when nobody does.
        promote: a person's request to end this bake.
        undecided: why the last A/B test ended without a decision; empty when it did not.
    """
    # A failure comes first: no hold and no promotion keeps requests failing.
    if has_failed(judgement):
        return BakeDecision("failed", judgement.reason)
    if held:
        return BakeDecision("held", held)
    # Whoever promotes answers for it, so neither doubts nor missing data stand in the way.
    if promote:
        return BakeDecision("promoted", promotion(promote, judgement))
    if undecided:
        return BakeDecision("undecided", f"{undecided}: {judgement.reason}")
    # Doubts come before the verdict: a pass beside a champion that fails itself proves nothing.
    if doubt := doubts(judgement):
        return BakeDecision("doubted", doubt)
    if is_over and judgement.verdict is Verdict.PASS:
        return BakeDecision("passed", judgement.reason)
    if is_over and not judgement.has_data:
        return BakeDecision("no_data", judgement.reason)
    return BakeDecision("waiting", judgement.reason)
