"""How often quality by arriving labels rolls a good version back, and an A/B test promotes one without the gain."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.harness.spec import Benchmark, Figure, Goal, Run
from benchmarks.releases.undecided_ends import BROKEN, GOOD, RATES, RULES, STRATEGIES, WATCH, ends, passed_by_rivals
from shared.domain.releases.outcome import AbPlan, LabelSource
from shared.domain.releases.verdict import Verdict
from shared.judge.evidence.quality import log_e_of_means, log_e_of_shares
from shared.judge.labels.outcome import judge_outcome
from shared.judge.labels.outcome_rows import Arm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

SEED, LOOKS, AT_ONCE = 20261120, 100, 250
ALPHA, NAIVE_Z = 0.01, 1.6449
LABELS = LabelSource("azureml:labels@latest", "row_id", "label")
Losses = Callable[[np.random.Generator, tuple[int, ...]], "Numbers"]


@dataclass(frozen=True, slots=True)
class Case:
    """Labels that arrive look by look, for so many rows of challenger and champion on average.

    Args:
        losses: of rows; None for right and wrong answers.
        wrong: the champion's share of wrong answers.
        worse_by: how much worse the challenger is: in shares, or in standard deviations of the losses.
    """

    what: str
    rows: tuple[int, int]
    losses: Losses | None = None
    wrong: float = 0.15
    tolerance: float = 0.0
    worse_by: float = 0.0


def log_losses(random: np.random.Generator, shape: tuple[int, ...]) -> Numbers:
    """Return the log losses of a classifier that is too sure of itself."""
    chance = random.beta(1, 4, shape)
    predicted = np.clip(chance**2 / (chance**2 + (1 - chance) ** 2), 1e-12, 1 - 1e-12)
    return np.where(random.random(shape) < chance, -np.log(predicted), -np.log1p(-predicted))


def skewed(random: np.random.Generator, shape: tuple[int, ...]) -> Numbers:
    return random.lognormal(0, 1, shape)


def sales(random: np.random.Generator, shape: tuple[int, ...]) -> Numbers:
    return np.where(random.random(shape) < 0.05, -random.lognormal(3, 1, shape), 0.0)


SAME: Mapping[str, Case] = {
    "accuracy": Case("accuracy, no difference, 10 % of the traffic", (20, 180)),
    "accuracy_at_tolerance": Case("accuracy, exactly 2 points worse, as tolerated", (50, 50), None, 0.15, 0.02, 0.02),
    "accuracy_rare": Case("accuracy, 0.5 % wrong answers", (50, 50), None, 0.005),
    "accuracy_watch": Case("accuracy, nine times the champion's rows, as when watching", (180, 20)),
    "log_loss": Case("log loss, no difference", (50, 50), log_losses),
    "skewed": Case("lognormal losses, 10 % of the traffic", (20, 180), skewed),
    "skewed_watch": Case("lognormal losses, nine times the champion's rows", (180, 20), skewed),
    "sales": Case("sales, of which one row in twenty makes any", (50, 50), sales),
}
WORSE: Mapping[str, Case] = {
    "accuracy_10": Case("accuracy 10 points worse, 2 tolerated", (50, 50), None, 0.15, 0.02, 0.10),
    "accuracy_5": Case("accuracy 5 points worse, 2 tolerated", (50, 50), None, 0.15, 0.02, 0.05),
    "accuracy_10_canary": Case("accuracy 10 points worse, 10 % of the traffic", (20, 180), None, 0.15, 0.02, 0.10),
    "log_loss": Case("log loss worse by 0.2 standard deviations", (50, 50), log_losses, worse_by=0.2),
}


def first_looks(case: Case, runs: int, random: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Return the look at which ours, and p < .05 at each look, first fail each stream; infinite for never."""
    ours, naive = zip(*(_first_looks(case, size, random) for size in _batches(runs)), strict=True)
    return np.concatenate(ours), np.concatenate(naive)


