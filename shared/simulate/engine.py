"""Many releases under one plan, each from its first traffic to its end.

Between two looks at which nothing is decided a release only waits. So the verdicts of all looks of a step are found
for all releases at once, and each release takes its own steps at the look that decides: the first failure, the first
pass after the bake, or the deadline. `look_by_look` takes every look instead; a test holds the two to the same story.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from shared.domain.releases.plan import ReleasePlan
from shared.domain.releases.release import ReleaseState
from shared.judge.evidence.streams import Tolerances, tolerances_of
from shared.simulate.endpoint import (
    CHAMPION,
    DOUBTED,
    FAILS,
    JUDGEMENTS,
    NOTHING,
    PASSES,
    PROVEN,
    START,
    VirtualEndpoint,
    begun,
)
from shared.simulate.measurements import Change, Looks, Measured, look, measure, without_scores
from shared.simulate.traffic import MINUTES_PER_DAY, Traffic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

MINUTE = timedelta(minutes=1)
# So many releases at a time: their numbers stay in the processor's cache.
BATCH = 100


@dataclass(frozen=True, slots=True)
class Ended:
    """How one release ended.

    Args:
        state: finished, rolled_back or aborted; watching when a person is asked.
        minutes: from the first traffic to the end.
        promoted_after: minutes from the first traffic until it had all of it; None when it never had.
        requests: that the challenger answered until then, or until the watch was over.
    """

    state: ReleaseState
    minutes: float
    promoted_after: float | None
    requests: float


@dataclass(slots=True)
class _Running:
    """One release under way; `at` is minutes since its first traffic, `shares` when the champion's share began."""

    endpoint: VirtualEndpoint
    born: float
    at: float
    requests: float
    promoted_after: float | None
    shares: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Stage:
    """What one wait for measurements is like.

    Args:
        first_pass: the look from which on a pass counts.
        is_first: it is the first time that the versions are compared.
        is_beside: both versions serve at the same time, so that load cancels, and a failure goes back.
    """

    looks: int
    first_pass: int
    is_watch: bool
    is_beside: bool
    is_first: bool = False


