"""What sections of a policy have in common that name a metric."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationInfo, field_validator

from shared.domain.releases.outcome import Better
from shared.metrics.catalogue import Metric, find_metric
from shared.policy.sections.section import Section


class Measured(Section):
    """A metric by its name; `better` says which way is good of one of the user's own."""

    better: Better | None = None
    metric: str

    @field_validator("metric")
    @classmethod
    def _is_metric(cls, name: str, info: ValidationInfo) -> str:
        find_metric(name, info.data.get("better"))
        return name

    @property
    def measure(self) -> Metric:
        return find_metric(self.metric, self.better)

    def metrics(self) -> Iterator[tuple[str, Metric]]:
        """Yield the metrics that the section names: where in it, and which."""
        yield "metric", self.measure
