"""The checks of an A/B test's keys: the split, how long it is held, and what must have come of it; and its plan."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta

from shared.domain.releases.outcome import AbPlan, LabelSource
from shared.policy.sections.quantities import Rate, duration_text
from shared.release.sections.labels import OutcomeSection, labels_problems
from shared.release.sections.rollout_keys import RolloutKeys

KEYS = ("split", "hold_for", "on_inconclusive", "outcome")
# A look reads the measurements of the whole hold.
MOST_INTERVALS = 5000
_FEWEST_INTERVALS = 5


def ab_plan(rollout: RolloutKeys) -> AbPlan | None:
    """Return what the test must prove; None for other strategies."""
    outcome = rollout.outcome
    if rollout.strategy != "ab" or outcome is None:
        return None
    return AbPlan(
        metric=outcome.metric,
        labels=LabelSource(outcome.labels, outcome.key, outcome.label, outcome.labels_within),
        needed_gain=-outcome.worse_by_at_most
        if outcome.worse_by_at_most is not None
        else outcome.better_by_at_least or 0,
        confidence=outcome.confidence / 100,
        better=outcome.better or "higher",
        extend_until=rollout.held_until if rollout.on_inconclusive == "extend" else None,
    )


def ab_problems(rollout: RolloutKeys) -> Iterator[tuple[str, str]]:
    written = rollout.model_fields_set
    if rollout.strategy != "ab":
        for key in KEYS:
            if key in written:
                yield key, f"{rollout.strategy} is no A/B test; leave it out, or write strategy: ab"
        return
    if "bake" in written:
        yield "bake", "an A/B test holds its split instead; leave it out, and write hold_for: 7d"
    if not 1 <= rollout.split <= 99:
        yield "split", "both versions need some of the traffic; write 1% to 99%, e.g. 50%"
    yield from _time_problems(rollout)
    if rollout.outcome is None:
        example = "{metric: roc_auc, labels: azureml:NAME@latest, better_by_at_least: 0}"
        yield "outcome", f"an A/B test must know what decides it; write outcome: {example}"
        return
    yield from _outcome_problems(rollout.outcome, rollout.hold_for)
    if rollout.expected_traffic is not None:
        yield from _traffic_problems(rollout, rollout.outcome, rollout.expected_traffic)


def _time_problems(rollout: RolloutKeys) -> Iterator[tuple[str, str]]:
    interval, until = rollout.judge.interval, rollout.held_until
    if interval <= timedelta(0):
        return
    if rollout.hold_for < _FEWEST_INTERVALS * interval:
        least = duration_text(_FEWEST_INTERVALS * interval)
        yield "hold_for", f"the guard needs 5 intervals of {duration_text(interval)}; write {least} or more"
    elif until / interval > MOST_INTERVALS:
        minutes = math.ceil(until / MOST_INTERVALS / timedelta(minutes=5)) * 5
        yield (
            "judge.interval",
            f"{duration_text(until)} in intervals of {duration_text(interval)} are {until / interval:,.0f} to read at "
            f"each look; write judge: {{interval: {minutes}m}}",
        )
    if rollout.on_inconclusive != "extend" and "decide_within" in rollout.model_fields_set:
        yield "decide_within", "the test is taken after hold_for; leave it out, or write on_inconclusive: extend"
    elif rollout.on_inconclusive == "extend" and until <= rollout.hold_for:
        later = duration_text(2 * rollout.hold_for)
        yield "decide_within", f"there is no time to extend the hold by; write {later}, or leave it out"


def _outcome_problems(outcome: OutcomeSection, hold_for: timedelta) -> Iterator[tuple[str, str]]:
    if (outcome.better_by_at_least is None) == (outcome.worse_by_at_most is None):
        yield "outcome", "needs one aim; write either better_by_at_least: 0, or e.g. worse_by_at_most: 0.005"
    if not 50 <= outcome.confidence <= 99.9:
        yield "outcome.confidence", f"{outcome.confidence:g}% decides nothing; write 50% to 99.9%, e.g. 95%"
    if outcome.labels_within >= hold_for:
        longer = duration_text(hold_for + outcome.labels_within)
        yield "outcome.labels_within", f"no row is old enough when the test is taken; write hold_for: {longer}"
    for path, problem in labels_problems(outcome.labels):
        yield f"outcome.{path}", problem
    for key in ("better_by_at_least", "worse_by_at_most"):
        if (change := getattr(outcome, key)) is not None and (problem := outcome.measure.change_problem(change)):
            yield f"outcome.{key}", problem


def _traffic_problems(rollout: RolloutKeys, outcome: OutcomeSection, traffic: Rate) -> Iterator[tuple[str, str]]:
    """Yield that the rows which labels can have by the last test cannot prove even a version as good as the champion.

    One row per request is taken, and a label for each.
    """
    detectable_now = can_tell(rollout)
    plan = ab_plan(rollout)
    if detectable_now is None or plan is None or not 1 <= rollout.split <= 99 or not 50 <= outcome.confidence <= 99.9:
        return
    room = -plan.needed_gain
    if detectable_now <= room or (room <= 0 and math.isfinite(detectable_now)):
        return
    held = rollout.held_until
    what = f"{traffic} for {duration_text(held)}, {rollout.split} % of them the new version's,"
    if not math.isfinite(detectable_now):
        yield "expected_traffic", f"{what} are too few rows for any test; write a longer hold_for, or strategy: canary"
        return
    counted = held - outcome.labels_within
    longer = math.ceil((counted * (detectable_now / room) ** 2 + outcome.labels_within) / timedelta(days=1))
    yield (
        "expected_traffic",
        f"{what} prove a difference of {detectable_now:.2g} in {outcome.metric}, not {room:g}; write worse_by_at_most: "
        f"{_rounded_up(detectable_now):g}, or hold_for: {longer}d" + ("" if rollout.split == 50 else ", or split: 50%"),
    )


def can_tell(rollout: RolloutKeys) -> float | None:
    """Return the difference that the test can prove four times in five; None when nothing says how much traffic there
    is, or how the rows scatter."""
    from shared.judge.labels.outcome import detectable

    plan, traffic = ab_plan(rollout), rollout.expected_traffic
    if plan is None or rollout.outcome is None or traffic is None:
        return None
    rows = traffic.count * ((rollout.held_until - rollout.outcome.labels_within) / traffic.per)
    return detectable(plan, rows * rollout.split / 100, rows * (100 - rollout.split) / 100, rollout.outcome.spread)


def _rounded_up(value: float) -> float:
    """Return the value with one digit, not below it."""
    unit = 10.0 ** math.floor(math.log10(value))
    return math.ceil(value / unit - 1e-9) * unit
