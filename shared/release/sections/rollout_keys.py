"""The keys of the policy's section `rollout`, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from shared.domain.releases.plan import LoadPlan
from shared.policy.sections.quantities import AssetRef, Duration, Percent, Rate, duration_text, parse_percent
from shared.policy.sections.section import Section
from shared.release.sections.batch import DECIDE_WITHIN, Batch
from shared.release.sections.judge import Judge
from shared.release.sections.labels import OutcomeSection
from shared.release.sections.probe import Probe
from shared.release.states.ab_test import SETTLE_WITHIN
from shared.release.states.smoke_test import ERROR

IN_STEPS = ("canary", "shadow")
HOLDBACK, QUIET_HOLDBACK = 5, 10
# Requests per minute below which the smaller share compares too few.
QUIET_BELOW = 200.0


def holdback_for(traffic: Rate | None) -> int:
    """Return the percent that the champion keeps while the new version is watched, where the policy names none."""
    is_quiet = traffic is not None and traffic.count / (traffic.per / timedelta(minutes=1)) < QUIET_BELOW
    return QUIET_HOLDBACK if is_quiet else HOLDBACK


def _whole_percent(value: object, info: ValidationInfo) -> int:
    # Files are read in JSON mode; code that builds a section itself gives the number.
    if info.mode == "python" and isinstance(value, int):
        return value
    percent = parse_percent(value)
    # Azure ML takes whole percents only.
    if percent != int(percent):
        raise ValueError(f"traffic is split in whole percents; write {round(percent)}%")
    return int(percent)


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


class Package(Section):
    """The form that is released: only versions that others were converted to."""

    form: Literal["onnx"]


class LoadLatency(Section):
    """The longest that one quantile of a load's answers may take."""

    quantile: float = Field(default=0.95, gt=0, lt=1)
    at_most: Duration


class ExpectedAnswers(Section):
    """The column of the recorded requests that holds their right answers, and how far numbers may be from it."""

    like: str = Field(min_length=1)
    tolerance: float = Field(default=0.0, ge=0)


class SmokeTest(Section):
    """What the new version must answer, before it gets traffic: one request, and then a load of recorded ones."""

    request: str = Field(default="", min_length=1)
    answers_within: Duration | None = None
    requests: AssetRef | None = None
    lasts: Duration = Field(default=timedelta(minutes=2), alias="for")
    rate: Rate = Rate(5, timedelta(seconds=1))
    errors_at_most: Percent = 1.0
    latency: LoadLatency | None = None
    answers: ExpectedAnswers | None = None

    @property
    def load(self) -> LoadPlan | None:
        if self.requests is None:
            return None
        return LoadPlan(
            sample=self.requests,
            requests=int(self.rate.count * (self.lasts / self.rate.per)),
            per_second=self.rate.count / self.rate.per.total_seconds(),
            errors_at_most=self.errors_at_most / 100,
            slow_after=self.latency.at_most if self.latency else None,
            slow_at_most=1 - self.latency.quantile if self.latency else 0.0,
            expected=self.answers.like if self.answers else "",
            tolerance=self.answers.tolerance if self.answers else 0.0,
        )


def smoke_problems(test: SmokeTest) -> Iterator[tuple[str, str]]:
    if test.answers_within is not None and test.answers_within <= timedelta(0):
        yield "smoke_test.answers_within", "nothing answers in no time; write e.g. 2s"
    load = test.load
    if load is None:
        if not test.request or test.model_fields_set - {"request", "answers_within"}:
            yield "smoke_test", "has no requests; write request: BODY, or for a load requests: azureml:NAME@latest"
        return
    if load.per_second > MOST_PER_SECOND or test.lasts > LONGEST_LOAD:
        most = f"{MOST_PER_SECOND} per second for {duration_text(LONGEST_LOAD)}"
        yield "smoke_test.rate", f"no release waits for more than {most}; write rate: 5 per second, for: 2m"
    shares = [load.errors_at_most, *([load.slow_at_most] if load.slow_after else [])]
    if not all(0 < share < 1 for share in shares):
        yield "smoke_test.errors_at_most", "no load proves that none or all fail; write e.g. 1%"
    elif load.requests < (fewest := max(math.ceil(math.log(ERROR) / math.log1p(-share)) for share in shares)):
        longer = f"{math.ceil(fewest / load.per_second)}s"
        yield "smoke_test.for", f"{load.requests:,} requests prove no share so small; write {longer} or more"


# A deployment must be up and tested within two hours.
MOST_PER_SECOND, LONGEST_LOAD = 50, timedelta(minutes=30)
KEEP_FOR = timedelta(hours=24)


class Keep(Section):
    """What becomes of deployments that serve nobody any more.

    With `champion_for`, that goes for the champion that was replaced, too; without it, that one stays as it is, at its
    full cost, until the next release has ended, and the others stay for `KEEP_FOR`.
    """

    champion_for: Duration | None = None
    then: Literal["delete", "scale-down", "keep"] = "delete"


class RolloutKeys(Section):
    """The keys of `rollout` and what follows from them; `Rollout` adds the checks."""

    strategy: Literal["canary", "blue-green", "shadow", "all-at-once", "ab", "batch"] = "canary"
    steps: tuple[WholePercent, ...] = (10, 50, 100)
    mirror: WholePercent = 50
    split: WholePercent = 50
    hold_for: Duration = timedelta(days=7)
    on_inconclusive: Literal["keep-champion", "extend"] = "keep-champion"
    outcome: OutcomeSection | None = None
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
    package: Package | None = None

    @property
    def traffic(self) -> tuple[int, ...]:
        if self.strategy == "ab":
            return self.split, 100
        return self.steps if self.strategy in IN_STEPS else (100,)

    @property
    def stages(self) -> int:
        """Return how often a release is judged from the start: in its shadow, at each step, and while it is watched."""
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
    def held_until(self) -> timedelta:
        """Return how long an A/B test holds its split at most."""
        if self.on_inconclusive != "extend":
            return self.hold_for
        return self.decide_within if self.decide_within is not None else 2 * self.hold_for

    @property
    def shortest_stage(self) -> timedelta:
        """Return the least time in which a release is judged: at a step, or while it is watched."""
        return self.watch_for if self.moves_at_once else min(self.held, self.watch_for)

    @property
    def deadline(self) -> timedelta:
        """Return how long a step may take to be decided."""
        if self.strategy == "ab":
            return self.held_until + SETTLE_WITHIN
        if self.strategy == "batch":
            return self.decide_within if self.decide_within is not None else DECIDE_WITHIN
        return self.decide_within if self.decide_within is not None else 4 * self.bake
