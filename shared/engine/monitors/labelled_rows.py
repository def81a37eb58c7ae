"""One pass over what was served lately, for every signal that looks at labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from shared.engine.monitors.subject import Subject
from shared.policy.sections.quantities import size_text
from shared.policy.sections.signals import Performance
from shared.ports.data import DataReader

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd

    from shared.drift.rows.sample import EvenSample

# A minute or two: one core parses some 20 MB/s with answers. The functions may run for ten, and the window is first.
MOST_LABELLED_BYTES = 2 * 10**9
HOUR = timedelta(hours=1)
PREDICTION = "prediction"


@dataclass(frozen=True)
class LabelledRows:
    """Served rows whose labels are known, with them.

    Args:
        answers: key, prediction and label, of the whole time.
        rows: all columns, of the time since the reference for concept drift was served; empty when nobody asked.
        was_served: whether any row was served at all, labelled or not.
        finding: that only some hours were read; "" when all were.
    """

    answers: EvenSample
    rows: EvenSample
    was_served: bool
    finding: str


@dataclass(frozen=True, slots=True)
class _Part:
    start: datetime
    end: datetime


@dataclass(frozen=True)
class LabelledReader:
    """Goes through the rows served since `labels_within`, once.

    Args:
        truth: label by key.
        since: from when on all columns are kept; None for nobody who asked.
    """

    data: DataReader
    subject: Subject
    asked: Performance
    truth: pd.Series[Any]
    since: datetime | None = None
    most_bytes: int = field(default=MOST_LABELLED_BYTES)

    def read(self) -> LabelledRows:
        """Return the rows.

        Raises:
            ValueError: a column is missing.
        """
        from shared.drift.rows.sample import EvenSample

        answers, rows = EvenSample([self.asked.key, PREDICTION, self.asked.label]), EvenSample()
        parts, finding = self._parts()
        was_served = False
        for part in parts:
            is_recent = self.since is not None and part.start >= self.since
            for batch in self._batches(part):
                was_served = was_served or len(batch) > 0
                labelled = self._labelled(batch)
                answers.add(labelled)
                if is_recent:
                    rows.add(labelled)
        return LabelledRows(answers, rows, was_served, finding)

    def _labelled(self, batch: pd.DataFrame) -> pd.DataFrame:
        require_columns(batch, {self.asked.key, PREDICTION}, "the scored rows have")
        batch = keyed(batch, self.asked.key)
        chosen = batch[batch[self.asked.key].isin(self.truth.index)]
        return chosen.assign(**{self.asked.label: chosen[self.asked.key].map(self.truth)})

    def _batches(self, part: _Part) -> Iterator[pd.DataFrame]:
        endpoint, deployment = self.subject.policy.endpoint.name, self.subject.watched.deployment
        yield from self.data.scored_batches(endpoint, deployment, part.start, part.end)

    def _parts(self) -> tuple[list[_Part], str]:
        """Return the times to read, which do not overlap; of too much only some hours, of each age and time of day."""
        start, end = self.subject.end - self.asked.labels_within, self.subject.end
        endpoint, deployment = self.subject.policy.endpoint.name, self.subject.watched.deployment
        size = self.data.scored_bytes(endpoint, deployment, start, end)
        step = -(-size // self.most_bytes)
        if step <= 1:
            cut = [self.since] if self.since and start < self.since < end else []
            edges = [start, *cut, end]
            return [_Part(*each) for each in pairwise(edges)], ""
        # Moved by one each day: every n-th hour alone may be the same hour of each day.
        hours = (number for number in range(int((end - start) / HOUR)) if (number + number // 24) % step == 0)
        finding = f"one hour in {step} was read: {size_text(size)} were collected within labels_within"
        return [_Part(start + number * HOUR, start + (number + 1) * HOUR) for number in hours], finding


def keyed(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the rows with the values of these columns, as far as there are such, as what names a row: two files may
    write one id in two ways."""
    from shared.drift.rows.equal import key_of

    there = [column for column in columns if column in frame.columns]
    return frame.assign(**{column: frame[column].map(key_of, na_action="ignore") for column in there})


def require_columns(frame: pd.DataFrame, columns: set[str], whose: str) -> None:
    """Raises ValueError: a column is missing."""
    missing = sorted(columns - set(frame.columns))
    if missing:
        raise ValueError(f"{whose} no column {', '.join(missing)}; there are {', '.join(map(str, frame.columns))}")
