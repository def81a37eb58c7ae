"""Which rows and columns of a table a metric is of: the evaluation's, or what was served beside its labels."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.metrics.catalogue import CHOICES, CLASS_PROBABILITIES, CLASSES, OWN, RANKING, VALUES, Metric
from shared.metrics.classes import ClassProbabilities, choices, class_text, is_list
from shared.metrics.estimates import Pairs, Sample, Scores, UnusableEvidenceError, WrongEvidenceError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

ROW_ID, LABEL, SCALE = "row_id", "label", "scale"
# How far from 1 a row's probabilities may be together: as far as float32 and rounded texts are.
_ROUNDED = 1e-3
_TRUTH = {"true": 1.0, "false": 0.0}
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one version's answers.

    Args:
        score: a value, or the probability of 1.
        prediction: a class, or a list of them.
        classes: what the columns of each class's probability, and of quantiles, begin with.
        own: what columns of a user's own scores begin with.
    """

    score: str
    prediction: str
    classes: str
    own: str
    label: str = LABEL

    @classmethod
    def of_version(cls, version: str) -> Layout:
        """Return the columns of a version in an evaluation."""
        return cls(f"{version}_score", f"{version}_prediction", f"{version}_score_", f"{version}_")

    @classmethod
    def of_served(cls, label: str) -> Layout:
        """Return the columns of served rows beside their label."""
        return cls("prediction", "prediction", "prediction_", "", label)


CHAMPION, CHALLENGER = Layout.of_version("champion"), Layout.of_version("challenger")
# The evaluation's columns that may hold lists of classes.
LISTS = (LABEL, CHAMPION.prediction, CHALLENGER.prediction)


