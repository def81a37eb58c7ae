"""When others would alarm, applied to the distances that our comparison measures anyway."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shared.drift.comparison.distance import jensen_shannon_divergence
from shared.drift.results.comparison import ColumnReport

P_VALUE, PSI = 0.05, 0.1
# Source: evidently 0.7.23, evidently/legacy/calculations/stattests/registry.py and its drift presets: above 1,000 rows
# the normed Wasserstein distance of numbers and the Jensen-Shannon distance (base e) of categories, each from 0.1 on;
# up to 1,000 rows p < .05; the whole drifts when half of the columns do.
EVIDENTLY_DISTANCE, EVIDENTLY_ROWS, EVIDENTLY_SHARE = 0.1, 1000, 0.5
# Source: nannyml 0.13.1, nannyml/drift/univariate/calculator.py: the Jensen-Shannon distance (base 2) of every column,
# numbers in bins, from 0.1 on. The bins here are those of our picture of a column.
NANNYML_DISTANCE = 0.1
# Source: azureml-assets, data_drift_signal_monitor: normed Wasserstein distance and Jensen-Shannon distance (base 2).
AZURE_DISTANCE = 0.1


@dataclass(frozen=True, slots=True)
class Compared:
    """The columns of a window that were compared, and the rows of the smaller side."""

    columns: Sequence[ColumnReport]
    rows: int


def raw_p(compared: Compared) -> bool:
    return any(column.p_value is not None and column.p_value < P_VALUE for column in compared.columns)


def psi(compared: Compared) -> bool:
    return any(column.measures.get("PSI", 0.0) > PSI for column in compared.columns)


def evidently_column(compared: Compared) -> bool:
    return any(_evidently(column, compared.rows) for column in compared.columns)


def evidently_whole(compared: Compared) -> bool:
    drifted = sum(_evidently(column, compared.rows) for column in compared.columns)
    return drifted >= EVIDENTLY_SHARE * max(1, len(compared.columns))


def nannyml(compared: Compared) -> bool:
    return any(_picture_distance(column) > NANNYML_DISTANCE for column in compared.columns)


def azure(compared: Compared) -> bool:
    return any(
        max(column.measures.get(name, 0.0) for name in ("Wasserstein", "JS")) > AZURE_DISTANCE
        for column in compared.columns
    )


def _evidently(column: ColumnReport, rows: int) -> bool:
    if rows <= EVIDENTLY_ROWS:
        return column.p_value is not None and column.p_value < P_VALUE
    if "Wasserstein" in column.measures:
        return column.measures["Wasserstein"] >= EVIDENTLY_DISTANCE
    return column.measures.get("JS", 0.0) * math.sqrt(math.log(2)) >= EVIDENTLY_DISTANCE


def _picture_distance(column: ColumnReport) -> float:
    if "JS" in column.measures or column.histogram is None:
        return column.measures.get("JS", 0.0)
    old, new = np.array(column.histogram.before), np.array(column.histogram.now)
    return math.sqrt(jensen_shannon_divergence(old, new)) if old.sum() and new.sum() else 0.0


RIVALS: Mapping[str, tuple[str, Callable[[Compared], bool]]] = {
    "raw_p": ("p < .05 in any column", raw_p),
    "psi": ("PSI > .1 in any column", psi),
    "evidently_column": ("Evidently's default, any column", evidently_column),
    "evidently_whole": ("Evidently's default, half of the columns", evidently_whole),
    "nannyml": ("NannyML's default, any column", nannyml),
    "azure": ("Azure ML's default, any column", azure),
}
