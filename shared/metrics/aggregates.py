"""Metrics that an evaluation measured itself, on all of its rows at once: mAP, BLEU, a ranking's nDCG.

With a standard error their bounds are Student's. Without one they are Hoeffding's, which hold for the mean of any rows
between 0 and 1; nothing bounds what lies outside. Two versions' errors count as independent, which is safe where what
is hard for one is hard for the other.
Source: W. Hoeffding, Journal of the American Statistical Association 58 (1963), theorem 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from shared.metrics.estimates import FEWEST_ROWS, UnusableEvidenceError, WrongEvidenceError

FILE = "metrics.json"
EXAMPLE = '{"version": "challenger", "metric": "map", "value": 0.41, "rows": 500, "standard_error": 0.012}'
_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One version's metric; `slice` is the group it is of, "gender=F", or "" for all rows."""

    version: str
    metric: str
    value: float
    rows: int
    standard_error: float | None = None
    slice: str = ""

    @property
    def hits(self) -> None:
        """Return nothing: which rows were right is not known."""

    def bounds(self, confidence: float) -> tuple[float, float]:
        """Return the lower and the upper bound, each with that confidence."""
        if self.standard_error is None:
            return self._farthest(0.0, confidence), self._farthest(1.0, confidence)
        reach = _student(self.rows, confidence) * self.standard_error
        return self.value - reach, self.value + reach

    def _farthest(self, side: float, confidence: float) -> float:
        """Return the mean towards that side of which a value as far away is as rare as the confidence says."""
        near, far = self.value, side
        for _ in range(_HALVINGS):
            middle = (near + far) / 2
            if self.rows * _divergence(self.value, middle) <= -math.log(1 - confidence):
                near = middle
            else:
                far = middle
        return far


def gain_of(champion: Aggregate, challenger: Aggregate, confidence: float) -> tuple[float, float]:
    """Return the bounds of challenger − champion."""
    gain = challenger.value - champion.value
    if champion.standard_error is not None and challenger.standard_error is not None:
        error = math.hypot(champion.standard_error, challenger.standard_error)
        reach = _student(min(champion.rows, challenger.rows), confidence) * error
        return gain - reach, gain + reach
    (lowest, highest), (low, high) = (arm.bounds((1 + confidence) / 2) for arm in (champion, challenger))
    return low - highest, high - lowest


def _student(rows: int, confidence: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(rows - 1, confidence))


def _divergence(share: float, supposed: float) -> float:
    """Return how many nats a share says against the supposed one."""
    terms = ((share, supposed), (1 - share, 1 - supposed))
    return sum(p * math.log(p / q) if q > 0 else math.inf for p, q in terms if p > 0)


def read_aggregates(document: object) -> tuple[Aggregate, ...]:
    """Return what the file holds.

    Raises:
        WrongEvidenceError: it holds something else; the message says what to write.
    """
    entries = (
        document if isinstance(document, list) else document.get("metrics") if isinstance(document, dict) else None
    )
    if not isinstance(entries, list):
        raise WrongEvidenceError(f"{FILE} holds no list of metrics; write [{EXAMPLE}]")
    return tuple(_aggregate(number, entry) for number, entry in enumerate(entries, start=1))


def _aggregate(number: int, entry: object) -> Aggregate:
    for problem in _problems(entry):
        raise WrongEvidenceError(f"{FILE}, entry {number}: {problem}; write e.g. {EXAMPLE}")
    assert isinstance(entry, Mapping)
    error, group = entry.get("standard_error"), entry.get("slice", "")
    if isinstance(group, Mapping):
        group = ", ".join(f"{column}={value}" for column, value in group.items())
    error = None if error is None else float(error)
    return Aggregate(entry["version"], entry["metric"], float(entry["value"]), int(entry["rows"]), error, str(group))


def _problems(entry: object) -> Iterator[str]:
    if not isinstance(entry, Mapping):
        yield "it is no object"
        return
    if entry.get("version") not in {"champion", "challenger"}:
        yield "version is neither champion nor challenger"
    if not isinstance(entry.get("metric"), str) or not entry["metric"]:
        yield "metric is no name"
    if not _is_number(entry.get("value")):
        yield "value is no finite number"
    rows, error = entry.get("rows"), entry.get("standard_error")
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 1:
        yield "rows is no whole number above 0"
    if error is not None and (not _is_number(error) or error <= 0):
        yield "standard_error is no number above 0"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def find_aggregate(aggregates: Iterable[Aggregate], metric: str, version: str, group: str = "") -> Aggregate | None:
    """Return the aggregate of that metric; None when the evaluation gives none.

    Raises:
        WrongEvidenceError: nothing bounds it, or there are two.
        UnusableEvidenceError: it is of too few rows.
    """
    match = [entry for entry in aggregates if (entry.metric, entry.version, entry.slice) == (metric, version, group)]
    if not match:
        return None
    if len(match) > 1:
        raise WrongEvidenceError(f"{FILE} gives {metric} of the {version} {len(match)} times; write it once")
    (only,) = match
    if only.standard_error is None and not 0 <= only.value <= 1:
        problem = f"{FILE} gives {metric} as {only.value:g} and no standard_error, so that nothing bounds it"
        raise WrongEvidenceError(f"{problem}; write one, or the score of each row as {version}_{metric}")
    if only.rows < FEWEST_ROWS:
        raise UnusableEvidenceError(f"{only.rows:,} rows are too few; {FEWEST_ROWS} are needed")
    return only