def one_row_per_id(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without those that repeat another, by their `row_id`; all of them when nothing names them.

    Raises:
        UnusableEvidenceError: rows of one name differ, or have no name.
    """
    if ROW_ID not in scores.columns or scores.empty:
        return scores
    if nameless := int(scores[ROW_ID].isna().sum()):
        raise UnusableEvidenceError(f"{nameless:,} of {len(scores):,} rows have no {ROW_ID}")
    if not scores[ROW_ID].duplicated().any():
        return scores
    once = scores[~scores.astype(str).duplicated()]
    differing = once[ROW_ID][once[ROW_ID].duplicated()].unique()
    if len(differing):
        raise UnusableEvidenceError(
            f"{len(differing):,} rows are there more than once and differ, e.g. {ROW_ID} {differing[0]}; "
            "each row may be evaluated only once"
        )
    return once


def read_sample(metric: Metric, table: pd.DataFrame | None, layout: Layout) -> Sample:
    """Return the rows that the metric is measured on.

    Raises:
        WrongEvidenceError: a column is missing or there twice, or holds what the metric is not of.
        UnusableEvidenceError: there are no rows, or a value is missing or not finite.
    """
    if table is None or table.empty:
        raise UnusableEvidenceError("the evaluation has no rows")
    names = [str(name) for name in table.columns]
    if metric.needs == OWN:
        return Scores(metric, *numbers(table, layout.own + metric.name))
    if metric.needs == VALUES:
        return _values(metric, table, layout)
    has_classes = any(name.startswith(layout.classes) for name in names)
    if metric.needs == CHOICES or (metric.name == "accuracy" and not _is_cut(table, layout, names)):
        return _choices(metric, table, layout, names)
    if metric.needs == CLASS_PROBABILITIES or (metric.name == "log_loss" and has_classes):
        return _probabilities(metric, table, layout, names)
    is_predicted = metric.needs == CLASSES and layout.score not in names and layout.prediction in names
    return _two_classes(metric, table, layout.label, layout.prediction if is_predicted else layout.score)


def _is_cut(table: pd.DataFrame, layout: Layout, names: list[str]) -> bool:
    """Return whether accuracy is that of one score per row, cut in two, and not of predicted classes."""
    if layout.score != layout.prediction:
        return layout.score in names and layout.prediction not in names
    if not {layout.label, layout.score} <= {*names} or any(map(is_list, table[layout.label].head(1))):
        return False
    labels, answers = (table[column].drop_duplicates().tolist() for column in (layout.label, layout.score))
    is_share = all(isinstance(value, int | float) and (0 <= value <= 1 or value != value) for value in answers)
    return is_share and {class_text(label) for label in labels if label == label} <= {"0", "1"}


def _two_classes(metric: Metric, table: pd.DataFrame, label: str, answer: str) -> Pairs:
    labels, scores = numbers(table, label, answer)
    if not bool(np.isin(labels, (0.0, 1.0)).all()):
        raise WrongEvidenceError(
            f"{metric.name} needs labels 0 and 1; got {np.unique(labels)[:5].tolist()}; {_remedy(LABEL)}"
        )
    if metric.needs != RANKING and bool(((scores < 0) | (scores > 1)).any()):
        problem = f"{metric.name} needs probabilities 0-1; got {scores.min():g} to {scores.max():g}"
        raise WrongEvidenceError(f"{problem}; {_remedy(answer)}")
    return Pairs(metric, labels, scores)


def _values(metric: Metric, table: pd.DataFrame, layout: Layout) -> Pairs:
    answer = layout.classes + metric.part if metric.base == "pinball" else layout.score
    labels, answers = numbers(table, layout.label, answer)
    if metric.name == "mape" and (zeros := int(np.count_nonzero(labels == 0))):
        raise WrongEvidenceError(f"mape has no value: {zeros:,} labels are 0; write smape, mae or rmse for such labels")
    if metric.name != "mase":
        return Pairs(metric, labels, answers)
    (scale,) = numbers(table, SCALE)
    if not bool((scale > 0).all()):
        raise WrongEvidenceError(f"{SCALE} must be above 0: the training rows' mean error of the naive forecast")
    return Pairs(metric, labels, answers, scale)


def _choices(metric: Metric, table: pd.DataFrame, layout: Layout, names: list[str]) -> Sample:
    labels = _classes(table, layout.label)
    if layout.prediction in names:
        predicted = _classes(table, layout.prediction)
    else:
        columns = _class_columns(layout, names, f"{layout.prediction} (a class), or {layout.classes}CLASS")
        likeliest = np.column_stack(numbers(table, *columns.values())).argmax(axis=1)
        predicted = [[*columns][place] for place in likeliest]
    if is_list(labels[0]) != is_list(predicted[0]):
        several, one = (layout.label, layout.prediction)[:: 1 if is_list(labels[0]) else -1]
        raise WrongEvidenceError(
            f"{several} holds lists of classes and {one} does not; write lists in both, or in neither"
        )
    sample = choices(metric, labels, predicted)
    _require_class(metric, sample.names)
    return sample


def _probabilities(metric: Metric, table: pd.DataFrame, layout: Layout, names: list[str]) -> Sample:
    labels = _classes(table, layout.label)
    columns = _class_columns(layout, names, f"{layout.classes}CLASS, the probability of each class")
    if is_list(labels[0]):
        raise WrongEvidenceError(
            f"{metric.name} is of one class per row, and {layout.label} holds lists; write e.g. f1_micro"
        )
    _require_class(metric, columns)
    texts = np.array([class_text(label) for label in labels], dtype=object)
    if metric.of_class:
        name = class_text(metric.of_class)
        return Pairs(metric, (texts == name).astype(np.float64), *numbers(table, columns[name]))
    if unknown := sorted({*texts} - {*columns}):
        problem = f"{layout.label} has class {unknown[0]}, and there is no column {layout.classes}{unknown[0]}"
        raise WrongEvidenceError(f"{problem}; {_one_each(layout)}")
    if metric.base == "top" and int(metric.part) >= len(columns):
        raise WrongEvidenceError(
            f"{metric.name} of {len(columns)} classes is always 1; write a smaller number, or accuracy"
        )
    matrix = np.column_stack(numbers(table, *columns.values()))
    if metric.name == "log_loss":
        _require_probabilities(matrix, layout)
    place = {name: number for number, name in enumerate(columns)}
    codes = np.array([place[text] for text in texts], dtype=np.intp)
    return ClassProbabilities(metric, tuple(columns), codes, matrix, np.bincount(codes, minlength=len(columns)) > 0)


def _require_probabilities(matrix: Numbers, layout: Layout) -> None:
    sums = matrix.sum(axis=1)
    if bool(((matrix < 0) | (matrix > 1)).any()):
        raise WrongEvidenceError(
            f"{layout.classes}CLASS must be probabilities 0-1; got {matrix.min():g} to {matrix.max():g}"
        )
    if off := int((np.abs(sums - 1) > _ROUNDED).sum()):
        worst = float(sums[np.abs(sums - 1).argmax()])
        raise WrongEvidenceError(
            f"the probabilities of {off:,} rows do not sum to 1, e.g. to {worst:g}; {_one_each(layout)}"
        )


def _one_each(layout: Layout) -> str:
    return f"write one column {layout.classes}CLASS for each class that the model knows"


def _require_class(metric: Metric, names: Iterable[str]) -> None:
    if metric.of_class and class_text(metric.of_class) not in (existing := sorted(names)):
        more = ", …" if len(existing) > _NAMED else ""
        raise WrongEvidenceError(
            f"{metric.name}: there is no class {metric.of_class}; write one of {', '.join(existing[:_NAMED])}{more}"
        )


def _class_columns(layout: Layout, names: list[str], needed: str) -> dict[str, str]:
    """Return the column of each class's probability, in the order of the classes: by number, else by text."""
    columns: dict[str, str] = {}
    for column in names:
        if column.startswith(layout.classes):
            name = class_text(column.removeprefix(layout.classes))
            if name in columns:
                raise WrongEvidenceError(f"columns {columns[name]} and {column} are of one class; leave one out")
            columns[name] = column
    if not columns:
        raise WrongEvidenceError(f"the evaluation lacks {needed}; it has {', '.join(names)}")
    are_numbers = all(name.lstrip("-").isdecimal() for name in columns)
    return dict(sorted(columns.items(), key=lambda item: (int(item[0]) if are_numbers else 0, item[0])))


def _classes(table: pd.DataFrame, column: str) -> list[Any]:
    """Return a column's classes, one or a list of them per row; lists may be JSON texts, as CSV files hold them."""
    _require_columns(table, column)
    values = table[column].tolist()
    if missing := sum(value is None or (not is_list(value) and value != value) for value in values):
        raise UnusableEvidenceError(f"{missing:,} of {len(values):,} values of {column} are missing")
    if all(isinstance(value, str) and value.lstrip().startswith("[") for value in values):
        try:
            values = [json.loads(value) for value in values]
        except ValueError as exc:
            raise WrongEvidenceError(f'{column} holds lists that are no JSON; write ["a", "b"]') from exc
    if any(map(is_list, values)) and not all(map(is_list, values)):
        raise WrongEvidenceError(f"{column} holds lists in some rows only; write a list in each, [] for none")
    return values


def numbers(table: pd.DataFrame | None, *columns: str) -> tuple[Numbers, ...]:
    """Return the columns as numbers, one value per row.

    Raises:
        WrongEvidenceError: a column is missing or there twice, or does not hold numbers.
        UnusableEvidenceError: there are no rows, or a value is missing or not finite.
    """
    if table is None or table.empty:
        raise UnusableEvidenceError("the evaluation has no rows")
    _require_columns(table, *columns)
    return tuple(_numbers(table[column]) for column in columns)


def _require_columns(table: pd.DataFrame, *columns: str) -> None:
    names = [str(name) for name in table.columns]
    if missing := [column for column in columns if column not in names]:
        raise WrongEvidenceError(f"the evaluation lacks {', '.join(missing)}; it has {', '.join(names)}")
    if twice := [column for column in columns if names.count(column) > 1]:
        raise WrongEvidenceError(f"the evaluation has more than one column {twice[0]}; leave one out")


def _numbers(column: pd.Series[Any]) -> Numbers:
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        texts = column.astype("string").str.strip().str.lower()
        column = texts.map(_TRUTH).fillna(pd.to_numeric(texts, errors="coerce")).where(texts.notna(), np.nan)
        if strange := texts[column.isna() & texts.notna() & (texts != "") & (texts != "nan")].head(1).tolist():
            problem = f"column {texts.name} does not hold numbers: {strange[0]!r:.40}"
            raise WrongEvidenceError(f"{problem}; {_remedy(str(texts.name))}")
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if bad := int((~np.isfinite(values)).sum()):
        raise UnusableEvidenceError(f"{bad:,} of {len(values):,} values of {column.name} are not finite")
    return values


def _remedy(column: str) -> str:
    if column == LABEL:
        return (
            "write 1 for the class that the scores are about and 0 for all else, or the true number; for several "
            "classes name a metric of theirs, e.g. f1_macro"
        )
    return "write plain numbers, probabilities as 0 to 1"
