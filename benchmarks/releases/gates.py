"""How often the gates pass a version that is exactly as bad as they must not pass, and what a good one has to bring."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.harness.spec import Benchmark, Figure, Goal, Run
from benchmarks.releases.gate_kinds import kind_figures
from shared.domain.releases.plan import GatePlan
from shared.domain.releases.verdict import Verdict
from shared.metrics.catalogue import METRICS, Direction
from shared.metrics.estimates import Pairs
from shared.release.gates.registry import judge_all
from shared.release.gates.spec import GateEvidence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

SEED, TRUTH_ROWS, RESAMPLES = 20261130, 1_000_000, 200
# 5 % is promised; the rest is room for chance in so many trials.
AT_MARGIN = Goal("<=", 6.5)
Rows = tuple["Numbers", "Numbers", "Numbers"]
Draw = Callable[[np.random.Generator, int], Rows]


@dataclass(frozen=True, slots=True)
class Classes:
    """Two versions' probabilities of a class: as far as their latent scores lie apart, and how much they agree."""

    positives: float
    apart: float
    apart_of_challenger: float
    agree: float = 0.9

    def __call__(self, random: np.random.Generator, rows: int) -> Rows:
        labels = np.zeros(rows)
        labels[: round(rows * self.positives)] = 1
        noise = random.normal(size=(2, rows))
        other = self.agree * noise[0] + np.sqrt(1 - self.agree**2) * noise[1]
        latent = self.apart * labels + noise[0], self.apart_of_challenger * labels + other
        champion, challenger = (1 / (1 + np.exp(-1.7 * (values - 1))) for values in latent)
        return labels, champion, challenger

    @property
    def equal(self) -> Classes:
        return replace(self, apart_of_challenger=self.apart)


@dataclass(frozen=True, slots=True)
class Values:
    """Two versions' predicted numbers, which miss by Student's t: few degrees of freedom make heavy tails."""

    freedom: float
    times_worse: float
    agree: float = 0.9

    def __call__(self, random: np.random.Generator, rows: int) -> Rows:
        labels = random.normal(50, 5, rows)
        missed = random.standard_t(self.freedom, (2, rows))
        other = self.times_worse * (self.agree * missed[0] + np.sqrt(1 - self.agree**2) * missed[1])
        return labels, labels + missed[0], labels + other

    @property
    def equal(self) -> Values:
        return replace(self, times_worse=1.0)


MARGINS: Mapping[str, tuple[str, int, Classes | Values]] = {
    "roc_auc_100": ("roc_auc", 100, Classes(0.1, 1.5, 1.2)),
    "roc_auc_200": ("roc_auc", 200, Classes(0.1, 1.5, 1.2)),
    "roc_auc_near_1": ("roc_auc", 500, Classes(0.05, 3.0, 2.5)),
    "roc_auc_2000": ("roc_auc", 2000, Classes(0.02, 2.3, 2.0)),
    "pr_auc_200": ("pr_auc", 200, Classes(0.1, 1.5, 1.2)),
    "pr_auc_2000": ("pr_auc", 2000, Classes(0.01, 2.3, 2.0)),
    "f1_50": ("f1", 50, Classes(0.5, 1.5, 1.2)),
    "f1_500": ("f1", 500, Classes(0.05, 1.5, 1.2)),
    "accuracy_50": ("accuracy", 50, Classes(0.5, 1.5, 1.2)),
    "accuracy_500": ("accuracy", 500, Classes(0.1, 1.5, 1.2)),
    "recall_200": ("recall", 200, Classes(0.1, 1.5, 1.2)),
    "recall_2000": ("recall", 2000, Classes(0.1, 1.5, 1.2)),
    "precision_200": ("precision", 200, Classes(0.2, 1.5, 1.2)),
    "brier_100": ("brier", 100, Classes(0.1, 1.5, 1.2)),
    "log_loss_100": ("log_loss", 100, Classes(0.1, 1.5, 1.2)),
    "mae_50": ("mae", 50, Values(2.5, 1.1)),
    "mae_2000": ("mae", 2000, Values(2.5, 1.1)),
    "mape_200": ("mape", 200, Values(2.5, 1.1)),
    "mse_500": ("mse", 500, Values(3.0, 1.1)),
    "mse_100": ("mse", 100, Values(5.0, 1.1)),
    "rmse_100": ("rmse", 100, Values(5.0, 1.1)),
    "r2_200": ("r2", 200, Values(5.0, 1.1)),
}