def _first_looks(case: Case, runs: int, random: np.random.Generator) -> tuple[Numbers, Numbers]:
    arrived = [random.poisson(rows, (runs, LOOKS)) for rows in case.rows]
    rows = [counts.cumsum(axis=1).astype(np.float64) for counts in arrived]
    if case.losses is None:
        shares = case.wrong + case.worse_by, case.wrong
        wrong = [random.binomial(n, p).cumsum(axis=1) for n, p in zip(arrived, shares, strict=True)]
        evidence, _ = log_e_of_shares(np.stack([rows[0], wrong[0], rows[1], wrong[1]], axis=-1), case.tolerance)
        means = [k / np.maximum(n, 1) for k, n in zip(wrong, rows, strict=True)]
        variances = [mean * (1 - mean) for mean in means]
    else:
        spread = float(case.losses(random, (100_000,)).std())
        shifts = case.worse_by * spread, 0.0
        sums = [_sums(case.losses, n, shift, random) for n, shift in zip(arrived, shifts, strict=True)]
        means = [total / np.maximum(n, 1) for (total, _), n in zip(sums, rows, strict=True)]
        variances = [
            np.maximum(square - n * mean * mean, 0) / np.maximum(n - 1, 1)
            for (_, square), n, mean in zip(sums, rows, means, strict=True)
        ]
        arms = [np.stack(arm, axis=-1) for arm in zip(rows, means, variances, strict=True)]
        evidence, _ = log_e_of_means(arms[0], arms[1], case.tolerance)
    error = sum(variance / np.maximum(n, 1) for variance, n in zip(variances, rows, strict=True))
    z = (means[0] - means[1] - case.tolerance) / np.sqrt(np.maximum(error, 1e-12))
    enough = (rows[0] >= 50) & (rows[1] >= 50)
    return _first(evidence >= math.log(1 / ALPHA)), _first((z > NAIVE_Z) & enough)


def _sums(losses: Losses, arrived: NDArray[np.int64], shift: float, random: np.random.Generator) -> tuple[Numbers, ...]:
    """Return the sums of the losses and of their squares, so far, as they arrive."""
    values = losses(random, (*arrived.shape, int(arrived.max()))) + shift
    counted = np.arange(values.shape[-1]) < arrived[..., None]
    values = np.where(counted, values, 0.0)
    return values.sum(axis=-1).cumsum(axis=1), (values * values).sum(axis=-1).cumsum(axis=1)


def _first(hits: NDArray[np.bool_]) -> Numbers:
    return np.where(hits.any(axis=1), hits.argmax(axis=1) + 1.0, np.inf)


