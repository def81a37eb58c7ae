"""Whether the traffic that a policy expects is enough for its rollout to decide anything."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.domain.releases.plan import stage_budget
from shared.policy.sections.quantities import Rate, duration_text
from shared.release.sections.judge import judge_plan
from shared.release.sections.probe import probes_that_decide, with_probes
from shared.release.sections.rollout_keys import RolloutKeys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.judge.evidence.streams import Tolerances
    from shared.judge.time_to_decide import Expected

# Longer than a policy can wait.
MOST_HOURS = 24 * 365
# Of few requests an hour many good versions take much longer than the one in the middle: what would be long enough for
# all of them is simulated (`vigia simulate`), and not named here.
MOST_HOURS_NAMED = 96


@dataclass(frozen=True, slots=True)
class Stage:
    """The first time in which both versions are compared, with enough of it to decide.

    Args:
        challenger, champion: shares of the requests, 0 to 1.
        within: how long it may take.
        what: it, in words, after the traffic.
        longer, larger: the keys with which it takes longer, and compares more.
    """

    challenger: float
    champion: float
    within: timedelta
    what: str
    longer: str
    larger: str


def traffic_problems(rollout: RolloutKeys) -> Iterator[tuple[str, str]]:
    """Yield that what is judged first cannot be decided in time, even of a version as good as the champion."""
    stage, traffic = _first(rollout), rollout.expected_traffic
    interval = rollout.judge.interval
    if stage is None or not timedelta(0) < interval or not 0 < rollout.judge.false_rollbacks < 100:
        return
    real = _expected(stage, traffic, interval)
    expected = with_probes(real, rollout.probe.per_interval) if rollout.probe else real
    hours = _hours_needed(rollout, stage, expected)
    if hours <= stage.within / timedelta(hours=1):
        return
    needs = f"needs about {_hours(hours)}" if hours < MOST_HOURS else "is never enough"
    longer = math.ceil(1.5 * hours) if hours < MOST_HOURS else MOST_HOURS
    remedy = f"{stage.longer}: {longer}h, " if longer <= MOST_HOURS_NAMED else ""
    at_most = judge_plan(rollout.judge, rollout.shortest_stage).errors_at_most
    enough = probes_that_decide(_tolerances(rollout, stage), real, stage.within / interval, at_most)
    what, probes = f"{stage.what} {traffic}", f"probe: {{sample: azureml:NAME@latest, per_interval: {enough}}}"
    if rollout.probe:
        what, probes = f"{rollout.probe.per_interval} probes an interval", f"per_interval: {enough}"
    yield (
        "probe.per_interval" if rollout.probe else "expected_traffic",
        f"{what} {needs} to decide; {_time_words(rollout, stage)}; write {remedy}{stage.larger} or a looser tolerance"
        + (f", or {probes}" if enough else ""),
    )


def _first(rollout: RolloutKeys) -> Stage | None:
    """Return what is judged first; None where that is checked elsewhere, or the steps make no sense."""
    if rollout.strategy in {"ab", "batch"} or not rollout.traffic:
        return None
    if rollout.moves_at_once:
        held = rollout.held_back / 100
        what = f"{100 - rollout.held_back} % and {rollout.held_back} % of" if held else "all of"
        # Where nothing is held back, the champion's requests of the time before are compared.
        return Stage(1 - held, held or 1.0, rollout.watch_for, what, "watch_for", "a larger holdback")
    first = rollout.traffic[0]
    if not 0 < first < 100:
        return None
    share = first / 100
    return Stage(share, 1 - share, rollout.deadline, f"{first} % of", "decide_within", "a larger first step")


def _expected(stage: Stage, traffic: Rate | None, interval: timedelta) -> Expected:
    from shared.judge.time_to_decide import Expected

    requests = traffic.count * (interval / traffic.per) if traffic else 0.0
    return Expected(requests * stage.challenger, requests * stage.champion)


def _tolerances(rollout: RolloutKeys, stage: Stage) -> Tolerances:
    from shared.judge.evidence.streams import tolerances_of

    plan, looks = (
        judge_plan(rollout.judge, rollout.shortest_stage),
        max(1, round(stage.within / rollout.judge.interval)),
    )
    return tolerances_of(plan, looks, stage_budget(rollout.stages, is_first=True))


def _hours_needed(rollout: RolloutKeys, stage: Stage, expected: Expected) -> float:
    from shared.judge.time_to_decide import intervals_to_pass

    at_most = judge_plan(rollout.judge, rollout.shortest_stage).errors_at_most
    needed = intervals_to_pass(_tolerances(rollout, stage), expected, at_most)
    return needed * (rollout.judge.interval / timedelta(hours=1))


def _time_words(rollout: RolloutKeys, stage: Stage) -> str:
    if rollout.moves_at_once:
        return f"the watch ends after {duration_text(stage.within)}"
    return f"the step bakes {duration_text(rollout.bake)} and is given up after {duration_text(stage.within)}"


def _hours(hours: float) -> str:
    return f"{60 * hours:.0f} min" if hours < 2 else f"{hours:.0f} h"