def measure_metric(metric: str, labels: Numbers, scores: Numbers) -> float:
    return Pairs(METRICS[metric], labels, scores).estimate().value


@cache
def true_loss(metric: str, draw: Draw) -> tuple[float, float]:
    """Return the champion's metric and how much worse the challenger's is, in the metric's unit, on very many rows."""
    labels, champion, challenger = draw(np.random.default_rng(SEED), TRUTH_ROWS)
    values = measure_metric(metric, labels, champion), measure_metric(metric, labels, challenger)
    gain = values[1] - values[0]
    return values[0], -gain if METRICS[metric].direction is Direction.HIGHER_IS_BETTER else gain


def passes(kind: str, settings: Mapping[str, object], rows: Rows, **columns: object) -> Verdict:
    table = pd.DataFrame(dict(zip(("label", "champion_score", "challenger_score"), rows, strict=True)) | columns)
    (result,) = judge_all([GatePlan(kind, settings)], GateEvidence(table, has_champion=True))
    return result.verdict


def at_margin(metric: str, rows: int, draw: Draw, trials: int) -> tuple[float, float]:
    """Return the percent of trials in which a version exactly at the margin passes: by the gate; by the bootstrap's
    percentiles, in a quarter as many."""
    random, (_, margin) = np.random.default_rng(SEED), true_loss(metric, draw)
    settings = {"metric": metric, "margin": margin}
    passed = bootstrapped = 0
    for trial in range(trials):
        drawn = draw(random, rows)
        passed += passes("not_worse_than_champion", settings, drawn) is Verdict.PASS
        if trial % 4 == 0:
            bootstrapped += bool(np.quantile(_resampled(metric, drawn, random), 0.05) >= -margin)
    return 100 * passed / trials, 100 * bootstrapped / math.ceil(trials / 4)


def as_good(metric: str, rows: int, draw: Classes | Values, trials: int) -> float:
    """Return the percent of trials in which a version as good as the champion passes at the same margin."""
    random, (_, margin) = np.random.default_rng(SEED), true_loss(metric, draw)
    settings, equal = {"metric": metric, "margin": margin}, draw.equal
    verdicts = [passes("not_worse_than_champion", settings, equal(random, rows)) for _ in range(trials)]
    return 100 * verdicts.count(Verdict.PASS) / trials


def _resampled(metric: str, rows: Rows, random: np.random.Generator) -> Numbers:
    """Return the gains on rows drawn from these; 0 where there is none."""
    sign = 1.0 if METRICS[metric].direction is Direction.HIGHER_IS_BETTER else -1.0
    size = len(rows[0])
    tables = []
    for drawn in random.integers(0, size, (RESAMPLES, size)):
        labels, champion, challenger = (values[drawn] for values in rows)
        try:
            gain = measure_metric(metric, labels, challenger) - measure_metric(metric, labels, champion)
        except ValueError:
            gain = 0.0
        tables.append(sign * gain)
    return np.asarray(tables)


def at_bound(metric: str, rows: int, draw: Draw, trials: int) -> tuple[float, float]:
    """Return the percent of trials in which a version exactly at the bound passes: by the gate, by the estimate."""
    random, (bound, _) = np.random.default_rng(SEED), true_loss(metric, draw)
    side = METRICS[metric].bound
    counts = np.zeros(2)
    for _ in range(trials):
        labels, champion, _ = draw(random, rows)
        verdict = passes("metric", {"metric": metric, side: bound}, (labels, champion, champion))
        value = measure_metric(metric, labels, champion)
        counts += [verdict is Verdict.PASS, value >= bound if side == "at_least" else value <= bound]
    by_gate, by_point = (100 * counts / trials).tolist()
    return by_gate, by_point


