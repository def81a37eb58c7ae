"""What holds a reaction back, in words for people; None lets it pass. Pure: the present is an argument."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.domain.reaction import Reaction
from shared.domain.state import ModelState, Training
from shared.policy.sections.model import Policy
from shared.policy.sections.quantities import Rate

# A training set off by a measurement of the model that the previous such training made is a loop in the
# making; from this link of the chain on, a person must agree.
LONGEST_CHAIN = 2
MEASURED_CAUSES = frozenset({"drift", "performance"})
# A training whose end was not reported for so long is not waited for.
LONGEST_TRAINING = timedelta(days=1)
# Trainings further apart than this answer to different data, not to each other.
CHAIN_WINDOW = timedelta(days=7)
# After so many failures in a row another try costs money and most likely fails, too.
FAILURES_THAT_BREAK = 3


def retraining_guardrail(
    state: ModelState, cooldown: timedelta | None, at_most: Rate | None, now: datetime
) -> str | None:
    """Return why no training may start now: frozen, cooling down, or too many already.

    `now` is UTC, timezone-aware, as are the times in `state`. Its trainings may be in any order.
    """
    return _frozen(state, now) or _cooling_down(state, cooldown, now) or _too_many(state, at_most, now)


def next_chain(state: ModelState, cause: str, now: datetime) -> int:
    """Return the chain number of a training for `cause`: 0 starts afresh, n follows n measured causes in a row.

    A person's request, a schedule and new data are fresh evidence, and so is a week of quiet.
    """
    last = _latest(state)
    if last is None or cause not in MEASURED_CAUSES or last.cause not in MEASURED_CAUSES:
        return 0
    if _apart(now, last.started_at) > CHAIN_WINDOW:
        return 0
    return last.chain + 1


def chain_guardrail(chain: int, cause: str) -> str | None:
    """Return why a training with this chain number needs a person; a person's request is one."""
    if chain < LONGEST_CHAIN or cause == "request":
        return None
    return (
        f"chain: the last {chain} trainings were set off by measurements of each other's models; "
        "a person has to ask for the next one"
    )


def training_guardrail(state: ModelState, cause: str, now: datetime) -> str | None:
    """Return that a training runs already: it is the answer to what was measured, until its model serves.

    One whose end was not reported for a day no longer counts: the event may never arrive.
    """
    if cause not in MEASURED_CAUSES:
        return None
    recent = (training for training in state.trainings if _apart(now, training.started_at) < LONGEST_TRAINING)
    running = next((training for training in recent if training.outcome is None), None)
    return f"training under way: {running.job} has not ended" if running else None


def failures_in_a_row(state: ModelState) -> tuple[Training, ...]:
    """Return the latest trainings that ended without a model, oldest first.

    A success ends the row, and so does a training that a person asked for: if that one failed, it is the row's first.
    One that still runs is left out.
    """
    failed: list[Training] = []
    for training in sorted(state.trainings, key=lambda training: training.started_at, reverse=True):
        if training.outcome == "completed":
            break
        if training.outcome is not None:
            failed.append(training)
        if training.cause == "request":
            break
    return tuple(reversed(failed))


def breaker_guardrail(state: ModelState, cause: str) -> str | None:
    """Return why a training needs a person after so many that failed; a person's request is one."""
    failed = failures_in_a_row(state)
    if len(failed) < FAILURES_THAT_BREAK or cause == "request":
        return None
    jobs = ", ".join(training.job for training in failed[-FAILURES_THAT_BREAK:])
    return f"breaker: the last {len(failed)} trainings failed ({jobs}); a person has to ask for the next one"


def general_guardrail(proposed: Reaction, policy: Policy, earlier: Sequence[Reaction]) -> str | None:
    """Return why no rule may propose this: it is about another model, or it is proposed a second time."""
    if proposed.model != policy.model:
        return f"it is about {proposed.model!r}, but the policy is for {policy.model!r}"
    duplicate = next((other for other in earlier if _is_same(other, proposed) and other.suppressed is None), None)
    return f"it is decided already: {duplicate.why}" if duplicate else None


def _is_same(one: Reaction, other: Reaction) -> bool:
    return (one.name, one.model, dict(one.arguments)) == (other.name, other.model, dict(other.arguments))


def _frozen(state: ModelState, now: datetime) -> str | None:
    freeze = state.freeze
    if freeze is None or (freeze.until is not None and freeze.until <= now):
        return None
    until = f" (until {_moment(freeze.until)})" if freeze.until else ""
    return f"retraining is frozen: {freeze.reason}{until}"


def _cooling_down(state: ModelState, cooldown: timedelta | None, now: datetime) -> str | None:
    last = _latest(state)
    if last is None or not cooldown or now - last.started_at >= cooldown:
        return None
    allowed = _end_text(last.started_at, cooldown)
    return f"cooldown: last training {last.job} started {_ago(now, last.started_at)}, next allowed {allowed}"


def _too_many(state: ModelState, at_most: Rate | None, now: datetime) -> str | None:
    if at_most is None:
        return None
    recent = sorted((t for t in state.trainings if now - t.started_at < at_most.per), key=lambda t: t.started_at)
    if len(recent) < at_most.count:
        return None
    # The next one is allowed once only count - 1 of these are left in the window.
    blocking = recent[-at_most.count]
    allowed = _end_text(blocking.started_at, at_most.per)
    jobs = ", ".join(t.job for t in recent[-at_most.count :][-3:])
    return f"at most {at_most}: {len(recent)} started already (last {jobs}), next allowed {allowed}"


def _latest(state: ModelState) -> Training | None:
    return max(state.trainings, key=lambda training: training.started_at, default=None)


def _apart(one: datetime, other: datetime) -> timedelta:
    return abs(one - other)


def _end_text(start: datetime, duration: timedelta) -> str:
    try:
        return f"at {_moment(start + duration)}"
    except OverflowError:
        return "never"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _ago(now: datetime, then: datetime) -> str:
    seconds = (now - then).total_seconds()
    if seconds < 60:
        return "just now"
    for unit, length in (("d", 86400), ("h", 3600)):
        if seconds >= 2 * length or (unit == "h" and seconds >= length):
            return f"{seconds // length:.0f} {unit} ago"
    return f"{seconds // 60:.0f} min ago"
