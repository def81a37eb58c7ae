"""Whether the data assets that a policy names are as new and as whole as it asks: signals of data, not of a window.

A version's age is the time since it was registered; a folder that grows under one version is not seen. Each version's
rows are counted once, and what versions usually have is the median of those before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from shared.drift.results.comparison import ColumnReport
from shared.drift.results.signals import DATA_SIGNALS, SignalReport
from shared.engine.monitors.subject import NotYetError, Subject, attempt
from shared.policy.sections.quantities import percent_text
from shared.policy.sections.signals import Freshness
from shared.ports.data import DataReader
from shared.ports.workspace import DataVersion, Workspace
from shared.store.monitors.monitors import VersionRows

FRESHNESS, COMPLETENESS = DATA_SIGNALS
HOUR = timedelta(hours=1)
# At the first look so many earlier versions are counted, too; of one weekday so many make a usual number of its own.
FIRST_VERSIONS, ENOUGH, REMEMBERED = 4, 3, 60


@dataclass
class DataAssets:
    """Looks at the assets; `counts` are the state's, with those of new versions once they were looked at."""

    subject: Subject
    workspace: Workspace
    data: DataReader
    counts: tuple[VersionRows, ...]

    def measure(self) -> list[SignalReport]:
        """Return a signal for what the policy asks; a column is an asset, whose segment is its newest version.

        Raises:
            RetryableError: a service did not answer.
        """
        sections, signals = self.subject.monitor.freshness, list[SignalReport]()
        if aged := [section for section in sections if section.at_most]:
            signals.append(attempt(FRESHNESS, lambda: _signal(FRESHNESS, map(self._age, aged))))
        if counted := [section for section in sections if section.rows_at_least or section.rows_of_usual]:
            signals.append(attempt(COMPLETENESS, lambda: _signal(COMPLETENESS, map(self._rows, counted))))
        return signals

    def _age(self, section: Freshness) -> ColumnReport:
        assert section.at_most
        newest = self._versions(section, 1)[0]
        hours, floor = (self.subject.end - newest.created_at) / HOUR, section.at_most / HOUR
        sentence = f"{newest.asset} is {hours:.3g} h old, at most {floor:.3g} h are in order"
        return _column(newest, hours, floor, sentence, is_drifted=hours > floor)

    def _rows(self, section: Freshness) -> ColumnReport:
        newest, *earlier = self._versions(section, FIRST_VERSIONS)
        rows, share = self._count(newest), section.rows_of_usual
        words, needed = f"{newest.asset} has {rows:,} rows", float(section.rows_at_least or 0)
        usual = self._usual(newest, earlier) if share else None
        if share and usual is not None:
            needed = max(needed, usual * share / 100)
        elif share and rows >= needed:
            raise NotYetError(f"{words}; what is usual is known after {ENOUGH} versions", rows)
        often = f" ({percent_text(share)} of the usual {usual:,.0f})" if share and usual else ""
        sentence = f"{words}, at least {needed:,.0f} are in order{often}"
        return _column(newest, needed / max(rows, 1), 1.0, sentence, is_drifted=rows < needed)

    def _usual(self, newest: DataVersion, earlier: Sequence[DataVersion]) -> float | None:
        for version in earlier:
            self._count(version)
        name, own = newest.asset.rpartition(":")[0], newest.asset
        past = [count for count in self.counts if count.asset.startswith(f"{name}:") and count.asset != own]
        alike = [count for count in past if count.created_at.weekday() == newest.created_at.weekday()]
        chosen = alike if len(alike) >= ENOUGH else past
        return median(count.rows for count in chosen) if len(chosen) >= ENOUGH else None

    def _count(self, version: DataVersion) -> int:
        from shared.drift.rows.batches import row_count

        for count in self.counts:
            if count.asset == version.asset:
                return count.rows
        rows = sum(map(row_count, self.data.batches(version.asset)))
        self.counts = (*self.counts, VersionRows(version.asset, version.created_at, rows))[-REMEMBERED:]
        return rows

    def _versions(self, section: Freshness, most: int) -> tuple[DataVersion, ...]:
        versions = self.workspace.data_versions(section.data, most)
        if not versions:
            raise ValueError(f"there is no version of {section.data}; register one, or correct the name")
        return versions


def _signal(name: str, looked_at: Iterable[ColumnReport]) -> SignalReport:
    columns = tuple(looked_at)
    bad = [column for column in columns if column.is_drifted]
    text = "; ".join(column.sentence for column in bad or columns)
    return SignalReport(name, "drift" if bad else "no-drift", f"{text}.", 0, columns=columns)


def _column(version: DataVersion, effect: float, floor: float, sentence: str, *, is_drifted: bool) -> ColumnReport:
    name, _, number = version.asset.removeprefix("azureml:").rpartition(":")
    return ColumnReport(
        name, "none", effect, floor, "smallest effect that matters", is_drifted, sentence, segment=number
    )
