"""Evidently: what `Report([DataDriftPreset()]).run(current, reference).json()` gives.

Shape: evidently 0.7.23, read off its own output.
"""

from __future__ import annotations

from shared.domain.fact import FeatureDrift
from shared.events.alerts.refusal import refuse
from shared.events.alerts.results.found import Found
from shared.events.fields import Fields
from shared.events.measured import listed, strongest_first

COLUMN, SHARE = "ValueDrift", "DriftedColumnsCount"


def read(result: Fields) -> tuple[Found, ...]:
    """Return the drift of the columns. A report with tests says itself what failed; one without is drift when the
    share of drifted columns reaches its `drift_share`, or, where it does not count them, when any column drifted.

    Raises:
        EventError: it holds no drift of columns.
    """
    metrics = result.mapping("result").items("metrics")
    columns = [_column(each) for each in metrics if _is(each, COLUMN)]
    if not columns:
        refuse("the result has no ValueDrift metric", "post the .json() of a Report with DataDriftPreset")
    drifted = strongest_first([feature for feature, is_drift in columns if is_drift])
    shares = [each for each in metrics if _is(each, SHARE)]
    tests = result.mapping("result").items("tests")
    if tests:
        is_drift = any(each.text("status").upper() == "FAIL" for each in tests)
        rule = "by its tests"
    elif shares:
        share, bound = shares[0].mapping("value").number("share"), shares[0].mapping("config").number("drift_share")
        is_drift, rule = share >= bound, f"a share of {share:.2f} against its bound of {bound:g}"
    else:
        is_drift, rule = bool(drifted), "any column counts"
    sentence = f"Evidently finds drift in {len(drifted)} of {len(columns)} columns ({rule})"
    return (Found("data-drift", is_drift, drifted, f"{sentence}: {listed(drifted)}" if drifted else sentence),)


def _is(metric: Fields, kind: str) -> bool:
    return (metric.mapping("config").optional_text("type") or "").rpartition(":")[2] == kind


def _column(metric: Fields) -> tuple[FeatureDrift, bool]:
    config = metric.mapping("config")
    method, bound, value = config.name("method"), config.number("threshold"), metric.number("value")
    # Its tests give p-values, which drift from above to below the bound; all others are distances.
    is_drift = value < bound if "p_value" in method else value >= bound
    return FeatureDrift(config.name("column"), method, value, bound), is_drift
