"""NannyML: the rows of `results.filter(period="analysis").to_df(multilevel=False).to_json(orient="records")`.

Shape: nannyml 0.13.1, read off its own output: per column and method (or per metric) four values, NAME_value,
NAME_upper_threshold, NAME_lower_threshold and NAME_alert.
"""

from __future__ import annotations

import math
import re

from shared.domain.fact import FeatureDrift
from shared.events.alerts.refusal import refuse
from shared.events.alerts.results.signal_result import SignalResult
from shared.events.wire.fields import Fields
from shared.events.wire.measured import listed, strongest_first

ALERT = "_alert"
# Drift of a column, COLUMN_METHOD: distances, which drift above their bound. chi2 shows its statistic, and alerts by
# the p-value, which is not in the output: it has no bound there.
METHODS = ("kolmogorov_smirnov", "jensen_shannon", "wasserstein", "hellinger", "chi2", "l_infinity")
# Drift of all columns together: an error that falls is a change as well as one that rises.
WHOLE_DRIFT = {"reconstruction_error", "domain_classifier_auroc"}
HIGHER_IS_BETTER = {"roc_auc", "f1", "precision", "recall", "specificity", "accuracy", "average_precision"}
HIGHER_IS_BETTER |= {"business_value", "true_positive", "true_negative"}
LOWER_IS_BETTER = {"mae", "mape", "mse", "msle", "rmse", "rmsle", "false_positive", "false_negative"}
# With several classes, a confusion matrix has a cell for each pair of them.
_CELL = re.compile(r"true_(?P<true>.+)_pred_(?P<predicted>.+)")


_ASK = 'post the rows of to_df(multilevel=False).to_json(orient="records")'


def read(result: Fields) -> tuple[SignalResult, ...]:
    """Return what the newest chunk says. An alert because a model got better is none.

    Raises:
        EventError: it is no list of chunks, or the chunk has no verdicts.
    """
    if result.is_mapping("result"):
        refuse("the result is by columns, not by chunks", _ASK)
    chunks = [
        chunk for chunk in result.items("result") if (chunk.optional_text("chunk_period") or "analysis") == "analysis"
    ]
    if not chunks:
        refuse("the result has no chunk of the analysis period", _ASK)
    newest = max(reversed(chunks), key=_end)
    names = [key.removesuffix(ALERT) for key in newest.keys if key.endswith(ALERT)]
    if not names:
        refuse("the newest chunk has no …_alert", _ASK)
    names = [name for name in names if newest.has(f"{name}{ALERT}")]
    if not names:
        refuse("every …_alert of the newest chunk is null: nothing was computed", "see why NannyML could not")
    window = newest.optional_text("chunk_end_date") or newest.optional_text("chunk_key") or ""
    return tuple(
        _signal_result(newest, signal, columns, window) for signal, columns in _by_signal(newest, names).items()
    )


def _end(chunk: Fields) -> float:
    """Return where the chunk ends among the rows; of chunks that do not say so the last is the newest."""
    return chunk.number("chunk_end_index") if chunk.is_number("chunk_end_index") else -math.inf


def _by_signal(chunk: Fields, names: list[str]) -> dict[str, list[str]]:
    signals: dict[str, list[str]] = {}
    for name in names:
        signals.setdefault(_signal(chunk, name), []).append(name)
    return signals


def _signal(chunk: Fields, name: str) -> str:
    if _is_better_higher(name) is not None:
        return "estimated-performance" if f"{name}_realized" in chunk.keys else "performance"
    if name in WHOLE_DRIFT or _method(name):
        return "data-drift"
    # A column's name alone: missing, unseen or extreme values, or a statistic of it; and rows_count.
    return "data-quality"


def _is_better_higher(name: str) -> bool | None:
    """Return whether more of a measure of the model is better; None for what is no such measure."""
    if cell := _CELL.fullmatch(name):
        return cell["true"] == cell["predicted"]
    if name in HIGHER_IS_BETTER | LOWER_IS_BETTER:
        return name in HIGHER_IS_BETTER
    return None


def _method(name: str) -> str:
    return next((method for method in METHODS if name.endswith(f"_{method}")), "")


def _signal_result(chunk: Fields, signal: str, names: list[str], window: str) -> SignalResult:
    crossed = strongest_first([feature for name in names if (feature := _crossed(chunk, name))])
    what = "metrics" if signal.endswith("performance") else "columns"
    sentence = f"NannyML ({window or 'newest chunk'}): {len(crossed)} of {len(names)} {what} beyond their bounds"
    return SignalResult(
        signal, bool(crossed), crossed, f"{sentence}: {listed(crossed)}" if crossed else sentence, window=window
    )


def _crossed(chunk: Fields, name: str) -> FeatureDrift | None:
    """Return the value that crossed the bound that matters; None when there is no alert, or a welcome one."""
    if not _alerts(chunk, f"{name}{ALERT}"):
        return None
    value = chunk.number(f"{name}_value")
    upper, lower = _bound(chunk, f"{name}_upper_threshold"), _bound(chunk, f"{name}_lower_threshold")
    method = _method(name)
    if upper is None and lower is None:
        return FeatureDrift(name.removesuffix(f"_{method}"), f"{method or name}, judged by its p-value", value, 0.0)
    is_better_higher = _is_better_higher(name)
    is_above = upper is not None and value > upper and is_better_higher is not True
    is_below = lower is not None and value < lower and is_better_higher is not False
    bound = upper if is_above else lower
    if not (is_above or is_below) or bound is None:
        return None
    is_whole = is_better_higher is not None or name in WHOLE_DRIFT
    column = name.removesuffix(f"_{method}") if method else "" if is_whole else name
    return FeatureDrift(column, method or name, value, bound)


def _alerts(chunk: Fields, key: str) -> bool:
    """Return whether there is an alert; a table that went through CSV has "True", or 1, for true."""
    if chunk.is_number(key) and chunk.number(key) in {0.0, 1.0}:
        return chunk.number(key) == 1.0
    if chunk.is_text(key) and chunk.text(key).strip().lower() in {"true", "false"}:
        return chunk.text(key).strip().lower() == "true"
    return chunk.flag(key)


def _bound(chunk: Fields, key: str) -> float | None:
    return chunk.number(key) if chunk.has(key) else None
