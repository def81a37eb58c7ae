"""How often each rule rolls a good canary back, and how soon a bad one, on the same simulated hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.harness.spec import Benchmark, Figure, Goal, Run
from benchmarks.releases.judged_releases import RULES, agreement, rolled_back
from benchmarks.releases.judged_scores import MODELS, Model, false_shifts
from benchmarks.rivals import rules
from benchmarks.rivals.releases import DAYS, Day
from benchmarks.rivals.streams import MINUTES, Streams, World, simulate
from shared.domain.releases.plan import FIRST_BUDGET
from shared.judge.evidence.streams import Tolerances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

SEED = 20261120
# The rivals know no tolerance, so on their streams we have none either. The hour is the first stage of a release.
STRICT = Tolerances(
    errors=0.0, latency=1.0, false_rollbacks=0.01, horizon=MINUTES, budget=FIRST_BUDGET, warm_up=timedelta(minutes=10)
)
TOLERANT = replace(STRICT, errors=0.01, latency=1.25)
TIGHT, QUIET = replace(STRICT, errors=0.005, latency=1.10), (60.0, 540.0)
# Steps of predictions are quickly simulated.
STEPS_PER_RELEASE = 2
RIVALS: Mapping[str, tuple[str, rules.Rule]] = {
    "argo": ("Argo, failureLimit 3", rules.argo),
    "cloudwatch": ("alarm 3 of 3", rules.cloudwatch),
    "kayenta_once": ("Kayenta at 60 min", rules.kayenta_once),
    "kayenta": ("Kayenta each minute", rules.kayenta),
    "naive": ("p < .05", rules.naive),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of hour, in words, what the canary is like in it, and within how many minutes it is to be found.

    Latency waits for a warm-up of ten minutes and for fifteen slow minutes of twenty.
    """

    what: str
    world: World
    tolerances: Tolerances = STRICT
    within: float = 0.0


SAME: Mapping[str, Case] = {
    "same": Case("no difference", World()),
    "diurnal": Case("no difference, traffic rises and falls tenfold", World(is_diurnal=True)),
    "bursty": Case("no difference, traffic in bursts, heavy-tailed load", World(is_bursty=True)),
    "arm_noise": Case("no difference, 6 % noise of each version", World(arm_noise=0.06)),
    "rare_errors": Case("no difference, 0.02 % errors", World(errors=0.0002)),
    "at_tolerance": Case(
        "exactly at the policy's defaults: +1 % errors, 1.25 times the latency",
        World(latency=1.25, canary_errors=0.015, arm_noise=0.06),
        TOLERANT,
    ),
}
WORSE: Mapping[str, Case] = {
    "latency_10": Case("latency +10 %", World(latency=1.10), within=30),
    "latency_20": Case("latency +20 %", World(latency=1.20), within=30),
    "errors_1": Case("errors 1 % (champion 0.5 %)", World(canary_errors=0.01), within=61),
    "errors_2": Case("errors 2 %", World(canary_errors=0.02), within=15),
    "errors_5": Case("errors 5 %", World(canary_errors=0.05), within=10),
    "late_latency_20": Case("latency +20 % from minute 30", World(latency=1.20, from_minute=30), within=30),
    "diurnal_latency_20": Case("latency +20 %, diurnal traffic", World(latency=1.20, is_diurnal=True), within=30),
    "noisy_latency_20": Case(
        "latency +20 %, 6 % noise of each version", World(latency=1.20, arm_noise=0.06), within=30
    ),
    "tight_errors_2": Case(
        "errors 3 % (champion 1 %), 60 and 540 requests a minute, 0.5 points tolerated",
        World(errors=0.01, canary_errors=0.03, arm_noise=0.03, rates=QUIET),
        TIGHT,
        25,
    ),
    "tight_errors_5": Case(
        "errors 6 % (champion 1 %), likewise",
        World(errors=0.01, canary_errors=0.06, arm_noise=0.03, rates=QUIET),
        TIGHT,
        10,
    ),
    "tight_latency_20": Case(
        "latency +20 %, 60 and 540 requests a minute, 1.10 times tolerated",
        World(errors=0.01, latency=1.20, arm_noise=0.03, rates=QUIET),
        TIGHT,
        30,
    ),
}


@dataclass(frozen=True, slots=True)
class Size:
    """Hours per case: for all rules, and for ours where nothing is wrong; releases per day; days of which the app takes
    every look."""

    hours: int
    hours_of_ours: int
    releases: int
    days_of_app: int


@dataclass(frozen=True, slots=True)
class Caught:
    """How a rule did in one case.

    Args:
        percent: of the hours that were rolled back, in the minutes from the change on.
        minute: median from the change on; hours that never were, or before the change, count as never.
        too_soon: percent that were rolled back before the change.
    """

    percent: float
    minute: float
    too_soon: float

    def __str__(self) -> str:
        minute = f" at {self.minute:.0f} min" if np.isfinite(self.minute) else ""
        too_soon = f" ({self.too_soon:.0f} % before)" if self.too_soon else ""
        return f"{self.percent:.3g} %{minute}{too_soon}"


