"""How the profile of a reference is made, in two passes over its rows."""

from __future__ import annotations

import functools
import operator
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shared.drift.profiles.blocks import BlockCounts, BlockTally, placed
from shared.drift.profiles.counts import ColumnCounts, WindowCounts
from shared.drift.profiles.edges import edges_of, quantile
from shared.drift.profiles.reference import (
    MOST_DISTINCT,
    CategoricalColumn,
    Column,
    NumericColumn,
    OtherColumn,
    Profile,
)
from shared.drift.profiles.survey import ColumnSurvey, Survey
from shared.drift.profiles.variation import variation_of
from shared.drift.rows.batches import THREADS, Source, ahead, is_batch, pieces, row_count, share_out

if TYPE_CHECKING:
    from numpy.typing import NDArray


# Rows below which handing columns to another thread costs more than it saves.
SMALL_BATCH = 10_000


def profile(source: Source, ignore: Collection[str] = (), threads: int = THREADS) -> Profile:
    """Return the profile of a reference; columns named in `ignore` (labels, row ids) are left out.

    The rows are read twice: first to choose the edges, then to count around them. In one pass the counts would be
    estimates (a sketch's), and a comparison with a window would have to allow for their error. Never rejects rows: no
    rows at all, columns without values and infinities are recorded as such.

    Args:
        source: a DataFrame, a pyarrow Table or RecordBatch, or an iterable of them that can be read again.

    Raises:
        TypeError: the iterable can be read only once.
        ValueError: it held other rows the second time.
    """
    if isinstance(source, Iterator):
        raise TypeError("a profile reads its rows twice; give a list, or a reader that can be read again")
    source = list(pieces(source)) if is_batch(source) else source
    survey = _surveyed(source, frozenset(ignore), threads)
    plan = planned(survey)
    digest = plan.digest
    tallies = [BlockTally(plan, digest) for _ in range(threads if plan.rows > SMALL_BATCH else 1)]
    share_out(placed(pieces(source)), tallies)
    counts = sum((tally.counts() for tally in tallies), WindowCounts(digest))
    return filled(plan, counts, functools.reduce(operator.add, (tally.blocks() for tally in tallies)))


def planned(survey: Survey) -> Profile:
    """Return the edges and categories that follow from a survey; its counts are those of the sampled rows."""
    with ThreadPoolExecutor(THREADS) as pool:
        return Profile(survey.rows, tuple(pool.map(lambda item: _planned(*item), survey.columns.items())))


def filled(plan: Profile, counts: WindowCounts, blocks: BlockCounts | None = None) -> Profile:
    """Return the plan with the counts of the surveyed rows, and of their blocks.

    Raises:
        ValueError: other rows were counted than were surveyed.
    """
    if counts.rows != plan.rows:
        raise ValueError(f"the reference had {plan.rows} rows at first and {counts.rows} then; profile again")
    columns = (_filled(column, counts.columns[column.name], counts.rows) for column in plan.columns)
    return replace(plan, columns=tuple(_varied(column, blocks) for column in columns))


def _varied(column: Column, blocks: BlockCounts | None) -> Column:
    if blocks is None or isinstance(column, OtherColumn):
        return column
    return replace(column, variation=variation_of(column, blocks))


def _surveyed(source: Source, ignore: frozenset[str], threads: int) -> Survey:
    survey = Survey(ignore)
    with ThreadPoolExecutor(threads) as pool:
        for batch in ahead(pieces(source)):
            survey.add(batch, pool.map if row_count(batch) > SMALL_BATCH else map)
    return survey


def _planned(name: str, survey: ColumnSurvey) -> Column:
    """Return the column with its edges or categories, and nothing counted yet.

    Times come first, since dates are often written as text; a column with any text left is one of categories, since
    numbers can be read as text, but not the other way round.
    """
    if survey.times + survey.dates > survey.numbers + survey.texts - survey.dates:
        foreign = survey.numbers + survey.texts - survey.dates
        return OtherColumn(
            name, 0, survey.times + survey.dates, "datetime", survey.zoneless + survey.zoneless_dates, foreign=foreign
        )
    if survey.texts:
        if survey.numbers:
            survey.categories.add_numbers(survey.sample)
        counts = survey.categories.counts
        present = survey.numbers + survey.texts
        # All that the survey counted one by one: whether a window's value is new depends on them.
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_DISTINCT]
        categories = tuple((text, 0) for text, _ in ranked)
        other = max(0, present - sum(rows for _, rows in ranked))
        planned = CategoricalColumn(name, 0, present, survey.categories.distinct, categories, other)
        return replace(planned, categories=(), other=present) if planned.is_identifier else planned
    if survey.numbers:
        sample = np.sort(survey.sample[np.isfinite(survey.sample)])
        edges = tuple(edges_of(sample, survey.extremes).tolist())
        # How many of the sampled values lie below and up to each edge.
        below, up_to = (tuple(np.searchsorted(sample, edges, side=side).tolist()) for side in ("left", "right"))
        mean, std = survey.mean_and_std
        column = NumericColumn(name, 0, survey.numbers, survey.infinite, edges, below, up_to, None, False, mean, std)
        return replace(column, precision=survey.precision)
    return OtherColumn(name, 0, 0, "empty")


def _filled(column: Column, counts: ColumnCounts, rows: int) -> Column:
    nulls = rows - counts.present
    match column:
        case NumericColumn():
            return _filled_numbers(replace(column, nulls=nulls), counts)
        case CategoricalColumn() if not column.is_identifier:
            counted = [(text, int(n)) for (text, _), n in zip(column.categories, counts.known, strict=True)]
            ranked = tuple(sorted(counted, key=lambda item: (-item[1], item[0])))
            return replace(column, nulls=nulls, categories=ranked, other=counts.unseen)
    return replace(column, nulls=nulls)


def _filled_numbers(column: NumericColumn, counts: ColumnCounts) -> NumericColumn:
    filled = replace(column, below=tuple(counts.below.tolist()), up_to=tuple(counts.up_to.tolist()))
    on_edges: NDArray[np.int64] = counts.up_to - counts.below
    is_exact = int(on_edges.sum()) == column.present - column.infinite
    return replace(filled, is_exact=is_exact, median=quantile(filled, counts, 0.5))


__all__ = ["Profile", "profile"]
