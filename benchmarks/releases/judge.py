"""How often the canary judgement is wrong, how soon it is right, and what a look costs, beside repeated p < .05."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import inf, log, nan, sqrt
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.harness.spec import Benchmark, Figure, Goal, Run
from benchmarks.harness.timing import seconds
from benchmarks.releases.judged_releases import DELAY, release_at_first_step
from benchmarks.rivals.releases import CHALLENGER, CHAMPION, MINUTE, START, RecordedTelemetry
from benchmarks.rivals.rules import naive
from benchmarks.rivals.streams import Streams
from shared.domain.ids import DeploymentName
from shared.domain.releases.measurement import Interval
from shared.domain.releases.plan import JudgePlan
from shared.domain.releases.verdict import Verdict
from shared.engine.releases.judge import judged
from shared.judge.canary import counts
from shared.judge.evidence.latency import differences
from shared.judge.evidence.paired_intervals import Pair
from shared.judge.evidence.streams import tolerances_of
from shared.metrics.bounds import share_at_most
from shared.simulate.measurements import Measured, look

if TYPE_CHECKING:
    import numpy as np

SEED = 20261120
MINUTES = 60
# +20 % latency and 5 % errors are beyond these; the app's own default for latency is 1.25.
JUDGE = JudgePlan(0.01, 1.10, 0.01, "hold", MINUTE, latency_warm_up=10 * MINUTE)
RELEASE = release_at_first_step(JUDGE, MINUTES)
TOLERANCES = tolerances_of(JUDGE, MINUTES, RELEASE.budget)
RUNS, LONG_RUNS = 150, 1000
TIMED_LOOKS = 60


@dataclass(frozen=True, slots=True)
class World:
    """A canary with about 100 requests a minute beside a champion with 900, of which 0.2 % fail.

    Args:
        latency_ratio: of the canary to the champion.
        more_errors: share of its requests, 0 to 1, that fail beyond the champion's share.
        arm_noise: standard deviation of what disturbs one deployment's mean log latency for a minute.
    """

    latency_ratio: float = 1.0
    more_errors: float = 0.0
    arm_noise: float = 0.03

    def pairs(self, random: np.random.Generator) -> list[Pair]:
        return [self._pair(random, minute) for minute in range(MINUTES)]

    def _pair(self, random: np.random.Generator, minute: int) -> Pair:
        start, shared_load = START + minute * MINUTE, float(random.normal(0, 0.1))

        def interval(name: DeploymentName, rate: int, share: float, slowdown: float) -> Interval:
            requests = max(1, int(random.poisson(rate)))
            noise = float(random.normal(0, sqrt(0.25 / requests + self.arm_noise**2)))
            failed = int(random.binomial(requests, share))
            latency = 4.5 + shared_load + slowdown + noise
            return Interval(name, start, requests, failed, latency, served=requests - failed)

        canary = interval(CHALLENGER, 100, 0.002 + self.more_errors, log(self.latency_ratio))
        return Pair(canary, interval(CHAMPION, 900, 0.002, 0.0))


def ours(pairs: Sequence[Pair]) -> bool:
    """Return whether the app fails the canary once these have arrived, and no later ones."""
    now = pairs[-1].challenger.start + MINUTE + DELAY
    recorded = [interval for pair in pairs for interval in (pair.challenger, pair.champion)]
    telemetry = RecordedTelemetry(recorded, now, DELAY)
    judgement = judged(telemetry, None, RELEASE, START, timedelta(0), now)
    return judgement is not None and judgement.verdict is Verdict.FAIL


def our_minute(pairs: Sequence[Pair]) -> float:
    """Return the minute in which `ours` first fails it, called where the evidence of all looks at once does."""
    import numpy as np

    measured = Measured(counts(pairs), np.array([differences(pairs)]))
    fails = look(measured, TOLERANCES, JUDGE.errors_at_most).verdicts[0] < 0
    return next((float(minute) for minute in map(int, np.flatnonzero(fails) + 1) if ours(pairs[:minute])), inf)


def naive_minute(pairs: Sequence[Pair]) -> float:
    """Return the minute in which a z-test or a t-test first fails the canary, as if each look were the only one."""
    import numpy as np

    latencies = [[getattr(pair, arm).mean_log_latency for pair in pairs] for arm in ("challenger", "champion")]
    requests_c, errors_c, requests_b, errors_b = np.moveaxis(counts(pairs), 2, 0)
    return float(naive(Streams(requests_c, errors_c, requests_b, errors_b, *np.array(latencies)[:, None]))[0])


@dataclass(frozen=True, slots=True)
class FirstFailures:
    """Minutes of the first failure, one per run; infinite where the canary was never failed."""

    ours: tuple[float, ...]
    naive: tuple[float, ...]


def simulate(world: World, runs: int) -> FirstFailures:
    """Return when each rule failed it, on the same streams, the same ones every time."""
    import numpy as np

    random, failures = np.random.default_rng(SEED), []
    for _ in range(runs):
        stream = world.pairs(random)
        failures.append((our_minute(stream), naive_minute(stream)))
    return FirstFailures(tuple(mine for mine, _ in failures), tuple(other for _, other in failures))


def look_microseconds(looks: int = TIMED_LOOKS) -> float:
    """Return the median time of one look at an hour of intervals."""
    import numpy as np

    pairs = World().pairs(np.random.default_rng(SEED))
    return median(seconds(lambda: ours(pairs)) for _ in range(looks)) * 1e6


def measure(runs: int, run: Run) -> list[Figure]:
    cases = {
        "same": World(),
        "at_tolerance": World(latency_ratio=TOLERANCES.latency or 1, more_errors=TOLERANCES.errors or 0),
        "slower": World(latency_ratio=1.2),
        "failing": World(more_errors=0.05),
    }
    failures = {}
    for name, world in cases.items():
        run.progress(f"{runs} simulated hours: {name}")
        failures[name] = simulate(world, runs)
    return figures(look_microseconds(), failures)


def figures(look: float, by_case: dict[str, FirstFailures]) -> list[Figure]:
    same, edge = by_case["same"], by_case["at_tolerance"]
    false, naive_false, at_edge = _percent(same.ours), _percent(same.naive), _percent(edge.ours)
    hours = f"{len(same.ours):,} hours with a look every minute"
    shown = [
        Figure("judge.look_us", look, "µs", f"one look at {MINUTES} intervals"),
        Figure("judge.false_rollbacks", false, "%", f"false FAIL without any difference, {hours}", Goal("<=", 1)),
        Figure(
            "judge.false_rollbacks_at_most", _at_most(same.ours), "%", "upper 95 % bound of that, from so few hours"
        ),
        Figure(
            "judge.false_rollbacks_at_tolerance", at_edge, "%", "false FAIL exactly at both tolerances", Goal("<=", 1)
        ),
        Figure(
            "judge.naive_false_rollbacks", naive_false, "%", "rolled back without any difference by z or t, p < .05"
        ),
        Figure(
            "judge.false_rollback_ratio",
            false / naive_false if naive_false else nan,
            "x",
            "false rollbacks, ours / naive",
        ),
    ]
    for name, what in (("slower", "20 % more latency"), ("failing", "5 % more errors")):
        failures = by_case[name]
        shown += [
            Figure(f"judge.{name}_detected", _percent(failures.ours), "%", f"hours with {what} that were failed"),
            Figure(f"judge.{name}_minute", median(failures.ours), "min", f"{what}: failed at, median"),
            Figure(f"judge.naive_{name}_minute", median(failures.naive), "min", f"{what}: naive rule, median"),
        ]
    return shown


def _at_most(minutes: Sequence[float]) -> float:
    """Return the one-sided 95 % bound, in percent, of the share of failures."""
    return 100 * share_at_most(sum(minute < inf for minute in minutes), len(minutes), 0.05)


def _percent(minutes: Sequence[float]) -> float:
    return 100 * sum(minute < inf for minute in minutes) / len(minutes)


def run(run: Run) -> list[Figure]:
    return measure(LONG_RUNS if run.is_long else RUNS, run)


SPEC = Benchmark("judge", "errors, speed and cost of the canary judgement, beside p < .05 at every look", run)