def caught(minutes: Numbers, since: int) -> Caught:
    """Return the summary of first minutes (infinite for never), counted from the minute `since`."""
    is_early = minutes <= since
    counted = np.where(is_early, np.inf, minutes - since)
    return Caught(
        100 * float(np.isfinite(counted).mean()),
        float(np.median(counted)),
        100 * float((is_early & (since > 0)).mean()),
    )


def false_figures(name: str, case: Case, size: Size) -> list[Figure]:
    """Return our share of false rollbacks, with the rivals' beside it."""
    streams = simulate(case.world, size.hours_of_ours, SEED)
    minutes = rules.ours(case.tolerances)(streams)
    others = _rivals(_first(streams, size.hours), 0) if case.tolerances is STRICT else {}
    comparison = "; ".join(f"{RIVALS[rival][0]} {other.percent:.3g} %" for rival, other in others.items())
    what = f"{case.what}: rolled back" + (f" ({comparison})" if comparison else "")
    percent = 100 * float(np.isfinite(minutes).mean())
    shown = [Figure(f"canary.{name}.false_rollbacks", percent, "%", what, Goal("<=", 1))]
    return shown + [
        Figure(f"canary.{name}.{rival}", other.percent, "%", f"{RIVALS[rival][0]}, likewise")
        for rival, other in others.items()
        if rival in {"kayenta", "naive"}
    ]


def detection_figures(name: str, case: Case, size: Size) -> list[Figure]:
    """Return what we caught and when, with the rivals' beside it."""
    streams = simulate(case.world, size.hours, SEED)
    mine = caught(rules.ours(case.tolerances)(streams), case.world.from_minute)
    others = _rivals(streams, case.world.from_minute)
    comparison = "; ".join(f"{RIVALS[rival][0]} {other}" for rival, other in others.items())
    return [
        Figure(f"canary.{name}.detected", mine.percent, "%", f"{case.what}: detected ({comparison})"),
        Figure(
            f"canary.{name}.minute",
            _number(mine.minute),
            "min",
            f"{case.what}: detected after, median; {MINUTES + 1} for never",
            Goal("<=", case.within),
        ),
    ]


def _rivals(streams: Streams, since: int) -> dict[str, Caught]:
    return {name: caught(rule(streams), since) for name, (_, rule) in RIVALS.items()}


def _first(streams: Streams, hours: int) -> Streams:
    return Streams(*(getattr(streams, name)[:hours] for name in Streams.__slots__))


def _number(minute: float) -> float:
    """Return the minute, with never as the one after the last."""
    return min(minute, MINUTES + 1.0)


def release_figures(name: str, day: Day, size: Size) -> list[Figure]:
    """Return the share of whole releases of an equal version that are rolled back, with the rivals' beside it."""
    percents = rolled_back(day, size.releases, SEED)
    others = "; ".join(f"{RIVALS[rival][0]} {percents[rival]:.3g} %" for rival in RULES)
    what = f"releases on a day with {day.what}: rolled back ({others})"
    return [
        Figure(f"canary.release_{name}.false_rollbacks", percents["ours"], "%", what, Goal("<=", day.most_rolled_back))
    ]


def score_figures(name: str, model: Model, size: Size) -> list[Figure]:
    """Return the share of first steps of a model beside itself that its predictions fail."""
    ours, naive = false_shifts(model, size.releases * STEPS_PER_RELEASE, SEED)
    what = f"the same model twice, {model.what}: rolled back in an hour (p < .05 {naive:.3g} %)"
    return [Figure(f"canary.scores_{name}.false_rollbacks", ours, "%", what, Goal("<=", 1))]


def measure(size: Size, run: Run) -> list[Figure]:
    shown: list[Figure] = []
    for name, model in MODELS.items():
        run.progress(f"an hour of predictions: {model.what}")
        shown += score_figures(name, model, size)
    run.progress("looks of the app beside what is found for all at once")
    same = "looks at which the app, over its port, says what was found for many releases at once"
    shown.append(
        Figure(
            "canary.app.same_verdicts",
            agreement(list(DAYS.values())[: size.days_of_app], SEED),
            "%",
            same,
            Goal("=", 100),
        )
    )
    for name, day in DAYS.items():
        run.progress(f"{size.releases:,} releases: {day.what}")
        shown += release_figures(name, day, size)
    for name, case in SAME.items():
        run.progress(f"{size.hours_of_ours:,} hours: {case.what}")
        shown += false_figures(name, case, size)
    for name, case in WORSE.items():
        run.progress(f"{size.hours:,} hours: {case.what}")
        shown += detection_figures(name, case, size)
    return shown


def run(run: Run) -> Sequence[Figure]:
    return measure(Size(2000, 20_000, 2000, 10) if run.is_long else Size(150, 2000, 100, 2), run)


SPEC = Benchmark("canary", "false rollbacks and detection beside four rivals' rules, looking every minute", run)
