"""One pass over the rows that were served lately and have a label, for every signal that needs labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from shared.engine.monitors.references import PREDICTION
from shared.engine.monitors.subject import Subject
from shared.policy.sections.quantities import size_text
from shared.policy.sections.signals import Performance
from shared.ports.data import DataReader

if TYPE_CHECKING:
    import pandas as pd

    from shared.drift.rows.sample import EvenSample

# A minute or two: one core parses some 20 MB/s with answers. The functions may run for ten, and the window is first.
MOST_LABELLED_BYTES = 2 * 10**9
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class LabelledRows:
    """Served rows with their labels.

    Args:
        answers: key, prediction and label, of the whole time.
        rows: all columns, of the time since the reference for concept drift was served; empty without such a signal.
        was_served: whether any row was served at all, labelled or not.
        finding: that only some hours were read; "" when all were.
    """

    answers: EvenSample
    rows: EvenSample
    was_served: bool
    finding: str


class _Answers(frozenset[str]):
    """The columns that metrics are of: those named, and the probability of each class."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or str(name).startswith(f"{PREDICTION}_")


@dataclass(frozen=True)
class LabelledReader:
    """Goes through the rows served since `labels_within`, once.

    Args:
        truth: the label by key, and the columns that group rows, as far as the labels have them.
        groups: the columns that group rows.
        since: from when on all columns are kept; None when no signal needs them.
    """

    data: DataReader
    subject: Subject
    performance: Performance
    truth: pd.DataFrame
    since: datetime | None = None
    groups: frozenset[str] = frozenset()

    def read(self) -> LabelledRows:
        """Return the rows.

        Raises:
            ValueError: a column is missing.
        """
        from shared.drift.rows.sample import EvenSample
        from shared.metrics.rows import SCALE

        performance = self.performance
        columns = {performance.key, PREDICTION, performance.label, SCALE, performance.metric, *self.groups}
        answers, rows = EvenSample(_Answers(columns)), EvenSample()
        spans, finding = self._spans()
        was_served = False
        for start, end in spans:
            is_recent = self.since is not None and start >= self.since
            for batch in self._batches(start, end):
                was_served = was_served or len(batch) > 0
                labelled = self._labelled(batch)
                answers.add(labelled)
                if is_recent:
                    rows.add(labelled)
        return LabelledRows(answers, rows, was_served, finding)

    def _labelled(self, batch: pd.DataFrame) -> pd.DataFrame:
        key = self.performance.key
        has_others = self.performance.better or any(str(name).startswith(f"{PREDICTION}_") for name in batch.columns)
        require_columns(batch, {key} if has_others else {key, PREDICTION}, "the scored rows have")
        batch = keyed(batch, key)
        labelled = batch[batch[key].isin(self.truth.index)]
        added = [name for name in self.truth.columns if name == self.performance.label or name not in batch.columns]
        return labelled.assign(**{name: labelled[key].map(self.truth[name]) for name in added})

    def _batches(self, start: datetime, end: datetime) -> Iterator[pd.DataFrame]:
        endpoint, deployment, _, _ = self.subject.window
        yield from self.data.scored_batches(endpoint, deployment, start, end)

    def _spans(self) -> tuple[list[tuple[datetime, datetime]], str]:
        """Return the spans of time to read, which do not overlap, and a finding; of too many bytes only some hours are
        read, of each age and time of day."""
        start, end = self.subject.labels_start, self.subject.end
        endpoint, deployment, _, _ = self.subject.window
        size = self.data.scored_bytes(endpoint, deployment, start, end)
        step = -(-size // MOST_LABELLED_BYTES)
        if step <= 1:
            cut = [self.since] if self.since and start < self.since < end else []
            return list(pairwise([start, *cut, end])), ""
        # Moved by one each day: every n-th hour alone may be the same hour of each day.
        hours = (number for number in range(int((end - start) / HOUR)) if (number + number // 24) % step == 0)
        finding = f"one hour in {step} was read: {size_text(size)} were collected within labels_within"
        return [(start + number * HOUR, start + (number + 1) * HOUR) for number in hours], finding


def keyed(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the rows with these columns, as far as they exist, in one form of a key: two files may write one id in
    two ways."""
    from shared.drift.rows.equal import key_of

    existing = [column for column in columns if column in frame.columns]
    return frame.assign(**{column: frame[column].map(key_of, na_action="ignore") for column in existing})


def require_columns(frame: pd.DataFrame, columns: set[str], whose: str) -> None:
    """Check that the columns exist.

    Raises:
        ValueError: one is missing. The message begins with `whose`, e.g. "the scored rows have".
    """
    missing = sorted(columns - set(frame.columns))
    if missing:
        raise ValueError(f"{whose} no column {', '.join(missing)}; there are {', '.join(map(str, frame.columns))}")
