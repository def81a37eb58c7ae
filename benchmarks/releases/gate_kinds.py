"""Versions exactly at what a gate must not pass, of models with many classes, several labels, forecasts, own scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.harness.spec import Figure, Goal, Run
from shared.domain.releases.outcome import Better
from shared.domain.releases.plan import GatePlan
from shared.domain.releases.verdict import Verdict
from shared.metrics.catalogue import find_metric
from shared.metrics.rows import CHALLENGER, CHAMPION, read_sample
from shared.release.gates.registry import judge_all
from shared.release.gates.spec import GateEvidence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

SEED, TRUTHS, TRUTH_ROWS = 20261130, 6, 60_000
# 5 % is promised; the rest is room for chance in so many trials.
AT_MARGIN = Goal("<=", 6.5)
VERSIONS = ("champion", "challenger")
Draw = Callable[[np.random.Generator, int], pd.DataFrame]


@dataclass(frozen=True, slots=True)
class ManyClasses:
    """Labels with these shares; each version's scores are normal, and lie so far apart for the true class."""

    shares: tuple[float, ...]
    apart: tuple[float, float] = (1.6, 1.3)

    def __call__(self, random: np.random.Generator, rows: int) -> pd.DataFrame:
        labels = random.choice(len(self.shares), rows, p=self.shares)
        hard = random.normal(size=(rows, len(self.shares)))
        table: dict[str, Any] = {"label": labels}
        for version, apart in zip(VERSIONS, self.apart, strict=True):
            latent = 0.9 * hard + 0.44 * random.normal(size=hard.shape)
            latent[np.arange(rows), labels] += apart
            sure = np.exp(1.2 * latent)
            sure /= sure.sum(axis=1, keepdims=True)
            table[f"{version}_prediction"] = sure.argmax(axis=1)
            table |= {f"{version}_score_{name}": sure[:, name] for name in range(len(self.shares))}
        return pd.DataFrame(table)


@dataclass(frozen=True, slots=True)
class SeveralClasses:
    """Rows of any of six classes, each rarer than the one before."""

    apart: tuple[float, float] = (1.2, 0.9)

    def __call__(self, random: np.random.Generator, rows: int) -> pd.DataFrame:
        truth = random.random((rows, 6)) < np.array([0.5, 0.3, 0.2, 0.15, 0.1, 0.1])
        hard = random.normal(size=truth.shape)
        table = {"label": _lists(truth)}
        for version, apart in zip(VERSIONS, self.apart, strict=True):
            latent = 0.9 * hard + 0.44 * random.normal(size=hard.shape)
            table[f"{version}_prediction"] = _lists(latent + np.where(truth, apart, -apart) > 0)
        return pd.DataFrame(table)


def _lists(is_there: NDArray[np.bool_]) -> list[list[str]]:
    return [list(map(str, np.flatnonzero(row))) for row in is_there]


def forecasts(random: np.random.Generator, rows: int) -> pd.DataFrame:
    """Return values that are missed by Student's t with 2.5 degrees of freedom, by the challenger 1.1 times as far."""
    labels, missed = random.normal(50, 5, rows), random.standard_t(2.5, (2, rows))
    table = {"label": labels, "scale": 3 + random.random(rows)}
    for version, error in zip(VERSIONS, (missed[0], 1.1 * (0.9 * missed[0] + 0.436 * missed[1])), strict=True):
        table |= {f"{version}_score": labels + error, f"{version}_score_90": labels + 1.3 + error}
    return pd.DataFrame(table)


def overlaps(random: np.random.Generator, rows: int) -> pd.DataFrame:
    """Return IoU: beta distributed, of means .75 and .73."""
    from scipy.special import betaincinv, ndtr

    shared, *own = random.normal(size=(3, rows))
    levels = [ndtr(0.9 * shared + 0.436 * noise) for noise in own]
    return pd.DataFrame({"champion_iou": betaincinv(6, 2, levels[0]), "challenger_iou": betaincinv(5.4, 2, levels[1])})


