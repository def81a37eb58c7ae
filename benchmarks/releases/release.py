"""How many whole releases a second are simulated, on one core, beside taking every look one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import numpy as np

from benchmarks.harness.spec import Benchmark, Figure, Goal, Run
from shared.domain.releases.plan import ApprovalPlan, DeploymentPlan, JudgePlan, ReleasePlan
from shared.judge.evidence.streams import tolerances_of
from shared.simulate.engine import look_by_look, simulate
from shared.simulate.measurements import Change, Measured, measure
from shared.simulate.traffic import Traffic, constant

SEED = 20261120
RUNS, LONG_RUNS, ONE_BY_ONE = 2000, 20_000, 3
TRAFFIC = constant(1000)
# The defaults of a policy's rollout, 10 % then half then all.
PLAN = ReleasePlan(
    policy_digest="",
    evaluation=None,
    gates=(),
    approval=ApprovalPlan("never", (), 1, timedelta(hours=24), submitter_may_approve=False),
    steps=(10, 50, 100),
    bake=timedelta(minutes=15),
    decide_within=timedelta(hours=1),
    watch_for=timedelta(hours=2),
    judge=JudgePlan(0.01, 1.25, 0.01, "hold", timedelta(minutes=1)),
    deployment=DeploymentPlan(),
    holdback=5,
    on_undecided="ask",
)
CASES = {
    "same": Change("no difference: two bakes, then two hours of watching"),
    "slower": Change("latency +50 %: rolled back at the first step", latency=1.5),
    "undecided": Change("errors exactly at the tolerance: given up after an hour", errors=0.01),
}


def per_second(work: Callable[[], object], runs: int) -> float:
    """Return runs per second of this process's time, which other programs on the machine take no part in."""
    start = time.process_time()
    work()
    return runs / (time.process_time() - start)


def stages(change: Change, traffic: Traffic, random: np.random.Generator) -> Iterator[Measured]:
    """Yield one release's measurements, stage by stage: two bakes and the watch."""
    for number, (share, looks) in enumerate(((0.1, 60), (0.5, 60), (0.95, 120))):
        rates = tuple(np.full((1, looks), traffic.mean * part) for part in (share, 1 - share))
        tolerances = tolerances_of(PLAN.judge, looks, PLAN.budget(number == 0))
        yield measure(traffic, change, (rates[0], rates[1]), tolerances, random)


def measured(runs: int, run: Run) -> list[Figure]:
    measured = []
    simulate(PLAN, TRAFFIC, CASES["same"], 10, SEED)  # what is imported at first use is not part of the speed
    for name, change in CASES.items():
        run.progress(f"{runs:,} releases: {change.name}")
        speed = per_second(lambda change=change: simulate(PLAN, TRAFFIC, change, runs, SEED), runs)  # type: ignore[misc]
        goal = Goal(">=", 1000) if name == "same" else None
        measured.append(Figure(f"release.{name}_per_second", speed, "/s", f"{change.name}; per core", goal))
    random = np.random.default_rng(SEED)
    run.progress("a few releases, look by look")
    slow = per_second(
        lambda: [look_by_look(PLAN, stages(CASES["same"], TRAFFIC, random)) for _ in range(ONE_BY_ONE)], ONE_BY_ONE
    )
    measured.append(Figure("release.look_by_look_per_second", slow, "/s", "no difference, taking every single look"))
    measured.append(Figure("release.speedup", measured[0].value / slow, "x", "releases per second, against that"))
    return measured


def run(run: Run) -> list[Figure]:
    return measured(LONG_RUNS if run.is_long else RUNS, run)


SPEC = Benchmark("release", "simulated releases per second and core, by the release's own steps and judge", run)
