"""The policy's part `rollout.judge`: how the challenger is compared with the champion."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from pydantic import Field

from shared.domain.releases.plan import JudgePlan
from shared.policy.sections.quantities import Duration, Percent, duration_text
from shared.policy.sections.section import Section
from shared.release.sections.quality import Quality, quality_plan, quality_problems

DEFAULT_ERRORS_AT_MOST = 10.0
# As many as a pass needs.
FEWEST_INTERVALS = 5
WARM_UP = timedelta(minutes=10)
# Source: learn.microsoft.com "Log data ingestion time in Azure Monitor": 20 s to 3 minutes, for some logs longer; read
# 2026-11-30.
LOG_DELAY, INTERVALS_PER_DELAY = timedelta(minutes=5), 5


class Errors(Section):
    """How many more requests may fail: in percentage points, or as a multiple of the champion's share of errors. With
    more than `at_most` failing a version is broken, whatever the other one does; 10 % if it is left out."""

    worse_by_at_most: Percent = 1.0
    ratio_at_most: float | None = Field(default=None, gt=0)
    at_most: Percent | None = None

    @property
    def absolute(self) -> float:
        """Return the absolute bound, in percent; it is never below what the comparison tolerates."""
        return self.at_most if self.at_most is not None else max(DEFAULT_ERRORS_AT_MOST, self.worse_by_at_most)


class Latency(Section):
    """How much slower the challenger may serve: of one quantile, or of geometric means. Intervals with too few requests
    to tell the quantile are compared by their geometric means. After each change of the traffic latency is left
    unjudged for `warm_up`: if it is left out for 10 minutes, or for all of a shorter bake but five intervals."""

    ratio_at_most: float = Field(default=1.25, gt=0)
    quantile: float | None = Field(default=None, gt=0, lt=1)
    warm_up: Duration | None = None


class Scores(Section):
    """How far the mean of the predictions on live traffic may move, up or down, in the predictions' own unit."""

    shift_at_most: float = Field(gt=0)


class Judge(Section):
    """How the challenger is compared while both serve. `log_delay` is how late rows of the traffic log arrive as a
    rule; an interval is at least a fifth of it."""

    errors: Errors | None = Errors()
    latency: Latency | None = Latency()
    scores: Scores | None = None
    quality: Quality | None = None
    false_rollbacks: Percent = 1.0
    on_no_data: Literal["hold", "abort"] = "hold"
    interval: Duration = timedelta(minutes=1)
    log_delay: Duration = LOG_DELAY

    def warm_up(self, bake: timedelta) -> timedelta:
        """Return how long latency is left unjudged, with this bake."""
        written = self.latency.warm_up if self.latency else None
        rest = max(timedelta(0), bake - FEWEST_INTERVALS * self.interval)
        return written if written is not None else min(WARM_UP, rest)


def judge_problems(judge: Judge) -> Iterator[tuple[str, str]]:
    if judge.errors is None and judge.latency is None and judge.scores is None:
        yield "judge", "nothing is left to judge; write errors: {worse_by_at_most: 1%}, latency: {ratio_at_most: 1.25}"
    if not 0 < judge.false_rollbacks < 50:
        yield "judge.false_rollbacks", "must be above 0% and below 50%; write e.g. 1%"
    yield from _time_problems(judge)
    if judge.errors and judge.errors.worse_by_at_most >= 100:
        yield "judge.errors.worse_by_at_most", "allows every request to fail; write e.g. 1%"
    if judge.errors and judge.errors.at_most is not None:
        yield from _absolute_problems(judge.errors, judge.errors.at_most)
    if judge.errors and {"worse_by_at_most", "ratio_at_most"} <= judge.errors.model_fields_set:
        yield "judge.errors", "has two tolerances; write either worse_by_at_most or ratio_at_most"
    if judge.quality:
        yield from quality_problems(judge.quality)


def _time_problems(judge: Judge) -> Iterator[tuple[str, str]]:
    if judge.latency and judge.latency.warm_up is not None and judge.latency.warm_up < timedelta(0):
        yield "judge.latency.warm_up", "is in the past; write e.g. 10m"
    if judge.log_delay < timedelta(0):
        yield "judge.log_delay", "is in the past; write e.g. 5m"
        return
    least = judge.log_delay / INTERVALS_PER_DELAY
    if judge.interval < least:
        yield (
            "judge.interval",
            f"rows of the traffic log arrive about {duration_text(judge.log_delay)} late, too late for intervals of "
            f"{duration_text(judge.interval)}; write {duration_text(least)} or more",
        )


def warm_up_problems(judge: Judge, bake: timedelta, deadline: timedelta) -> Iterator[tuple[str, str]]:
    """Yield that the warm-up leaves nothing of a step to judge latency by.

    Args:
        deadline: how long the step may take.
    """
    warm_up = judge.warm_up(bake)
    if judge.latency and warm_up + FEWEST_INTERVALS * judge.interval > deadline:
        longer = duration_text(warm_up + FEWEST_INTERVALS * judge.interval)
        yield (
            "judge.latency.warm_up",
            f"is {duration_text(warm_up)} of the {duration_text(deadline)} that a step may take, too long to judge "
            f"latency after it; write a shorter one, or decide_within: {longer} or more",
        )


def _absolute_problems(errors: Errors, at_most: float) -> Iterator[tuple[str, str]]:
    key = "judge.errors.at_most"
    if not 0 < at_most < 100:
        yield key, "is the share of requests that may fail at most; write e.g. 10%"
    elif errors.ratio_at_most is None and at_most < errors.worse_by_at_most:
        yield key, f"is below worse_by_at_most; write {errors.worse_by_at_most:g}% or more"


def judge_plan(judge: Judge, bake: timedelta) -> JudgePlan:
    """Return what the section has a release do, whose steps bake so long at least."""
    errors = judge.errors
    return JudgePlan(
        errors_worse_by_at_most=errors.worse_by_at_most / 100 if errors and errors.ratio_at_most is None else None,
        errors_ratio_at_most=errors.ratio_at_most if errors else None,
        latency_ratio_at_most=judge.latency.ratio_at_most if judge.latency else None,
        latency_quantile=judge.latency.quantile if judge.latency else None,
        score_shift_at_most=judge.scores.shift_at_most if judge.scores else None,
        quality=quality_plan(judge.quality) if judge.quality else None,
        false_rollbacks=judge.false_rollbacks / 100,
        on_no_data=judge.on_no_data,
        interval=judge.interval,
        errors_at_most=errors.absolute / 100 if errors else None,
        latency_warm_up=judge.warm_up(bake),
        log_delay=judge.log_delay,
    )
