"""A first pass over a reference, in bounded memory: where its edges should lie and which categories to store."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from shared.drift.profiles.reference import IDENTIFIER_SHARE, MOST_DISTINCT
from shared.drift.rows.batches import Batch, named_columns, row_count
from shared.drift.rows.equal import Precision, coarser, number_text
from shared.drift.rows.values import Texts, Values, values_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Rows drawn for the quantiles, up to twice as many: all of a smaller reference. Of a larger one a level is met to
# within 0.003 (the standard deviation of a decile's place).
SAMPLED_ROWS = 32_768
SAMPLED_CELLS = 2_000_000
LEAST_SAMPLED_ROWS = 2_000
# So many of a column's extreme values are known exactly, whatever the sample holds.
EXTREMES = 512
SEED = 20261120


class Survey:
    """Adds batches up, in their order."""

    def __init__(self, ignore: frozenset[str]) -> None:
        self._ignore = ignore
        self._random = np.random.default_rng(SEED)
        self._priorities: NDArray[np.float64] = np.empty(0)
        self._threshold = 1.0
        self.rows = 0
        self.columns: dict[str, ColumnSurvey] = {}

    def add(self, batch: Batch, side_by_side: Callable[..., Iterable[None]] = map) -> None:
        """Add a batch.

        Args:
            side_by_side: `map`, or that of a pool: columns know nothing of one another.
        """
        size, earlier = row_count(batch), len(self._priorities)
        drawn = self._random.random(size)
        taken = np.flatnonzero(drawn < self._threshold)
        self._priorities = np.concatenate([self._priorities, drawn[taken]])
        columns = {name: column for name, column in reversed([*named_columns(batch)]) if name not in self._ignore}
        for name in reversed(columns):
            if name not in self.columns:
                self.columns[name] = ColumnSurvey(earlier)

        def look(names: list[str]) -> None:
            for name in names:
                self.columns[name].add(values_of(columns[name]), taken)

        names = list(columns)
        for _ in side_by_side(look, [names[::2], names[1::2]]):
            pass
        for name in self.columns.keys() - columns.keys():
            self.columns[name].skip(len(taken))
        self.rows += size
        self._thin()

    def _thin(self) -> None:
        """Keep the rows of the smallest priorities.

        Each row drew its own, so the sample is uniform, and those of two parts can be merged by their priorities.
        """
        most = max(LEAST_SAMPLED_ROWS, min(SAMPLED_ROWS, SAMPLED_CELLS // max(1, len(self.columns))))
        if len(self._priorities) <= 2 * most:
            return
        self._threshold = float(np.partition(self._priorities, most)[most])
        places = np.flatnonzero(self._priorities < self._threshold)
        self._priorities = self._priorities[places]
        for column in self.columns.values():
            column.keep(places)


class ColumnSurvey:
    """One column so far; `drawn` rows were drawn before it first appeared."""

    def __init__(self, drawn: int) -> None:
        self.rows = self.numbers = self.infinite = self.texts = self.times = self.zoneless = 0
        self.dates = self.zoneless_dates = 0  # of the texts
        self.precision: Precision = ""
        self._drawn = drawn
        self._sample: list[NDArray[np.float64]] = []
        self._extremes = Extremes()
        self._moments: list[tuple[int, float, float]] = []
        self.categories = Categories()

    def add(self, values: Values, taken: NDArray[np.intp]) -> None:
        self.rows += values.rows
        self.times += values.times
        self.zoneless += values.zoneless
        if values.texts:
            self.texts += values.texts.total
            self._add_dates(values.texts)
            self.categories.add(values.texts)
        self.precision = coarser(self.precision, values.precision)
        if not len(values.numbers):
            self.skip(len(taken))
            return
        numbers = values.numbers
        if len(numbers) < values.rows:
            numbers = np.concatenate([numbers, np.full(values.rows - len(numbers), math.nan)])
        if not self._sample:
            self._sample.append(np.full(self._drawn, math.nan))
        self._sample.append(numbers[taken])
        self._drawn += len(taken)
        self._add_numbers(numbers)

    def _add_dates(self, texts: Texts) -> None:
        if bool((are_times := texts.are_times).any()):
            dates = texts.where(are_times)
            self.dates += dates.total
            self.zoneless_dates += int(dates.counts[dates.are_zoneless].sum())

    def skip(self, taken: int) -> None:
        """Add drawn rows without a number."""
        self._drawn += taken
        if self._sample:
            self._sample.append(np.full(taken, math.nan))

    def keep(self, places: NDArray[np.intp]) -> None:
        self._drawn = len(places)
        if self._sample:
            self._sample = [self.sample[places]]

    @property
    def sample(self) -> NDArray[np.float64]:
        """Return one value per drawn row, NaN where it is missing; empty when no row had a number."""
        if len(self._sample) != 1:
            self._sample = [np.concatenate(self._sample)] if self._sample else []
        return self._sample[0] if self._sample else np.empty(0)

    @property
    def extremes(self) -> NDArray[np.float64]:
        """Return the smallest and the largest finite values, ascending, some twice."""
        return np.sort(np.concatenate([self._extremes.low, self._extremes.high]))

    @property
    def mean_and_std(self) -> tuple[float | None, float | None]:
        """Return both of the finite values; None without any, or beyond what a double holds."""
        count = sum(size for size, _, _ in self._moments)
        if not count:
            return None, None
        try:
            mean = math.fsum(size * at for size, at, _ in self._moments) / count
            spread = math.fsum(size * (at - mean) ** 2 + squares for size, at, squares in self._moments)
        except (OverflowError, ValueError):
            return None, None
        std = math.sqrt(spread / count)
        return (mean if math.isfinite(mean) else None), (std if math.isfinite(std) else None)

    def _add_numbers(self, numbers: NDArray[np.float64]) -> None:
        # NaN and infinities show in both.
        least, most = float(numbers.min()), float(numbers.max())
        if not (math.isfinite(least) and math.isfinite(most)):
            present = numbers[~np.isnan(numbers)]
            numbers = present[np.isfinite(present)]
            self.numbers += len(present)
            self.infinite += len(present) - len(numbers)
            if not len(numbers):
                return
            least, most = float(numbers.min()), float(numbers.max())
        else:
            self.numbers += len(numbers)
        self._extremes.add(numbers, least, most)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(numbers.mean())
            # Not as a dot product: BLAS would start threads of its own for it.
            away = np.square(numbers - mean)
            self._moments.append((len(numbers), mean, float(away.sum())))


class Extremes:
    """The smallest and the largest values."""

    def __init__(self) -> None:
        self.low: NDArray[np.float64] = np.empty(0)
        self.high: NDArray[np.float64] = np.empty(0)
        self._below, self._above = math.inf, -math.inf

    def add(self, numbers: NDArray[np.float64], least: float, most: float) -> None:
        if most > self._above:
            self.high = np.concatenate([self.high, numbers[numbers > self._above]])
            if len(self.high) >= EXTREMES:
                self.high = np.partition(self.high, len(self.high) - EXTREMES)[-EXTREMES:]
                self._above = float(self.high.min())
        if least < self._below:
            self.low = np.concatenate([self.low, numbers[numbers < self._below]])
            if len(self.low) >= EXTREMES:
                self.low = np.partition(self.low, EXTREMES - 1)[:EXTREMES]
                self._below = float(self.low.max())


class Categories:
    """How often each text occurs; when there are very many, the rarest are dropped."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.has_forgotten = False
        self._total = 0
        self._names_rows = False

    @property
    def distinct(self) -> int:
        """Return how many texts there are; beyond `MOST_DISTINCT` at least so many."""
        return max(len(self.counts), MOST_DISTINCT + 1) if self.has_forgotten else len(self.counts)

    def add(self, texts: Texts) -> None:
        self._total += texts.total
        if self._names_rows:
            return
        for text, count in zip(texts.distinct.to_pylist(), texts.counts.tolist(), strict=True):
            self.counts[text] += count
        self.drop_rarest()

    def drop_rarest(self) -> None:
        """Drop the rarest texts if there are very many, and all of them if they name rows."""
        if len(self.counts) > 2 * MOST_DISTINCT:
            self._names_rows = len(self.counts) > IDENTIFIER_SHARE * self._total
            self.counts = Counter({} if self._names_rows else dict(self.counts.most_common(MOST_DISTINCT)))
            self.has_forgotten = True

    def add_numbers(self, sample: NDArray[np.float64]) -> None:
        """Make room for numbers among the texts: those that a sample holds."""
        distinct, counts = np.unique(sample[~np.isnan(sample)], return_counts=True)
        for number, count in zip(distinct.tolist(), counts.tolist(), strict=True):
            self.counts[number_text(number)] += count