def simulate(plan: ReleasePlan, traffic: Traffic, change: Change, runs: int, seed: int) -> list[Ended]:
    """Return how that many releases end; the same ones for the same seed."""
    random = np.random.default_rng(seed)
    first = begun(plan)
    steps = _Steps()
    ended: list[Ended] = []
    for size in [BATCH] * (runs // BATCH) + [runs % BATCH]:
        running = [_begin(first, float(born)) for born in random.uniform(0, MINUTES_PER_DAY, size)]
        while running:
            stage = _stage(plan, running[0])
            _advance(plan, traffic, change, running, stage, random, steps)
            ended += [_ended(run) for run in running if run.endpoint.is_over]
            running = [run for run in running if not run.endpoint.is_over]
    return ended


class _Steps:
    """The steps taken so far: they are pure, so that the same release after the same time and judgement goes the same
    way, and is not asked again."""

    def __init__(self) -> None:
        self._decided: dict[tuple[int, float, int], tuple[VirtualEndpoint, VirtualEndpoint]] = {}

    def decided(self, endpoint: VirtualEndpoint, minutes: float, verdict: int) -> VirtualEndpoint:
        key = id(endpoint), minutes, verdict
        if key not in self._decided:
            # The endpoint is kept with the answer, so that its id stays its own.
            self._decided[key] = endpoint, endpoint.decided(START + minutes * MINUTE, JUDGEMENTS[verdict])
        return self._decided[key][1]


def _begin(first: VirtualEndpoint, born: float) -> _Running:
    running = _Running(first, born, 0.0, 0.0, None, [])
    _note(running)
    return running


def _stage(plan: ReleasePlan, running: _Running) -> _Stage:
    """Return the wait that all running releases are in: they go through the same steps, one after another."""
    interval = plan.judge.interval
    if running.endpoint.release.state is ReleaseState.WATCHING:
        looks = max(1, -(-plan.watch_for // interval))
        return _Stage(looks, looks + 1, is_watch=True, is_beside=running.endpoint.release.holdback > 0)
    looks = max(1, -(-plan.decide_within // interval))
    first_pass = min(max(1, -(-plan.bake // interval)), looks)
    is_first = running.endpoint.release.step_index == 0 and not plan.mirror
    return _Stage(looks, first_pass, is_watch=False, is_beside=True, is_first=is_first)


def _advance(
    plan: ReleasePlan,
    traffic: Traffic,
    change: Change,
    running: list[_Running],
    stage: _Stage,
    random: np.random.Generator,
    steps: _Steps,
) -> None:
    """Bring each release to its next decision."""
    width = plan.judge.interval / MINUTE
    tolerances = _tolerances(plan, stage)
    rates = _rates(traffic, running, stage, width)
    sent, is_beside = _probed(plan, rates, stage)
    measured = measure(traffic, change, sent, tolerances, random, shares_load=is_beside)
    decided = np.full(len(running), -1)
    says = np.zeros(len(running), dtype=np.int8)
    # Most are decided when the bake is over: only the rest is looked at to the end.
    for until in sorted({stage.first_pass, stage.looks}) if not stage.is_watch else [stage.looks]:
        open_runs = np.flatnonzero(decided < 0)
        part = Measured(measured.counts[open_runs, :until], measured.differences[open_runs, :until])
        looks = look(part, tolerances, plan.judge.errors_at_most)
        goes_back = stage.is_beside or plan.probe is not None
        at = _deciding(looks, stage, goes_back, plan.judge.on_no_data == "abort")
        at = np.where((at >= until) & (until == stage.looks), stage.looks - 1, at)
        is_decided = at < until
        decided[open_runs[is_decided]] = at[is_decided]
        says[open_runs[is_decided]] = _says(looks, stage)[is_decided, at[is_decided]]
    # Probes are nobody's requests.
    served = np.cumsum(measured.requests if plan.probe is None else rates[0], axis=1)
    for place, run in enumerate(running):
        run.at += (int(decided[place]) + 1) * width
        run.requests += float(served[place, decided[place]])
        run.endpoint = steps.decided(run.endpoint, run.at, int(says[place]))
        _note(run)


def _tolerances(plan: ReleasePlan, stage: _Stage) -> Tolerances:
    horizon = max(1, round((plan.watch_for if stage.is_watch else plan.decide_within) / plan.judge.interval))
    return without_scores(tolerances_of(plan.judge, horizon, plan.budget(stage.is_first)))


def _says(looks: Looks, stage: _Stage) -> NDArray[np.int8]:
    """Return which judgement each look comes to. What the version's own errors say counts at the end of the watch."""
    says = np.where(looks.has_data, looks.verdicts, NOTHING).astype(np.int8)
    if not stage.is_watch:
        return says
    is_open = (says != FAILS) & (says != PASSES)
    says[is_open & looks.is_proven] = PROVEN
    says[is_open & looks.is_doubted] = DOUBTED
    return says


def _deciding(looks: Looks, stage: _Stage, goes_back: bool, gives_up: bool) -> NDArray[np.intp]:
    """Return the first look of each release at which it moves; the number of looks where it does not.

    Args:
        goes_back: whether a failure does; else it holds, and people decide when the time is over.
        gives_up: whether it does where nothing was measured.
    """
    count = looks.verdicts.shape[1]
    moves = (looks.verdicts < 0) & goes_back
    if not stage.is_watch:
        is_baked = np.arange(count) >= stage.first_pass - 1
        moves |= is_baked & (looks.verdicts > 0)
        if gives_up:
            moves |= is_baked & ~looks.has_data
    return np.asarray(np.where(moves.any(axis=1), moves.argmax(axis=1), count))


def _rates(traffic: Traffic, running: list[_Running], stage: _Stage, width: float) -> tuple[Numbers, Numbers]:
    """Return the mean requests per interval of challenger and champion, per release and interval."""
    offsets = np.arange(stage.looks) * width
    since = np.array([run.at for run in running])[:, None] + offsets
    born = np.array([run.born for run in running])[:, None]
    challenger = np.array([run.endpoint.traffic.get(run.endpoint.release.challenger.deployment, 0) for run in running])
    requests = traffic.per_minute(born + since) * width
    if stage.is_beside:
        return requests * challenger[:, None] / 100, requests * (100 - challenger[:, None]) / 100
    # The champion's traffic of as long ago as the watch is long is compared.
    earlier = since - stage.looks * width
    share = np.ones(earlier.shape)
    for place, run in enumerate(running):
        for at, champion in run.shares:
            share[place] = np.where(earlier[place] >= at, champion, share[place])
    return requests * challenger[:, None] / 100, traffic.per_minute(born + earlier) * width * share


def _probed(plan: ReleasePlan, rates: tuple[Numbers, Numbers], stage: _Stage) -> tuple[tuple[Numbers, Numbers], bool]:
    """Return the rates with probes, and whether both versions are measured at the same time."""
    if plan.probe is None:
        return rates, stage.is_beside
    fewest = float(plan.probe.per_interval)
    # With nothing held back the champion is measured beside the challenger only if probes are sent to both.
    is_beside = stage.is_beside or bool((rates[0] < fewest).any())
    champion = np.full(rates[1].shape, fewest) if is_beside and not stage.is_beside else np.maximum(rates[1], fewest)
    return (np.maximum(rates[0], fewest), champion), is_beside


def _note(running: _Running) -> None:
    """Remember what the last steps did to the traffic."""
    share = running.endpoint.traffic.get(CHAMPION.deployment, 0) / 100
    running.shares.append((running.at, share))
    if running.promoted_after is None and running.endpoint.release.state is ReleaseState.WATCHING:
        running.promoted_after = running.at


def _ended(running: _Running) -> Ended:
    return Ended(running.endpoint.release.state, running.at, running.promoted_after, running.requests)


def look_by_look(plan: ReleasePlan, measured: Iterator[Measured]) -> Ended:
    """Return how one release ends, taking every look.

    Args:
        measured: the measurements of each stage in turn, of one release.
    """
    running = _begin(begun(plan), 0.0)
    width = plan.judge.interval / MINUTE
    while not running.endpoint.is_over:
        stage, stage_measured = _stage(plan, running), next(measured)
        previous = (running.endpoint.release.state, running.endpoint.release.step_index)
        tolerances = _tolerances(plan, stage)
        for count in range(1, stage.looks + 1):
            so_far = Measured(stage_measured.counts[:, :count], stage_measured.differences[:, :count])
            looks = look(so_far, tolerances, plan.judge.errors_at_most)
            verdict = JUDGEMENTS[int(_says(looks, stage)[0, -1])]
            running.at += width
            running.requests += float(stage_measured.requests[0, count - 1])
            running.endpoint = running.endpoint.decided(START + running.at * MINUTE, verdict)
            release = running.endpoint.release
            if (release.state, release.step_index) != previous or running.endpoint.is_over:
                break
        _note(running)
    return _ended(running)
