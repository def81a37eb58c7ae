"""When others would alarm, applied to the distances that our comparison measures anyway."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from shared.drift.report import ColumnReport, DriftReport

P_VALUE, PSI = 0.05, 0.1
# Source: evidently 0.7.23, evidently/legacy/calculations/stattests/registry.py and its drift presets: above 1,000 rows
# the normed Wasserstein distance of numbers and the Jensen-Shannon distance (base e) of categories, each from 0.1 on;
# up to 1,000 rows p < .05; the whole drifts when half of the columns do.
EVIDENTLY_DISTANCE, EVIDENTLY_ROWS, EVIDENTLY_SHARE = 0.1, 1000, 0.5


def raw_p(report: DriftReport) -> bool:
    return any(each.p_value is not None and each.p_value < P_VALUE for each in report.columns)


def psi(report: DriftReport) -> bool:
    return any(each.measures.get("PSI", 0.0) > PSI for each in report.columns)


def evidently_column(report: DriftReport) -> bool:
    return any(_evidently(each, report) for each in report.columns)


def evidently_whole(report: DriftReport) -> bool:
    drifted = sum(_evidently(each, report) for each in report.columns)
    return drifted >= EVIDENTLY_SHARE * max(1, len(report.columns))


def _evidently(column: ColumnReport, report: DriftReport) -> bool:
    if min(report.reference_rows, report.window_rows) <= EVIDENTLY_ROWS:
        return column.p_value is not None and column.p_value < P_VALUE
    if "Wasserstein" in column.measures:
        return column.measures["Wasserstein"] >= EVIDENTLY_DISTANCE
    return column.measures.get("JS", 0.0) * math.sqrt(math.log(2)) >= EVIDENTLY_DISTANCE


RIVALS: Mapping[str, tuple[str, Callable[[DriftReport], bool]]] = {
    "raw_p": ("p < .05 in any column", raw_p),
    "psi": ("PSI > .1 in any column", psi),
    "evidently_column": ("Evidently's default, any column", evidently_column),
    "evidently_whole": ("Evidently's default, half of the columns", evidently_whole),
}
