"""What a judgement means for a release: whether it goes back, may not move on, or has proven itself."""

from __future__ import annotations

import math

from shared.domain.releases.release import Release, ReleaseState
from shared.domain.releases.verdict import Judgement, Verdict

# A champion is taken for better when one as bad as the challenger would look so good this rarely.
_BY_CHANCE = 0.001
_FEW = 1000
_SOME_FAILURES = 5


def has_failed(judgement: Judgement) -> bool:
    """Return whether the version is worse than tolerated beside the champion, or broken whatever the champion does."""
    return judgement.verdict is Verdict.FAIL or judgement.is_broken


def champion_fails(judgement: Judgement, at_most: float | None) -> bool:
    """Return whether the champion fails more than the policy bears. To move nothing takes no proof, which needs minutes
    that a failing challenger may not leave: a share of errors that is beyond the bound so far is enough."""
    tried, failed = (judgement.numbers.get(f"champion_{name}", 0.0) for name in ("requests", "errors"))
    is_beyond = at_most is not None and failed >= _SOME_FAILURES and failed > at_most * tried
    return judgement.champion_is_sick or is_beyond


def champion_is_no_better(judgement: Judgement) -> bool:
    """Return whether the champion may fail as many requests as the version that is broken, by what is known of both:
    they may suffer from the same, and going back would help nobody."""
    numbers = judgement.numbers
    requests, errors = numbers.get("requests", 0.0), numbers.get("errors", 0.0)
    tried, failed = int(numbers.get("champion_requests", 0)), int(numbers.get("champion_errors", 0))
    if not judgement.is_broken or not requests:
        return False
    share = errors / requests
    if failed >= share * tried:
        return True
    return _binomial_cdf(failed, tried, share) > _BY_CHANCE


def _binomial_cdf(failed: int, tried: int, share: float) -> float:
    """Return the chance of at most so many failures. Hoeffding's bound stands for it where there are many requests.

    Source: W. Hoeffding, Journal of the American Statistical Association 58 (1963), theorem 1.
    """
    if tried > _FEW:
        return math.exp(-2 * tried * (share - failed / tried) ** 2)
    terms = (math.comb(tried, k) * share**k * (1 - share) ** (tried - k) for k in range(failed + 1))
    return math.fsum(terms)


def doubts(judgement: Judgement) -> str:
    """Return why a release may not move on although nothing failed; empty when it may.

    A champion that fails too much is no yardstick: beside it only a version that is sound by itself moves on.
    """
    if judgement.suspects:
        return f"suspected: {judgement.reason}"
    if judgement.champion_is_sick and not judgement.is_proven:
        return f"the champion fails too many requests itself to compare with: {judgement.reason}"
    return ""


def is_proven(release: Release) -> bool:
    """Return whether the promoted version is known to be sound: passed at a step or in the watch, or with failures
    within the absolute bound. A first version replaces nothing: it need only not look broken."""
    judgement = release.judgement
    if judgement is None:
        return release.champion is None
    if has_failed(judgement) or judgement.needs_a_person or judgement.suspects:
        return False
    was_measured = judgement.numbers.get("requests", 0.0) > 0 or release.champion is None
    was_compared = release.has_passed or release.champion is None
    return judgement.is_proven or judgement.verdict is Verdict.PASS or (was_compared and was_measured)


def serves_unproven(release: Release) -> bool:
    """Return whether the version was left serving although nothing proved it to be sound."""
    asks_people = release.plan.on_undecided != "finish" and release.plan.batch is None
    return release.state is ReleaseState.FINISHED and asks_people and not is_proven(release)
