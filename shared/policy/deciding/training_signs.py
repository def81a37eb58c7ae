"""What trainings in a row show beside their releases: no progress, a growing gap, other data. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from shared.domain.state import Training
from shared.metrics.catalogue import known_metric

# So many trainings in a row without progress are a sign.
STAGNANT_AFTER = 3
# Two standard errors, as for 95 %: what is compared is told to people, and stops nothing.
_Z = 1.96


def signs(trainings: Sequence[Training]) -> Iterator[str]:
    """Yield what the metrics of completed trainings show, oldest training first.

    Read are `train_X` and `validation_X` of every metric X of the catalogue, with their standard errors `train_X_se`
    and `validation_X_se`. Without errors any better value is progress, and no gap is called larger.
    """
    measured = [training.metrics for training in trainings if training.outcome == "completed" and training.metrics]
    if len(measured) <= STAGNANT_AFTER:
        return
    for key in measured[-1]:
        metric = known_metric(key.removeprefix("validation_"))
        if metric and key.startswith("validation_"):
            sign = 1 if metric.is_higher_better else -1
            yield from _stagnation(key, sign, measured)
            yield from _growing_gap((f"train_{metric.name}", key), sign, measured[-STAGNANT_AFTER - 1 :])


def _stagnation(key: str, sign: int, measured: Sequence[Mapping[str, float]]) -> Iterator[str]:
    last = measured[-STAGNANT_AFTER:]
    earlier = [metrics for metrics in measured[:-STAGNANT_AFTER] if key in metrics]
    if not earlier or any(key not in metrics for metrics in last):
        return
    best = max(earlier, key=lambda metrics: sign * metrics[key])
    if all(sign * (new[key] - best[key]) <= _Z * _error((key,), best, new) for new in last):
        values = ", ".join(f"{metrics[key]:.4g}" for metrics in last)
        yield f"{key} has not improved on {best[key]:.4g} in the last {len(last)} trainings ({values})"


def _growing_gap(keys: tuple[str, str], sign: int, measured: Sequence[Mapping[str, float]]) -> Iterator[str]:
    if not all(key in metrics and f"{key}_se" in metrics for key in keys for metrics in measured):
        return
    train, validation = keys
    *earlier, last = (sign * (metrics[train] - metrics[validation]) for metrics in measured)
    usual = sum(earlier) / len(earlier)
    error = math.hypot(_error(keys, measured[-1]), _error(keys, *measured[:-1]) / len(earlier))
    if last - usual > _Z * error:
        yield f"the gap between {train} and {validation} grew from {usual:.4g} to {last:.4g}"


def _error(keys: Sequence[str], *measured: Mapping[str, float]) -> float:
    return math.hypot(*(metrics.get(f"{key}_se", 0.0) for key in keys for metrics in measured))


def changed_inputs(inputs: Mapping[str, str], champions: Mapping[str, str]) -> str:
    """Return which inputs differ from those of the champion's training, in words; "" when none does."""
    return ", ".join(
        f"{name} is {value}, the champion's was {champions.get(name, 'not given')}"
        for name, value in sorted(inputs.items())
        if champions.get(name) != value
    )