def rare_failures(random: np.random.Generator, rows: int) -> pd.DataFrame:
    """Return scores near 1, of which one in twenty, or in fourteen, is .1."""
    fails, fine = random.random((2, rows)), 0.95 + 0.05 * random.random((2, rows))
    scores = np.where(fails < np.array([[0.05], [0.07]]), 0.1, fine)
    return pd.DataFrame({"champion_iou": scores[0], "challenger_iou": scores[1]})


def distances(random: np.random.Generator, rows: int) -> pd.DataFrame:
    """Return edit distances, which are lognormal, of the challenger 1.1 times as large."""
    shared, *own = random.normal(size=(3, rows))
    logs = [0.9 * shared + 0.436 * noise for noise in own]
    return pd.DataFrame({"champion_edits": np.exp(logs[0]), "challenger_edits": 1.1 * np.exp(logs[1])})


THREE, TEN = ManyClasses((0.6, 0.3, 0.1)), ManyClasses((0.19, *[0.09] * 9))
KINDS: Mapping[str, tuple[str, Better | None, int, Draw]] = {
    "f1_macro_3": ("f1_macro", None, 200, THREE),
    "f1_macro_10": ("f1_macro", None, 300, TEN),
    "f1_weighted_3": ("f1_weighted", None, 100, THREE),
    "precision_macro_10": ("precision_macro", None, 500, TEN),
    "recall_macro_3": ("recall_macro", None, 300, THREE),
    "recall_of_class": ("recall[2]", None, 300, THREE),
    "f1_of_class": ("f1[2]", None, 300, THREE),
    "roc_auc_macro_10": ("roc_auc_macro", None, 300, TEN),
    "roc_auc_weighted_3": ("roc_auc_weighted", None, 100, THREE),
    "log_loss_3": ("log_loss", None, 100, THREE),
    "top_2_of_3": ("top_2_accuracy", None, 100, THREE),
    "f1_micro_lists": ("f1_micro", None, 100, SeveralClasses()),
    "f1_macro_lists": ("f1_macro", None, 300, SeveralClasses()),
    "smape": ("smape", None, 200, forecasts),
    "mase": ("mase", None, 200, forecasts),
    "pinball_90": ("pinball_90", None, 200, forecasts),
    "iou": ("iou", "higher", 50, overlaps),
    "rare_failures": ("iou", "higher", 200, rare_failures),
    "edits": ("edits", "lower", 100, distances),
}


@cache
def true_values(name: str) -> tuple[float, float]:
    """Return both versions' metric on very many rows."""
    metric, better, _, draw = KINDS[name]
    measure = find_metric(metric, better)
    tables = [draw(np.random.default_rng(SEED + number), TRUTH_ROWS) for number in range(TRUTHS)]
    champion, challenger = (
        float(np.mean([read_sample(measure, table, layout).estimate().value for table in tables]))
        for layout in (CHAMPION, CHALLENGER)
    )
    return champion, challenger


def passed(name: str, trials: int) -> tuple[float, float]:
    """Return the percent of trials in which a version passes that is exactly at the margin; and at the bound."""
    metric, better, rows, draw = KINDS[name]
    champion, challenger = true_values(name)
    own = {"better": better} if better else {}
    plans = (
        GatePlan("not_worse_than_champion", {"metric": metric, "margin": abs(champion - challenger), **own}),
        GatePlan("metric", {"metric": metric, find_metric(metric, better).bound: challenger, **own}),
    )
    random, counts = np.random.default_rng(SEED), np.zeros(2)
    for _ in range(trials):
        results = judge_all(plans, GateEvidence(draw(random, rows), has_champion=True))
        counts += [result.verdict is Verdict.PASS for result in results]
    at_margin, at_bound = (100 * counts / trials).tolist()
    return at_margin, at_bound


def kind_figures(trials: int, run: Run) -> Iterator[Figure]:
    for name, (metric, _, rows, _) in KINDS.items():
        run.progress(f"{trials:,} versions of every kind: {name}")
        at_margin, at_bound = passed(name, trials)
        what = f"{metric}, {rows:,} rows, exactly at the"
        yield Figure(f"gates.{name}.false_passes", at_margin, "%", f"{what} margin: passes", AT_MARGIN)
        yield Figure(f"gates.{name}.false_passes_of_bound", at_bound, "%", f"{what} bound: passes", AT_MARGIN)
