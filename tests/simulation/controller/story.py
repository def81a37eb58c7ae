"""What happens in a run: releases, people, hands in the portal, outages, and damaged records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Literal

from shared.domain.ids import ModelName
from shared.domain.release_plan import ApprovalPlan, EvaluationPlan, JudgePlan, KeepPlan, ReleasePlan
from tests.fakes.releases import a_plan

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

    after: timedelta
    what: str
    model: ModelName
    version: str = "2"
    who: str = "ben@example.com"


@dataclass(frozen=True, slots=True)
class Gap:
    """An area that cannot be read for a while."""

    area: str
    after: timedelta
    length: timedelta
    status: str


@dataclass(frozen=True, slots=True)
class Damage:
    """A record that is damaged so long after the start; `how` is "body" or "metadata"."""

    after: timedelta
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


@dataclass(frozen=True, slots=True)
class Shape:
    """How much of what a theme's stories have.

    Args:
        clicks: kinds of clicks to choose from, and how many moments at which somebody clicks.
        at_once: how many click at each moment.
        gaps: (area, status) to choose from.
        damages: (blob, how) to choose from.
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
        clicks += [_answer(random, each) for each in openings for _ in range(random.choice((2, 3, 4)))]
    gaps = [_gap(random, *random.choice(shape.gaps))] if shape.gaps else []
    damages = [Damage(random.random() * COURSE * MINUTE, *random.choice(shape.damages))] if shape.damages else []
    return Story(
        plan=plan,
        models=models,
        has_champion=random.random() < 0.9,
        openings=tuple(sorted(openings, key=lambda each: each.after)),
        clicks=tuple(sorted(clicks, key=lambda each: each.after)),
        gaps=tuple(gaps),
        damages=tuple(damages),
        error_share={"v-2": 0.3} if random.random() < shape.is_bad else {},
        outcomes={"v-2": "Failed"} if random.random() < 0.05 else {},
        traffic_takes=random.choice((timedelta(0), timedelta(seconds=40))),
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
    evaluation = EvaluationPlan("azureml:evaluate@latest", "azureml:labelled@latest") if random.random() < 0.3 else None
    return replace(
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


def _click(random: Random, shape: Shape, after: timedelta) -> Click:
    return Click(after, random.choice(shape.clicks), MODELS[0], "2", random.choice(APPROVERS))


def _answer(random: Random, opening: Click) -> Click:
    later = opening.after + (1 + random.random() * 8) * MINUTE
    what = "reject" if random.random() < 0.1 else "approve"
    return Click(
        later, what, opening.model, opening.version, random.choice(("ben@example.com", *APPROVERS, "eve@example.com"))
    )


def _gap(random: Random, area: str, status: str) -> Gap:
    # Early enough to meet a release in whatever it does.
    after = random.random() * COURSE / 3 * MINUTE
    return Gap(area, after, random.choice((3 * MINUTE, 70 * MINUTE, 70 * MINUTE, 4 * HOUR)), status)
