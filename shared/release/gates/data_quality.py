"""The training data is sound: `{data_quality: {label: late, missing_at_most: 5%, ranges: {dep_hour: [0, 23]}}}`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, model_validator

from shared.domain.releases.verdict import GateResult, Verdict
from shared.metrics.binary import MetricUndefinedError, roc_auc
from shared.policy.sections.quantities import Percent
from shared.policy.sections.section import Section
from shared.release.gates.spec import GateEvidence, GateSpec

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

FEWEST_ROWS = 100
# A category with fewer rows would seem to know the label by chance.
FEWEST_OF_CATEGORY = 20
FEWEST_PER_CLASS = 10
NAMED = 5


class DataQuality(Section):
    """What the rows that a version was trained on must be like.

    `leakage_at_most` is how well one column alone may tell the label, as an area under the ROC curve.
    """

    input: str = "training_data"
    label: str | None = None
    columns: tuple[str, ...] = ()
    missing_at_most: Percent = 5.0
    duplicates_at_most: Percent = 1.0
    ranges: dict[str, tuple[float, float]] = Field(default_factory=dict)
    leakage_at_most: float = Field(default=0.98, gt=0.5, le=1)

    @model_validator(mode="after")
    def _has_sound_ranges(self) -> DataQuality:
        for column, (low, high) in self.ranges.items():
            if not low <= high:
                raise ValueError(f"the range of {column} ends before it begins; write [{high:g}, {low:g}]")
        return self


def judge(gate: DataQuality, evidence: GateEvidence) -> GateResult:
    name, table = title(gate), evidence.lineage.training_data
    if table is None:
        reason = evidence.lineage.problem or "the training data is not known"
        return GateResult(name, Verdict.INCONCLUSIVE, f"the training data cannot be looked at: {reason}")
    if len(table) < FEWEST_ROWS:
        reason = f"{len(table)} rows of training data are too few to be judged; {FEWEST_ROWS} are needed"
        return GateResult(name, Verdict.INCONCLUSIVE, reason)
    problems = [*_schema(gate, table), *_missing(gate, table), *_ranges(gate, table), *_duplicates(gate, table)]
    problems += _leakage(gate, table)
    numbers = {"rows": float(len(table)), "columns": float(len(table.columns)), "problems": float(len(problems))}
    if problems:
        return GateResult(name, Verdict.FAIL, f"the training data is not sound: {'; '.join(problems)}", numbers)
    if rarer := _too_few_to_know_leakage(gate, table):
        reason = f"{rarer}; {FEWEST_PER_CLASS} of each are needed to see whether a column tells it; all else is sound"
        return GateResult(name, Verdict.INCONCLUSIVE, reason, numbers)
    reason = f"{len(table):,} rows and {len(table.columns)} columns of training data are sound"
    return GateResult(name, Verdict.PASS, reason, numbers)


def _schema(gate: DataQuality, table: pd.DataFrame) -> Iterator[str]:
    required = {*gate.columns, *gate.ranges, *([gate.label] if gate.label else [])}
    if lacking := sorted(required - {*map(str, table.columns)}):
        yield f"it lacks {', '.join(lacking)}"


def _missing(gate: DataQuality, table: pd.DataFrame) -> Iterator[str]:
    shares = 100 * table.isna().mean()
    above = shares[shares > gate.missing_at_most].sort_values(ascending=False)
    if len(above):
        named = ", ".join(f"{column} {share:.1f} %" for column, share in above.head(NAMED).items())
        yield f"values are missing in {named}; at most {gate.missing_at_most:g} % may be"
    if gate.label in table.columns and table[gate.label].isna().any():
        yield f"{int(table[gate.label].isna().sum())} rows have no label"


def _ranges(gate: DataQuality, table: pd.DataFrame) -> Iterator[str]:
    import pandas as pd

    for column, (low, high) in gate.ranges.items():
        if column in table.columns:
            values = pd.to_numeric(table[column], errors="coerce")
            outside = int(((values < low) | (values > high) | (values.isna() & table[column].notna())).sum())
            if outside:
                yield f"{outside:,} values of {column} are not between {low:g} and {high:g}"


def _duplicates(gate: DataQuality, table: pd.DataFrame) -> Iterator[str]:
    import pandas as pd

    share = 100 * float(pd.util.hash_pandas_object(table.astype(str), index=False).duplicated().mean())
    if share > gate.duplicates_at_most:
        yield f"{share:.1f} % of the rows repeat others; at most {gate.duplicates_at_most:g} % may"


def _too_few_to_know_leakage(gate: DataQuality, table: pd.DataFrame) -> str:
    """Return how few rows there are of a class of labels 0 and 1, with which some column tells it by chance; "" when
    there are enough."""
    if gate.label not in table.columns or not table[gate.label].isin([0, 1]).all():
        return ""
    rarer = min(int((table[gate.label] == label).sum()) for label in (0, 1))
    return f"{rarer} rows of one label are too few" if 0 < rarer < FEWEST_PER_CLASS else ""


def _leakage(gate: DataQuality, table: pd.DataFrame) -> Iterator[str]:
    """Yield the columns that alone tell a label of 0 and 1; other labels are not looked at."""
    if gate.label not in table.columns or not table[gate.label].isin([0, 1]).all():
        return
    if _too_few_to_know_leakage(gate, table):
        return
    labels = table[gate.label].to_numpy(dtype=np.float64)
    for column in table.columns:
        if column != gate.label and (area := _area(table[column], labels)) > gate.leakage_at_most:
            yield f"{column} alone tells the label (area {area:.3f}): it may be known only afterwards"


def _area(column: pd.Series[Any], labels: Numbers) -> float:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        values = column.astype(np.float64)
        scores = values.fillna(values.median() if values.notna().any() else 0.0)
    else:
        groups = pd.Series(labels).groupby(column.astype(str).to_numpy())
        is_common = groups.transform("size") >= FEWEST_OF_CATEGORY
        scores = groups.transform("mean").where(is_common, float(labels.mean()))
    try:
        area = roc_auc(labels, np.asarray(scores, dtype=np.float64))
    except MetricUndefinedError:
        return 0.5
    return max(area, 1 - area)


def title(gate: DataQuality) -> str:
    return f"data quality of {gate.input}"


SPEC = GateSpec("data_quality", DataQuality, "training-data", judge, title)