def _batches(runs: int) -> list[int]:
    return [AT_ONCE] * (runs // AT_ONCE) + ([runs % AT_ONCE] if runs % AT_ONCE else [])


Draw = Callable[[np.random.Generator, int], tuple["Numbers", "Numbers"]]


def classified(random: np.random.Generator, rows: int) -> tuple[Numbers, Numbers]:
    """Return labels, a third of them 1, and scores that tell them apart with an area of 0.86 under the ROC curve."""
    labels = (random.random(rows) < 0.33).astype(np.float64)
    return labels, 1 / (1 + np.exp(-(random.normal(0, 1, rows) + 1.5 * (labels - 0.5))))


def converted(random: np.random.Generator, rows: int) -> tuple[Numbers, Numbers]:
    return (random.random(rows) < 0.02).astype(np.float64), np.zeros(rows)


def sold(random: np.random.Generator, rows: int) -> tuple[Numbers, Numbers]:
    return -sales(random, (rows,)), np.zeros(rows)


def missed(random: np.random.Generator, rows: int) -> tuple[Numbers, Numbers]:
    return random.normal(0, 2, rows), np.zeros(rows)


TESTS: Mapping[str, tuple[str, str, Draw, tuple[int, int]]] = {
    "roc_auc": ("area under the ROC curve", "roc_auc", classified, (500, 500)),
    "roc_auc_uneven": ("the same, a tenth of the rows", "roc_auc", classified, (150, 1350)),
    "accuracy": ("accuracy", "accuracy", classified, (500, 500)),
    "recall": ("recall", "recall", classified, (500, 500)),
    "f1": ("f1", "f1", classified, (500, 500)),
    "log_loss": ("log loss", "log_loss", classified, (500, 500)),
    "rmse": ("root mean squared error", "rmse", missed, (500, 500)),
    "conversions": ("2 % conversions", "mean", converted, (2000, 2000)),
    "sales": ("sales, of which one row in twenty makes any", "mean", sold, (2000, 2000)),
}


def false_promotions(metric: str, draw: Draw, rows: tuple[int, int], runs: int) -> float:
    """Return the percent of tests of a version without any gain that promote it."""
    plan, random = AbPlan(metric, LABELS, needed_gain=0.0), np.random.default_rng(SEED)
    verdicts = (
        judge_outcome(plan, _arm(draw(random, rows[0]), "c"), _arm(draw(random, rows[1]), "b"), plan.confidence).verdict
        for _ in range(runs)
    )
    return 100 * sum(verdict is Verdict.PASS for verdict in verdicts) / runs


def _arm(rows: tuple[Numbers, Numbers], name: str) -> Arm:
    labels, predictions = (tuple(values.tolist()) for values in rows)
    keys = tuple(f"{name}{number}" for number in range(len(labels)))
    return Arm(keys, labels, predictions, len(labels), len(labels))


def quality_figures(runs: int, worse_runs: int, run: Run) -> Iterator[Figure]:
    for name, case in SAME.items():
        run.progress(f"{runs:,} releases: {case.what}")
        ours, naive = first_looks(case, runs, np.random.default_rng(SEED))
        false, others = (100 * float(np.isfinite(times).mean()) for times in (ours, naive))
        what = f"{case.what}: rolled back by quality in {LOOKS} looks (p < .05 each: {others:.3g} %)"
        yield Figure(f"outcomes.{name}.false_rollbacks", false, "%", what, Goal("<=", 100 * ALPHA))
    for name, case in WORSE.items():
        run.progress(f"{worse_runs:,} releases: {case.what}")
        ours, _ = first_looks(case, worse_runs, np.random.default_rng(SEED))
        detected = 100 * float(np.isfinite(ours).mean())
        yield Figure(f"outcomes.{name}.detected", detected, "%", f"{case.what}: found in {LOOKS} looks")
        rows = float(np.median(ours)) * case.rows[0]
        yield Figure(f"outcomes.{name}.rows", rows, "", f"{case.what}: the challenger's labelled rows by then, median")


def test_figures(runs: int, run: Run) -> Iterator[Figure]:
    for name, (what, metric, draw, rows) in TESTS.items():
        run.progress(f"{runs:,} A/B tests: {what}")
        percent = false_promotions(metric, draw, rows, runs)
        text = f"A/B test of {what}, no gain: promoted at 95 % confidence"
        # 5 % is promised, by bounds for large samples; the rest is room for chance in so many tests.
        yield Figure(f"outcomes.{name}.false_promotions", percent, "%", text, Goal("<=", 6.5))


def end_figures(releases: int, run: Run) -> Iterator[Figure]:
    """Return how versions with too little traffic for a verdict end, at the worst of the rates."""
    rates = ", ".join(map(str, RATES))
    rivals = [passed_by_rivals(rate, releases, SEED) for rate in RATES]
    others = "; ".join(f"{name} {max(rival[key] for rival in rivals):.3g} %" for key, (name, _) in RULES.items())
    for strategy in STRATEGIES:
        run.progress(f"{releases:,} releases of a version that fails half of its requests: {strategy}")
        results = [ends(strategy, BROKEN, rate, releases, SEED) for rate in RATES]
        what = f"half of {rates} requests a minute fail, {strategy}: kept without a word"
        finished = max(result.finished for result in results)
        text = f"{what} (never failed by others' rules in {WATCH} minutes: {others})"
        yield Figure(f"outcomes.ends_{strategy}.broken_kept", finished, "%", text, Goal("<=", 1))
        back = min(result.taken_back for result in results)
        yield Figure(
            f"outcomes.ends_{strategy}.broken_taken_back", back, "%", "of these, taken back by itself, at least"
        )
    good = max(ends("at_once", GOOD, rate, releases, SEED).taken_back for rate in RATES)
    what = f"a version like its champion, {rates} requests a minute, at_once: taken back"
    yield Figure("outcomes.ends_at_once.good_taken_back", good, "%", what, Goal("<=", 1))


def run(run: Run) -> Sequence[Figure]:
    runs, worse_runs, tests = (5000, 1000, 2000) if run.is_long else (1000, 200, 1000)
    return [*quality_figures(runs, worse_runs, run), *test_figures(tests, run), *end_figures(worse_runs, run)]


SPEC = Benchmark(
    "outcomes", "quality by arriving labels, peeking at each; and A/B tests: how often they are wrong", run
)
