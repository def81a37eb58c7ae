"""Predictions of one and the same model that are skewed, judged as the app does: how often they are called a shift.

The looks of many steps are found at once. Each that would fail a version is then taken by `judged`, over its ports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import numpy as np

from benchmarks.releases.judged_releases import DELAY, release_of
from benchmarks.rivals.releases import (
    CHALLENGER,
    DAYS,
    MINUTE,
    START,
    RecordedTelemetry,
    Stage,
    recorded_intervals,
    stages,
)
from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.measurement import Predictions
from shared.domain.releases.release import Release
from shared.domain.releases.verdict import Verdict
from shared.engine.releases.judge import judged
from shared.judge.evidence.streams import score_paths, tolerances_of
from shared.ports.data import DataReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

Draw = Callable[[np.random.Generator, tuple[int, ...]], "Numbers"]
# The share of the mean by which predictions may move.
TOLERATED = 0.02
# So many steps fit into memory with each of their predictions.
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Model:
    """What a model predicts, its mean, and how often a minute the challenger and the champion do."""

    what: str
    draw: Draw
    mean: float
    rates: tuple[int, int]


def rare(random: np.random.Generator, shape: tuple[int, ...]) -> Numbers:
    return (random.random(shape) < 0.01).astype(np.float64)


def lognormal(random: np.random.Generator, shape: tuple[int, ...]) -> Numbers:
    return random.lognormal(0, 1.5, shape)


LOGNORMAL_MEAN = float(np.exp(1.5**2 / 2))
MODELS: Mapping[str, Model] = {
    "rare": Model("1 % positives, 10 and 90 a minute", rare, 0.01, (10, 90)),
    "rare_busy": Model("1 % positives, 100 and 900 a minute", rare, 0.01, (100, 900)),
    "lognormal": Model("lognormal predictions, 10 and 90 a minute", lognormal, LOGNORMAL_MEAN, (10, 90)),
}


class OfOneRelease:
    """The part of the DataReader port that has the predictions of one release."""

    def __init__(self, moments: Numbers) -> None:
        self.moments = moments

    def mean_predictions(
        self,
        endpoint: EndpointName,  # noqa: ARG002 - the port's
        deployment: DeploymentName,
        start: datetime,
        end: datetime,
        width: timedelta,  # noqa: ARG002
    ) -> tuple[Predictions, ...]:
        side = slice(0, 3) if deployment == CHALLENGER else slice(3, 6)
        rows = ((START + number * MINUTE, *row) for number, row in enumerate(self.moments[:, side].tolist()))
        return tuple(Predictions(at, int(n), mean, variance) for at, n, mean, variance in rows if start <= at < end)


def false_shifts(model: Model, steps: int, seed: int) -> tuple[float, float]:
    """Return the percent of steps of a model beside itself that `judged` fails, and that p < .05 at each look does."""
    random = np.random.default_rng(seed)
    (stage, *_) = stages(DAYS["calm"], steps, random)
    moments = np.concatenate([_moments(model, rate, steps, stage, random) for rate in model.rates], axis=-1)
    release = _release(model, stage)
    minutes = moments.shape[1]
    tolerances = tolerances_of(release.plan.judge, minutes, release.budget)
    fails = score_paths(moments, tolerances).is_failed(tolerances)
    back = sum(_is_failed(release, stage, moments, int(row), fails[row]) for row in np.flatnonzero(fails.any(axis=1)))
    return 100 * back / steps, 100 * float(_naive(moments).any(axis=1).mean())


def _release(model: Model, stage: Stage) -> Release:
    release = release_of(stage)
    judge = replace(release.plan.judge, score_shift_at_most=TOLERATED * model.mean)
    return replace(release, plan=replace(release.plan, judge=judge))


def _moments(model: Model, rate: int, steps: int, stage: Stage, random: np.random.Generator) -> Numbers:
    """Return count, mean and variance of each minute's predictions."""
    minutes, parts = stage.measured.requests.shape[1], []
    for size in [*[AT_ONCE] * (steps // AT_ONCE), *filter(None, [steps % AT_ONCE])]:
        predicted = model.draw(random, (size, minutes, rate))
        counts = np.full(predicted.shape[:2], float(rate))
        parts.append(np.stack([counts, predicted.mean(axis=-1), predicted.var(axis=-1)], axis=-1))
    return np.concatenate(parts)


def _is_failed(release: Release, stage: Stage, moments: Numbers, row: int, fails: NDArray[np.bool_]) -> bool:
    minute = int(fails.argmax()) + 1
    now = START + minute * MINUTE + DELAY
    telemetry = RecordedTelemetry(recorded_intervals(stage, row), now, DELAY)
    data = cast(DataReader, OfOneRelease(moments[row, :minute]))
    judgement = judged(telemetry, data, release, START, timedelta(0), now)
    return judgement is not None and judgement.verdict is Verdict.FAIL


def _naive(moments: Numbers) -> NDArray[np.bool_]:
    """Return after each minute whether all predictions so far moved by p < .05, either way."""
    counts, squares = moments[..., [0, 3]], moments[..., [2, 5]] + moments[..., [1, 4]] ** 2
    total = np.cumsum(counts, axis=1)
    means = np.cumsum(counts * moments[..., [1, 4]], axis=1) / total
    error = (np.cumsum(counts * squares, axis=1) / total - means**2) / total
    gap = np.abs(means[..., 0] - means[..., 1])
    return np.asarray(gap > 1.96 * np.sqrt(np.maximum(error.sum(axis=-1), 1e-300)))
