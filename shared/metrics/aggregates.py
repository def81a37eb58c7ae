"""Metrics that an evaluation measured itself, on all of its rows at once: mAP, BLEU, a ranking's nDCG.

With a standard error their bounds are Student's. Without one they are Hoeffding's, which hold for the mean of any rows
between 0 and 1; nothing bounds what lies outside. Two versions' errors count as independent, which is safe where what
is hard for one is hard for the other.
Source: W. Hoeffding, Journal of the American Statistical Association 58 (1963), theorem 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from shared.metrics.estimates import FEWEST_ROWS, UnusableEvidenceError, WrongEvidenceError

FILE = "metrics.json"
EXAMPLE = '{"version": "challenger", "metric": "map", "value": 0.41, "rows": 500, "standard_error": 0.012}'
_HALVINGS = 60


def _group(written: object) -> object:
    """Return a group as text: {"gender": "F"} is "gender=F"."""
    return ", ".join(f"{key}={value}" for key, value in written.items()) if isinstance(written, Mapping) else written


class Aggregate(BaseModel):
    """One version's metric; `slice` is the group it is of, "gender=F", or "" for all rows."""

    model_config = ConfigDict(strict=True, frozen=True)

    version: Literal["champion", "challenger"]
    metric: str
    value: FiniteFloat
    rows: int = Field(ge=1)
    standard_error: FiniteFloat | None = Field(default=None, gt=0)
    slice: Annotated[str, BeforeValidator(_group)] = ""

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
    entries = document.get("metrics") if isinstance(document, Mapping) else document
    try:
        return tuple(TypeAdapter(list[Aggregate]).validate_python(entries))
    except ValidationError as exc:
        error = exc.errors()[0]
        place = "".join(f"[{part}]" for part in error["loc"])
        problem = f"{FILE}{place}: {error['msg']}; write a list of entries such as {EXAMPLE}"
        raise WrongEvidenceError(problem) from exc


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
