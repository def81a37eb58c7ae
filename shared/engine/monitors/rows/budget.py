"""How long one look may take: it ends itself before the host ends its worker, with all that runs there beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from shared.errors import PermanentError
from shared.ports.clock import Clock
from shared.ports.data import Batches, DataReader

# A function may run for ten minutes: functionTimeout in host.json.
LONGEST_LOOK = timedelta(minutes=8)
# Labels that could only be begun later get a look of their own.
LABELS_BEGIN_WITHIN = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Budget:
    """The time of a look that began at `since`, UTC."""

    clock: Clock
    since: datetime

    @property
    def has_time_for_labels(self) -> bool:
        return self.clock.now() - self.since < LABELS_BEGIN_WITHIN

    def require(self) -> None:
        """Raises PermanentError when the time is over.

        Raises:
            PermanentError: the same look would take as long again.
        """
        if self.clock.now() - self.since > LONGEST_LOOK:
            message = f"reading its rows took longer than the {LONGEST_LOOK / timedelta(minutes=1):g} min of a look"
            hint = "shorten monitor.every or labels_within, or have windows counted on Spark: monitor.spark"
            raise PermanentError("monitor.too_slow", message, hint)


def within(budget: Budget, data: DataReader) -> DataReader:
    """Return a reader of the same rows that ends with the budget, between two batches."""
    return cast(DataReader, _TimelyData(budget, data))


@dataclass(frozen=True)
class _TimelyBatches:
    budget: Budget
    batches: Batches

    @property
    def findings(self) -> tuple[str, ...]:
        return self.batches.findings

    def __iter__(self) -> Iterator[Any]:
        for batch in self.batches:
            self.budget.require()
            yield batch


@dataclass(frozen=True)
class _TimelyData:
    budget: Budget
    data: DataReader

    def __getattr__(self, name: str) -> Any:
        read = getattr(self.data, name)

        def timely(*args: Any) -> Any:
            self.budget.require()
            rows = read(*args)
            return _TimelyBatches(self.budget, rows) if name.endswith("batches") else rows

        return timely
