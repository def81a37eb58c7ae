"""Groups of rows by one column each, and means over them with errors that allow for dependent neighbouring rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.drift.rows.columns import kind_of, named_columns
from shared.drift.rows.equal import around, number_text, numbers_of, sense, senses

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Codes = NDArray[np.int64]

PARTS = 10
MOST_COLUMNS = 20
BLOCKS = 10


@dataclass(frozen=True, slots=True)
class Segmentation:
    """How one column cuts rows into segments: by `edges` for numbers, else by `categories` and the rest.

    Missing values are the last segment.
    """

    column: str
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        if self.categories:
            return (*self.categories, "any other", "missing")
        if not self.edges:
            return ("any", "missing")
        between = [f"{low:.4g} to below {high:.4g}" for low, high in zip(self.edges, self.edges[1:], strict=False)]
        return (f"below {self.edges[0]:.4g}", *between, f"{self.edges[-1]:.4g} or more", "missing")

    def codes(self, column: pd.Series[Any]) -> Codes:
        """Return each row's segment, as a position in `labels`."""
        import pandas as pd

        last = len(self.labels) - 1
        if self.categories:
            places = {name: number for number, name in enumerate(self.categories)}
            read_as, other = senses(self.categories), len(self.categories)
            try:
                codes, distinct = pd.factorize(column.astype(object))
            except TypeError:  # lists and records have no hash, their text has
                codes, distinct = pd.factorize(column.astype(str))
            names = [number_text(value) if isinstance(value, float) else str(value) for value in distinct]
            chosen = [places.get(name, read_as.get(sense(name), other)) for name in names]
            positions = np.array([*chosen, other], dtype=np.int64)[codes]
        else:
            numbers = numbers_of(column)
            reach, _ = around(np.array(self.edges))
            positions = np.where(np.isnan(numbers), last, np.searchsorted(reach, numbers, side="right"))
        return np.where(column.isna().to_numpy(dtype=bool), last, positions).astype(np.int64)


def segmentations(frame: pd.DataFrame, columns: Sequence[str] = (), ignore: Collection[str] = ()) -> list[Segmentation]:
    """Return how the frame's columns cut it: numbers at their deciles, categories by the most frequent ones.

    Args:
        columns: the ones to use, most important first; all when empty. Dates and empty columns are left out.
    """
    existing = {name: column for name, column in named_columns(frame).items() if name not in ignore}
    chosen = [name for name in columns if name in existing] if columns else list(existing)
    cuts = [_segmentation(name, existing[name]) for name in chosen]
    return [cut for cut in cuts if cut][:MOST_COLUMNS]


def _segmentation(name: str, column: pd.Series[Any]) -> Segmentation | None:
    import pandas as pd

    match kind_of(column):
        case "numeric":
            numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
            finite = numbers[np.isfinite(numbers)]
            cuts = np.quantile(finite, np.linspace(0, 1, PARTS + 1)[1:-1], method="inverted_cdf") if len(finite) else []
            return Segmentation(name, edges=tuple(np.unique(cuts).tolist()))
        case "categorical":
            frequent = column.dropna().astype(str).value_counts().head(PARTS - 1)
            return Segmentation(name, categories=tuple(map(str, frequent.index)))
    return None


@dataclass(frozen=True, slots=True)
class BlockMeans:
    """The mean of a number per segment, its standard error, and how many blocks' worth of evidence it rests on."""

    mean: Numbers
    error: Numbers
    blocks: Numbers
    rows: Codes


def block_means(values: Numbers, codes: Codes, segments: int) -> BlockMeans:
    """Return the means over the segments, with errors from the scatter of consecutive blocks, not of rows.

    Source: the ratio estimator over clusters, W. G. Cochran, Sampling Techniques, 3rd ed. (1977), eq. 6.13 without
    the finite-population term. Rows within a block may depend on one another as they like.
    """
    block = block_of(len(values), BLOCKS)
    cell = codes * BLOCKS + block
    sums = np.bincount(cell, weights=values, minlength=segments * BLOCKS).reshape(segments, BLOCKS)
    counts = np.bincount(cell, minlength=segments * BLOCKS).reshape(segments, BLOCKS)
    rows = counts.sum(axis=1)
    some = np.maximum(rows, 1)
    mean = sums.sum(axis=1) / some
    scatter = np.sum((sums - mean[:, np.newaxis] * counts) ** 2, axis=1) * BLOCKS / (BLOCKS - 1)
    blocks = rows.astype(np.float64) ** 2 / np.maximum(np.sum(counts.astype(np.float64) ** 2, axis=1), 1)
    return BlockMeans(mean, np.sqrt(scatter) / some, blocks, rows)


def block_of(rows: int, blocks: int) -> Codes:
    """Return the block that each of so many consecutive rows falls in, from 0; all about equally long."""
    return np.arange(rows, dtype=np.int64) * blocks // max(rows, 1)


def within_blocks(values: Numbers) -> Numbers:
    """Return how far each value is from the mean of its block."""
    block = block_of(len(values), BLOCKS)
    means = np.bincount(block, weights=values, minlength=BLOCKS) / np.maximum(np.bincount(block, minlength=BLOCKS), 1)
    return values - means[block]


def change_p_values(old: BlockMeans, now: BlockMeans) -> Numbers:
    """Return the two-sided p-value per segment that both means are one; 1 where either has too little evidence.

    Source: B. L. Welch, Biometrika 34 (1947), with blocks as observations.
    """
    from scipy.special import stdtr

    variances = old.error**2, now.error**2
    total = variances[0] + variances[1]
    enough = (np.minimum(old.blocks, now.blocks) >= BLOCKS / 2) & (total > 0)
    safe = np.where(enough, total, 1.0)
    parts = (variance**2 / np.maximum(side.blocks - 1, 1) for variance, side in zip(variances, (old, now), strict=True))
    freedom = np.where(enough, safe**2 / np.maximum(sum(parts), 1e-300), 1.0)
    p_values = 2 * stdtr(freedom, -np.abs(now.mean - old.mean) / np.sqrt(safe))
    return np.asarray(np.where(enough, p_values, 1.0), dtype=np.float64)
