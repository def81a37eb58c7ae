"""How equally a model must treat groups of people: one section for the gate and for the monitor."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from shared.domain.releases.outcome import Better
from shared.metrics.catalogue import Metric, find_metric
from shared.policy.sections.quantities import Percent
from shared.policy.sections.section import Section


class Fairness(Section):
    """Which columns group the rows, and how far apart the groups may be.

    `by` holds columns, and lists of columns whose values together make a group. One of `at_most`, a difference, and
    `at_least`, a ratio of the lowest to the highest group. `favourable` is the class that people hope for.
    `minimum_rows` is what each rate of a group rests on: its rows, or those of them with that label.
    """

    by: tuple[str | tuple[str, ...], ...] = Field(min_length=1)
    criterion: Literal["demographic-parity", "equal-opportunity", "equalized-odds", "worst-group"]
    better: Better | None = None
    metric: str | None = None
    at_most: float | None = None
    at_least: float | None = None
    favourable: str | int | bool = 1
    confidence: Percent = 95.0
    minimum_rows: int = Field(default=30, ge=10)
    small_groups: Literal["ignore", "inconclusive"] = "inconclusive"

    @field_validator("metric")
    @classmethod
    def _is_metric(cls, name: str | None, info: ValidationInfo) -> str | None:
        if name is not None:
            find_metric(name, info.data.get("better"))
        return name

    def metrics(self) -> Iterator[tuple[str, Metric]]:
        if self.metric is not None:
            yield "metric", find_metric(self.metric, self.better)
        elif self.criterion != "worst-group":
            yield "criterion", replace(find_metric("accuracy"), name=self.criterion)

    @property
    def columns(self) -> tuple[tuple[str, ...], ...]:
        """Return the columns of each grouping."""
        return tuple((entry,) if isinstance(entry, str) else entry for entry in self.by)

    @property
    def group_columns(self) -> set[str]:
        return {column for columns in self.columns for column in columns}

    @property
    def title(self) -> str:
        groupings = ", ".join(" and ".join(columns) for columns in self.columns)
        return f"{f'worst group {self.metric}' if self.metric else self.criterion.replace('-', ' ')} by {groupings}"

    def bound_problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the section: where in it, and what to write instead; "" for nothing."""
        yield "", self._bound_problem()
        if (self.criterion == "worst-group") == (self.metric is None):
            remedy = "write metric: recall, e.g." if self.metric is None else "leave metric out"
            yield "metric", f"worst-group compares a metric, the other criteria rates; {remedy}"
        if self.metric == "r2" and self.at_least is not None:
            yield "at_least", "r2 may be negative, so that it has no ratio; write at_most"
        if not all(self.columns):
            yield "by", "an empty list groups nothing; write e.g. [gender] or [[gender, age_band]]"
        if not 50 <= self.confidence <= 99.9:
            yield "confidence", f"{self.confidence:g}% decides nothing; write 50% to 99.9%, e.g. 95%"

    def _bound_problem(self) -> str:
        if (self.at_most is None) == (self.at_least is None):
            return "one bound is needed; write at_most: 0.1 (a difference) or at_least: 0.8 (a ratio)"
        if self.at_least is not None:
            problem = f"a ratio lies between 0 and 1, {self.at_least:g} does not; write .8"
            return "" if 0 < self.at_least < 1 else problem
        widest = math.inf if self.criterion == "worst-group" else 1.0
        if self.at_most is not None and not 0 < self.at_most < widest:
            return f"a difference of {self.at_most:g} can never be told from none, or allows all; write e.g. 0.1"
        return ""