GROUPS, RECALL = 12, 0.8
SLICES: Mapping[str, tuple[str, int, float, Verdict, Goal | None]] = {
    "fair_100_fails": ("fair model, 12 groups of 100 rows: fails", 100, 1.0, Verdict.FAIL, Goal("<=", 1)),
    "fair_200_fails": ("fair model, 12 groups of 200 rows: fails", 200, 1.0, Verdict.FAIL, Goal("<=", 1)),
    "fair_200_passes": ("fair model, 12 groups of 200 rows: passes", 200, 1.0, Verdict.PASS, None),
    "fair_500_passes": ("fair model, 12 groups of 500 rows: passes", 500, 1.0, Verdict.PASS, None),
    "worse_100_passes": ("one group of 100 at .70, .80 required: passes", 100, 0.7, Verdict.PASS, Goal("<=", 5)),
    "worse_500_passes": ("one group of 500 at .70, .80 required: passes", 500, 0.7, Verdict.PASS, Goal("<=", 5)),
    "half_200_fails": ("one group of 200 at .50, .80 required: fails", 200, 0.5, Verdict.FAIL, None),
}


def sliced(size: int, ratio: float, verdict: Verdict, trials: int) -> tuple[float, float]:
    """Return the percent of trials with that verdict about recall, with 25 % positives: by the gate, by the ratios."""
    random = np.random.default_rng(SEED)
    groups = np.repeat(np.arange(GROUPS), size)
    labels = (np.arange(GROUPS * size) % 4 == 0).astype(float)
    # The ratio is to the whole, of which the group is a part.
    worse = ratio * RECALL * (GROUPS - 1) / (GROUPS - ratio)
    recall = np.where(groups == 0, worse, RECALL)
    counts = np.zeros(2)
    for _ in range(trials):
        scores = (random.random(len(groups)) < recall).astype(float) * labels
        settings = {"metric": "recall", "by": ["group"], "min_ratio": 0.8}
        hits = np.bincount(groups, scores) / (size / 4)
        by_point = Verdict.PASS if hits.min() / hits.mean() >= 0.8 else Verdict.FAIL
        counts += [passes("slices", settings, (labels, scores, scores), group=groups) is verdict, by_point is verdict]
    by_gate, by_ratio = (100 * counts / trials).tolist()
    return by_gate, by_ratio


def margin_figures(trials: int, run: Run) -> Iterator[Figure]:
    for name, (metric, rows, draw) in MARGINS.items():
        run.progress(f"{trials:,} versions at the margin: {name}")
        ours, bootstrap = at_margin(metric, rows, draw, trials)
        what = f"{metric}, {rows:,} rows, exactly at the margin: passes (bootstrap's percentiles {bootstrap:.3g} %)"
        yield Figure(f"gates.{name}.false_passes", ours, "%", what, AT_MARGIN)
        equal = as_good(metric, rows, draw, math.ceil(trials / 4))
        yield Figure(f"gates.{name}.passes", equal, "%", f"{metric}, {rows:,} rows, as good as the champion: passes")


def bound_figures(trials: int, run: Run) -> Iterator[Figure]:
    for name, (metric, rows, draw) in MARGINS.items():
        run.progress(f"{trials:,} versions at the bound: {name}")
        ours, point = at_bound(metric, rows, draw, trials)
        what = f"{metric}, {rows:,} rows, exactly at the bound: passes (point {point:.3g} %)"
        yield Figure(f"gates.{name}.false_passes_of_bound", ours, "%", what, AT_MARGIN)


def slice_figures(trials: int, run: Run) -> Iterator[Figure]:
    for name, (what, size, ratio, verdict, goal) in SLICES.items():
        run.progress(f"{trials:,} evaluations by groups: {what}")
        ours, others = sliced(size, ratio, verdict, trials)
        yield Figure(f"gates.slices_{name}", ours, "%", f"{what} (ratios alone {others:.3g} %)", goal)


def run(run: Run) -> Sequence[Figure]:
    trials, sliced_trials = (2000, 2000) if run.is_long else (400, 400)
    figures = [*margin_figures(trials, run), *bound_figures(trials, run), *slice_figures(sliced_trials, run)]
    return [*figures, *kind_figures(sliced_trials, run)]


SPEC = Benchmark(
    "gates", "versions exactly at what a gate must not pass, beside the bootstrap and point estimates", run
)
