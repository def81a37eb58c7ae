"""NannyML: the rows of `results.filter(period="analysis").to_df(multilevel=False).to_json(orient="records")`.

Shape: nannyml 0.13.1, read off its own output: per column and method (or per metric) four values, NAME_value,
NAME_upper_threshold, NAME_lower_threshold and NAME_alert.
"""

from __future__ import annotations

from shared.domain.fact import FeatureDrift
from shared.events.alerts.refusal import refuse
from shared.events.alerts.results.found import Found
from shared.events.fields import Fields
from shared.events.measured import listed, strongest_first

ALERT = "_alert"
METHODS = ("kolmogorov_smirnov", "jensen_shannon", "wasserstein", "hellinger", "chi2", "l_infinity")
HIGHER_IS_BETTER = {"roc_auc", "f1", "precision", "recall", "specificity", "accuracy", "average_precision"}
LOWER_IS_BETTER = {"mae", "mape", "mse", "msle", "rmse", "rmsle"}


def read(result: Fields) -> tuple[Found, ...]:
    """Return what the newest chunk says. An alert because a model got better is none.

    Raises:
        EventError: it is no list of chunks, or the chunk has no verdicts.
    """
    chunks = [
        each for each in result.items("result") if (each.optional_text("chunk_period") or "analysis") == "analysis"
    ]
    if not chunks:
        refuse("the result has no chunk of the analysis period", 'post .to_json(orient="records") of its rows')
    newest = chunks[-1]
    names = [key.removesuffix(ALERT) for key in newest.keys if key.endswith(ALERT)]
    if not names:
        refuse("the newest chunk has no …_alert", "post the rows of to_df(multilevel=False)")
    window = newest.optional_text("chunk_end_date") or newest.optional_text("chunk_key") or ""
    return tuple(_found(newest, signal, of, window) for signal, of in _by_signal(newest, names).items())


def _by_signal(chunk: Fields, names: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        is_metric = name in HIGHER_IS_BETTER | LOWER_IS_BETTER
        is_estimated = f"{name}_realized" in chunk.keys
        signal = "data-drift" if not is_metric else "estimated-performance" if is_estimated else "performance"
        found.setdefault(signal, []).append(name)
    return found


def _found(chunk: Fields, signal: str, names: list[str], window: str) -> Found:
    crossed = strongest_first([found for name in names if (found := _crossed(chunk, name))])
    what = "columns" if signal == "data-drift" else "metrics"
    sentence = f"NannyML ({window or 'newest chunk'}): {len(crossed)} of {len(names)} {what} beyond their bounds"
    return Found(
        signal, bool(crossed), crossed, f"{sentence}: {listed(crossed)}" if crossed else sentence, window=window
    )


def _crossed(chunk: Fields, name: str) -> FeatureDrift | None:
    """Return the value that crossed the bound that matters; None when there is no alert, or a welcome one."""
    if not chunk.flag(f"{name}{ALERT}"):
        return None
    value = chunk.number(f"{name}_value")
    upper = chunk.number(f"{name}_upper_threshold") if chunk.has(f"{name}_upper_threshold") else None
    lower = chunk.number(f"{name}_lower_threshold") if chunk.has(f"{name}_lower_threshold") else None
    is_above = upper is not None and value > upper and name not in HIGHER_IS_BETTER
    is_below = lower is not None and value < lower and name not in LOWER_IS_BETTER
    if not (is_above or is_below):
        return None
    bound = upper if is_above else lower
    method = next((each for each in METHODS if name.endswith(f"_{each}")), "")
    column = name.removesuffix(f"_{method}") if method else "" if name in HIGHER_IS_BETTER | LOWER_IS_BETTER else name
    return FeatureDrift(column, method or name, value, bound if bound is not None else 0.0)
