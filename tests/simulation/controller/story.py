"""What happens in a run: releases, people, hands in the portal, outages, and damaged records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Literal

from shared.domain.ids import ModelName
from shared.domain.releases.batch import BatchPlan, BatchResources, BatchTolerances
from shared.domain.releases.outcome import AbPlan, LabelSource
from shared.domain.releases.plan import ApprovalPlan, EvaluationPlan, GatePlan, JudgePlan, KeepPlan, ReleasePlan
from tests.fakes.releases import a_plan
from tests.simulation.controller.evidence import Truth

MODELS = (ModelName("churn"), ModelName("fraud"))
VERSIONS = ("1", "2", "3", "4")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
APPROVERS = ("ben@example.com", "cleo@example.com", "ana@example.com")
SUBMITTER = "ana@example.com"


@dataclass(frozen=True, slots=True)
class Click:
    """What a person does, so long after the start: on a release of Vigia, or in the portal.

    Args:
        what: open, abort, hold, resume, promote, approve, reject, undo, retry; or in the portal: split, scale up,
            delete, break, break champion.
    """

    delay: timedelta
    what: str
    model: ModelName
    version: str = "2"
    who: str = "ben@example.com"


@dataclass(frozen=True, slots=True)
class Gap:
    """An area that cannot be read for a while."""

    area: str
    delay: timedelta
    length: timedelta
    status: str


@dataclass(frozen=True, slots=True)
class Damage:
    """A record that is damaged so long after the start; `how` is "body" or "metadata"."""

    delay: timedelta
    blob: str
    how: str


@dataclass(frozen=True, slots=True)
class Story:
    plan: ReleasePlan
    models: tuple[ModelName, ...] = MODELS[:1]
    has_champion: bool = True
    openings: tuple[Click, ...] = ()
    clicks: tuple[Click, ...] = ()
    gaps: tuple[Gap, ...] = ()
    damages: tuple[Damage, ...] = ()
    error_share: Mapping[str, float] = field(default_factory=dict)
    outcomes: Mapping[str, str] = field(default_factory=dict)
    traffic_takes: timedelta = timedelta(0)
    truth: Truth = field(default_factory=Truth)


@dataclass(frozen=True, slots=True)
class Shape:
    """How much of what a theme's stories have.

    Args:
        clicks: kinds of clicks to choose from, and how many moments at which somebody clicks.
        at_once: how many click at each moment.
        gaps: (area, status) to choose from.
        damages: (blob, how) to choose from.
        kind: what is released: step by step, by an A/B test, on a batch endpoint, or past gates that want evidence.
    """

    clicks: tuple[str, ...] = ()
    moments: int = 0
    at_once: int = 1
    gaps: tuple[tuple[str, str], ...] = ()
    damages: tuple[tuple[str, str], ...] = ()
    is_bad: float = 0.2
    approval: float = 0.5
    second_release: float = 0.3
    other_model: bool = False
    hand_edit: tuple[Literal["hold", "repair"], ...] = ("hold", "repair")
    kind: Literal["steps", "ab", "batch", "evidence"] = "steps"


# Within so many minutes a release that nothing stops is through.
COURSE = 40


def story(random: Random, shape: Shape) -> Story:
    models = MODELS if shape.other_model else MODELS[:1]
    openings = [Click(timedelta(seconds=random.random() * 30), "open", model) for model in models]
    if random.random() < shape.second_release:
        openings.append(Click(random.random() * COURSE * MINUTE, "open", MODELS[0], "3"))
    moments = [random.random() * COURSE / 2 * MINUTE for _ in range(shape.moments)]
    clicks = [_click(random, shape, moment) for moment in moments for _ in range(shape.at_once)]
    if shape.at_once > 1:
        clicks = [*(Click(moment, "abort", MODELS[0]) for moment in moments), *clicks]
    plan = _plan(random, shape)
    if plan.approval.when == "always":
        clicks += [_answer(random, opening) for opening in openings for _ in range(random.choice((2, 3, 4)))]
    gaps = [_gap(random, *random.choice(shape.gaps))] if shape.gaps else []
    damages = [Damage(random.random() * COURSE * MINUTE, *random.choice(shape.damages))] if shape.damages else []
    return Story(
        plan=plan,
        models=models,
        has_champion=random.random() < 0.9,
        openings=tuple(sorted(openings, key=lambda opening: opening.delay)),
        clicks=tuple(sorted(clicks, key=lambda click: click.delay)),
        gaps=tuple(gaps),
        damages=tuple(damages),
        error_share={"v-2": 0.3} if random.random() < shape.is_bad else {},
        outcomes={"v-2": "Failed"} if random.random() < 0.05 else {},
        traffic_takes=random.choice((timedelta(0), timedelta(seconds=40))),
        truth=_truth(random, shape),
    )


# Shares of right answers that prove something good, nothing, and something bad, each beside version 1's. Of batches the
# predictions are compared: a tenth of them may change.
_RIGHT = {
    "steps": (0.7, (0.7,)),
    "ab": (0.6, (0.95, 0.6, 0.2)),
    "batch": (0.8, (0.82, 0.82, 0.82, 0.88, 0.3)),
    "evidence": (0.7, (0.95, 0.7, 0.3)),
}


def _truth(random: Random, shape: Shape) -> Truth:
    if shape.kind == "steps":
        return Truth(evaluation="Failed" if random.random() < 0.05 else "Completed")
    first, others = _RIGHT[shape.kind]
    return Truth(
        right={"1": first, "2": random.choice(others), "3": random.choice(others)},
        job_takes=random.choice((1, 3, 6)) * MINUTE,
        evaluation="Failed" if random.random() < 0.05 else "Completed",
        scores_after=random.choice((timedelta(0), timedelta(0), 3 * MINUTE, None)),
        evaluated=random.choice((200, 200, 20)),
        cannot_score=frozenset({"v-2"} if random.random() < 0.1 else ()),
        fails_nightly=frozenset({"v-2"} if random.random() < shape.is_bad else ()),
        is_bad_input=random.random() < 0.1,
    )


def _plan(random: Random, shape: Shape) -> ReleasePlan:
    asks = random.random() < shape.approval
    approval = ApprovalPlan(
        when="always" if asks else "never",
        approvers=APPROVERS,
        quorum=random.choice((1, 1, 2)),
        expires=25 * MINUTE,
        submitter_may_approve=False,
    )
    is_evaluated = random.random() < 0.3 or shape.kind == "evidence"
    evaluation = EvaluationPlan("azureml:evaluate@latest", "azureml:labelled@latest") if is_evaluated else None
    plan = replace(
        a_plan(),
        evaluation=evaluation,
        gates=(),
        approval=approval,
        steps=random.choice(((10, 50, 100), (20, 100))),
        bake=2 * MINUTE,
        decide_within=10 * MINUTE,
        watch_for=4 * MINUTE,
        judge=JudgePlan(0.01, None, 0.01, random.choice(("hold", "hold", "abort")), MINUTE),
        holdback=random.choice((0, 5)),
        mirror=random.choice((0, 0, 0, 20)),
        on_hand_edit=random.choice(shape.hand_edit),
        on_undecided=random.choice(("ask", "roll-back", "finish")),
        on_new_version=random.choice(("queue", "replace", "refuse")),
        keep=random.choice((None, KeepPlan(HOUR, "delete"), KeepPlan(HOUR, "scale-down"))),
    )
    return _of_kind(random, shape, plan)


LABELS = LabelSource("azureml:labels@latest", "row_id", "label", within=MINUTE)
GATES = (
    GatePlan("metric", {"metric": "accuracy", "at_least": 0.5}),
    GatePlan("not_worse_than_champion", {"metric": "accuracy", "margin": 0.05}),
)


def _of_kind(random: Random, shape: Shape, plan: ReleasePlan) -> ReleasePlan:
    """Return the plan with what the policy of that kind has, and without what it cannot have."""
    if shape.kind == "evidence":
        return replace(plan, gates=random.choice((GATES, GATES[:1], GATES[1:])))
    if shape.kind == "ab":
        hold = random.choice((6, 8)) * MINUTE
        test = AbPlan("accuracy", LABELS, needed_gain=0.0, extend_until=random.choice((None, 2 * hold)))
        within = (test.extend_until or hold) + HOUR
        return replace(plan, strategy="ab", steps=(50, 100), bake=hold, decide_within=within, mirror=0, ab=test)
    if shape.kind == "batch":
        batch = BatchPlan("azureml:sample@latest", BatchResources("cpu-cluster"), BatchTolerances(changed_at_most=0.1))
        keep = random.choice((None, KeepPlan(HOUR, "delete")))
        within = 40 * MINUTE
        return replace(
            plan, strategy="batch", steps=(100,), batch=batch, mirror=0, holdback=0, keep=keep, decide_within=within
        )
    return plan


def _click(random: Random, shape: Shape, delay: timedelta) -> Click:
    return Click(delay, random.choice(shape.clicks), MODELS[0], "2", random.choice(APPROVERS))


def _answer(random: Random, opening: Click) -> Click:
    later = opening.delay + (1 + random.random() * 8) * MINUTE
    what = "reject" if random.random() < 0.1 else "approve"
    return Click(
        later, what, opening.model, opening.version, random.choice(("ben@example.com", *APPROVERS, "eve@example.com"))
    )


def _gap(random: Random, area: str, status: str) -> Gap:
    # Early enough to meet a release in whatever it does.
    delay = random.random() * COURSE / 3 * MINUTE
    return Gap(area, delay, random.choice((3 * MINUTE, 70 * MINUTE, 70 * MINUTE, 4 * HOUR)), status)
