"""Surveys of the parts of a reference, merged into one of the whole.

Rows are sampled by random priorities and extremes by their values, so that the smallest priorities and the outermost
values of all parts are those of the whole. Which rows are drawn depends on the parts; the counts around the edges that
follow from them do not.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from shared.drift.profiles.survey import EXTREMES, SEED, Categories, ColumnSurvey, Extremes, Survey
from shared.drift.rows.equal import coarser

if TYPE_CHECKING:
    from numpy.typing import NDArray


def survey_of_part(number: int, ignore: frozenset[str]) -> Survey:
    """Return an empty survey of one part; the first part's draws as one of a whole does."""
    survey = Survey(ignore)
    if number:
        survey._random = np.random.default_rng([SEED, number])
    return survey


def add_survey(total: Survey, part: Survey) -> None:
    """Add another part's survey to the total; the part is not to be used any more."""
    earlier, drawn = len(total._priorities), len(part._priorities)
    for name in part.columns:
        if name not in total.columns:
            total.columns[name] = ColumnSurvey(earlier)
    for name, column in total.columns.items():
        other = part.columns.get(name)
        if other is None:
            column.skip(drawn)
        else:
            _add_column(column, other)
    total.rows += part.rows
    total._priorities = np.concatenate([total._priorities, part._priorities])
    total._threshold = min(total._threshold, part._threshold)
    places = np.flatnonzero(total._priorities < total._threshold)
    if len(places) < len(total._priorities):
        total._priorities = total._priorities[places]
        for column in total.columns.values():
            column.keep(places)
    total._thin()


def _add_column(total: ColumnSurvey, part: ColumnSurvey) -> None:
    for name in ("rows", "numbers", "infinite", "texts", "times", "zoneless", "dates", "zoneless_dates"):
        setattr(total, name, getattr(total, name) + getattr(part, name))
    total.precision = coarser(total.precision, part.precision)
    if total._sample or part._sample:
        total._sample = [_drawn(total), _drawn(part)]
    total._drawn += part._drawn
    _add_extremes(total._extremes, part._extremes)
    total._moments += part._moments
    _add_categories(total.categories, part.categories)


def _drawn(column: ColumnSurvey) -> NDArray[np.float64]:
    return column.sample if column._sample else np.full(column._drawn, math.nan)


def _add_extremes(total: Extremes, part: Extremes) -> None:
    total.low = _few(np.concatenate([total.low, part.low]))
    total.high = -_few(-np.concatenate([total.high, part.high]))
    total._below = float(total.low.max()) if len(total.low) >= EXTREMES else math.inf
    total._above = float(total.high.min()) if len(total.high) >= EXTREMES else -math.inf


def _few(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the smallest."""
    return np.partition(values, EXTREMES - 1)[:EXTREMES] if len(values) >= EXTREMES else values


def _add_categories(total: Categories, part: Categories) -> None:
    total._total += part._total
    total.has_forgotten |= part.has_forgotten
    total._names_rows |= part._names_rows
    total.counts.update(part.counts)
    if total._names_rows:
        total.counts.clear()
    total.drop_rarest()
