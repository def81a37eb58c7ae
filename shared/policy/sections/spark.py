"""The policy's `monitor.spark`: when a window is counted by a Spark job, and on what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from shared.policy.sections.quantities import ComponentRef, Size, size_text
from shared.policy.sections.section import Section

# The app's functions may run for ten minutes (host.json), and a window's rows are gone through once or twice.
MOST_IN_PROCESS = 10 * 10**9


class SparkCounting(Section):
    """Windows of more than `when_above` of collected requests are counted by the registered component, on serverless
    Spark with so many `instances` beside the driver's."""

    component: ComponentRef
    when_above: Size = 5 * 10**9
    instance_type: str = Field(default="standard_e4s_v3", min_length=1)
    instances: int = Field(default=2, ge=1, le=100)
    # 3.4 has had no support since 2026-03-31 and is being disabled; policies that name it stay valid, with a warning.
    runtime: Literal["3.4", "3.5"] = "3.5"

    def problems_at(self, path: str) -> Iterator[tuple[str, str]]:
        if not 0 < self.when_above <= MOST_IN_PROCESS:
            most = size_text(MOST_IN_PROCESS)
            yield f"{path}.when_above", f"one process reads more than nothing and at most {most}; write e.g. 5GB"
