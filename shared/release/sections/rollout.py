"""The policy's section `rollout`: how traffic moves to a new version."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from shared.policy.sections.model import Policy
from shared.policy.sections.quantities import Duration, Rate, duration_text, parse_percent
from shared.policy.sections.section import Section
from shared.release.sections.ab_test import Outcome, ab_problems, held_until
from shared.release.sections.batch import DECIDE_WITHIN, Batch, batch_problems
from shared.release.sections.judge import Judge, judge_problems, warm_up_problems
from shared.release.sections.probe import Probe
from shared.release.sections.traffic import holdback_for, traffic_problems
from shared.release.states.ab_test import SETTLE_WITHIN

IN_STEPS = ("canary", "shadow")


def _whole_percent(value: object, info: ValidationInfo) -> int:
    # Files are read in JSON mode; code that builds a section itself gives the number.
    if info.mode == "python" and isinstance(value, int):
        return value
    percent = parse_percent(value)
    # Azure ML takes whole percents only.
    if percent != int(percent):
        raise ValueError(f"traffic is split in whole percents; write {round(percent)}%")
    return int(percent)


# Source: learn.microsoft.com, how-to-safely-rollout-online-endpoints, read 2026-11-20.
MOST_MIRRORED = 50
MOST_HELD_BACK = 50

WholePercent = Annotated[
    int,
    PlainValidator(_whole_percent),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,3}%$", "examples": ["10%"]}),
]


class Deployment(Section):
    """How the challenger is deployed; MLflow models need no environment and no code."""

    instance_type: str = "Standard_DS3_v2"
    instance_count: int = Field(default=1, ge=1)
    environment: str = ""
    code: str = ""
    scoring_script: str = ""


class SmokeTest(Section):
    """One request that the new version must answer, before it gets traffic."""

    request: str = Field(min_length=1)
    answers_within: Duration | None = None


KEPT_FOR = timedelta(hours=24)


class Keep(Section):
    """What becomes of deployments that serve nobody any more.

    With `champion_for`, that goes for the champion that was replaced, too; without it, that one stays as it is, at its
    full cost, until the next release has ended, and the others stay for `KEPT_FOR`.
    """

    champion_for: Duration | None = None
    then: Literal["delete", "scale-down", "keep"] = "delete"


class Rollout(Section):
    """How traffic moves to a new version."""

    strategy: Literal["canary", "blue-green", "shadow", "all-at-once", "ab", "batch"] = "canary"
    steps: tuple[WholePercent, ...] = (10, 50, 100)
    mirror: WholePercent = 50
    split: WholePercent = 50
    hold_for: Duration = timedelta(days=7)
    on_inconclusive: Literal["keep-champion", "extend"] = "keep-champion"
    outcome: Outcome | None = None
    smoke_test: SmokeTest | None = None
    on_hand_edit: Literal["hold", "repair"] = "hold"
    on_new_version: Literal["queue", "replace", "refuse"] = "queue"
    keep: Keep = Keep()
    bake: Duration = timedelta(minutes=15)
    decide_within: Duration | None = None
    watch_for: Duration = timedelta(hours=2)
    holdback: WholePercent | None = None
    on_undecided: Literal["ask", "roll-back"] = "ask"
    expected_traffic: Rate | None = None
    probe: Probe | None = None
    batch: Batch | None = None
    judge: Judge = Judge()
    deployment: Deployment = Deployment()

    @property
    def traffic(self) -> tuple[int, ...]:
        if self.strategy == "ab":
            return self.split, 100
        return self.steps if self.strategy in IN_STEPS else (100,)

    @property
    def stages(self) -> int:
        """Return how often a release is judged anew: in its shadow, at each step, and while it is watched."""
        return len(self.traffic) + (self.strategy == "shadow")

    @property
    def moves_at_once(self) -> bool:
        """Return whether nothing is judged before the new version has all the traffic."""
        return self.strategy != "shadow" and len(self.traffic) == 1

    @property
    def held_back(self) -> int:
        """Return the champion's percent of the traffic from the promotion to the end of the watch."""
        if self.strategy == "batch":
            return 0
        return self.holdback if self.holdback is not None else holdback_for(self.expected_traffic)

    @property
    def held(self) -> timedelta:
        """Return how long a step bakes at least."""
        return self.hold_for if self.strategy == "ab" else self.bake

    @property
    def shortest_stage(self) -> timedelta:
        """Return the least time in which a release is judged: at a step, or while it is watched."""
        return self.watch_for if self.moves_at_once else min(self.held, self.watch_for)

    @property
    def deadline(self) -> timedelta:
        """Return how long a step may take to be decided."""
        if self.strategy == "ab":
            return held_until(self) + SETTLE_WITHIN
        if self.strategy == "batch":
            return self.decide_within if self.decide_within is not None else DECIDE_WITHIN
        return self.decide_within if self.decide_within is not None else 4 * self.bake

    def problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        yield from self._keep_problems()
        if self.strategy == "batch":
            yield from batch_problems(self, policy)
        else:
            yield from self._online_problems(policy)

    def _online_problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        if policy.endpoint.type != "online":
            yield "", "traffic is moved on online endpoints only; write endpoint: {…, type: online}, or strategy: batch"
        if self.batch is not None:
            yield "batch", f"{self.strategy} compares no batch; leave it out, or write strategy: batch"
        if self.strategy not in IN_STEPS and "steps" in self.model_fields_set:
            yield "steps", f"{self.strategy} has no steps; leave them out, or write strategy: canary"
        if self.strategy != "shadow" and "mirror" in self.model_fields_set:
            yield "mirror", f"{self.strategy} copies no requests; leave it out, or write strategy: shadow"
        if not 1 <= self.mirror <= MOST_MIRRORED:
            yield "mirror", f"Azure ML copies 1% to {MOST_MIRRORED}% of the requests; write e.g. {MOST_MIRRORED}%"
        yield from _step_problems(self.steps)
        yield from self._time_problems()
        yield from judge_problems(self.judge)
        if self.strategy in IN_STEPS:
            yield from warm_up_problems(self.judge, self.shortest_stage, self.deadline)
        yield from self._quality_problems()
        yield from ab_problems(self)
        yield from self._holdback_problems()
        if self.expected_traffic is not None or self.probe is not None:
            yield from traffic_problems(self)

    def _holdback_problems(self) -> Iterator[tuple[str, str]]:
        if self.holdback is None:
            return
        left = 100 - max(self.traffic[:-1], default=0)
        if self.holdback > MOST_HELD_BACK:
            yield "holdback", f"leaves the new version less than half of the traffic; write {MOST_HELD_BACK}% or less"
        elif self.holdback > left:
            yield "holdback", f"the last step leaves the champion {left} %, and none gives some back; write {left}%"

    def _quality_problems(self) -> Iterator[tuple[str, str]]:
        if self.judge.quality is None or not self.judge.quality.required or not self.moves_at_once:
            return
        how = "canary and steps: [10%, 50%, 100%]" if self.strategy in IN_STEPS else "canary"
        yield (
            "judge.quality.required",
            f"{self.strategy} gives the new version all the traffic at once: no step waits for labels, and quality can "
            f"only roll back; leave it out, or write strategy: {how}",
        )

    def _keep_problems(self) -> Iterator[tuple[str, str]]:
        if self.keep.champion_for is not None and self.keep.champion_for < timedelta(0):
            yield "keep.champion_for", "is in the past; write e.g. 24h"
        within = self.smoke_test.answers_within if self.smoke_test else None
        if within is not None and within <= timedelta(0):
            yield "smoke_test.answers_within", "nothing answers in no time; write e.g. 2s"

    def _time_problems(self) -> Iterator[tuple[str, str]]:
        interval = self.judge.interval
        fewest = 5 * interval
        if interval < timedelta(seconds=1):
            yield "judge.interval", "measurements are at least a second apart; write 1s or more, e.g. 1m"
        elif self.strategy in IN_STEPS and self.bake < fewest:
            yield (
                "bake",
                f"a step needs 5 intervals of {duration_text(interval)} to be judged; "
                f"write {duration_text(fewest)} or more",
            )
        if self.decide_within is not None and self.decide_within < self.bake and self.strategy != "ab":
            yield "decide_within", f"is shorter than the bake; write {duration_text(4 * self.bake)}, or leave it out"
        if self.watch_for < interval:
            yield "watch_for", f"is shorter than one interval; write {duration_text(fewest)} or more"


def _step_problems(steps: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    if not steps or steps[-1] != 100:
        yield "steps", "a rollout ends with all the traffic; end the steps with 100%"
    if any(later <= earlier for earlier, later in pairwise(steps)) or (steps and steps[0] < 1):
        yield "steps", "each step must be above the one before, from 1% on; write e.g. [10%, 50%, 100%]"
