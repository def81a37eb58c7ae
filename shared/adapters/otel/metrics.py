"""The metrics, each counted from log lines and spans: what is a fact there is a dimension or a value here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from opentelemetry.metrics import Meter


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Args:
        source: the log line or span that it is measured by.
        value: the fact that is its value; empty to count lines.
        dimensions: facts by which it can be split: few, and each with few values.
        unless_empty: a fact without which the line does not count.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    source: str
    meaning: str
    value: str = ""
    dimensions: tuple[str, ...] = ()
    unless_empty: str = ""
    unit: str = ""


METRICS: tuple[Metric, ...] = (
    Metric("vigia.decisions", "counter", "decision", "decisions, one per reaction", "", ("kind", "model", "reaction")),
    Metric(
        "vigia.suppressed",
        "counter",
        "decision",
        "decisions not to act, although an event asks for it",
        "",
        ("kind", "model", "reaction"),
        unless_empty="suppressed",
    ),
    Metric("vigia.facts", "counter", "fact", "facts that were taken up, again ones included", "", ("kind",)),
    Metric(
        "vigia.event_to_effect",
        "histogram",
        "fact.done",
        "from what happened until its effects were done",
        "seconds_since_event",
        ("kind",),
        unit="s",
    ),
    Metric(
        "vigia.function_seconds", "histogram", "function", "how long functions run", "seconds", ("function",), unit="s"
    ),
    Metric(
        "vigia.queue_age",
        "histogram",
        "function",
        "how long messages waited before a function took them",
        "queue_age_seconds",
        ("function",),
        unit="s",
    ),
    Metric("vigia.open_claims", "gauge", "heartbeat", "claims that are open", "open_claims"),
    Metric("vigia.oldest_claim", "gauge", "heartbeat", "age of the oldest of them", "oldest_claim_seconds", unit="s"),
    Metric("vigia.open_releases", "gauge", "heartbeat", "releases under way", "open_releases"),
    Metric("vigia.sweep_late", "gauge", "heartbeat", "how late the sweep ran", "late_seconds", unit="s"),
    Metric(
        "vigia.releases",
        "counter",
        "release.state_changed",
        "releases by the state that they came into",
        "",
        ("state",),
    ),
    Metric("vigia.verdicts", "counter", "release.judged", "the judge's verdicts", "", ("verdict", "model")),
    Metric("vigia.looks", "counter", "monitor.ran", "monitors' looks", "", ("model", "signal", "verdict")),
    Metric(
        "vigia.looks_late",
        "gauge",
        "monitor.late",
        "how late a monitor's look began",
        "late_seconds",
        ("model",),
        unit="s",
    ),
    Metric("vigia.notices_failed", "counter", "notice.failed", "notices that reached nobody", "", ("channel", "kind")),
)


class Instruments:
    """Measures by lines and spans."""

    def __init__(self, meter: Meter) -> None:
        self._by_source: dict[str, list[tuple[Metric, Callable[..., None]]]] = {}
        for metric in METRICS:
            self._by_source.setdefault(metric.source, []).append((metric, _recorder(meter, metric)))

    def measure(self, source: str, facts: Mapping[str, Any]) -> None:
        """Record what the metrics of a line or span take from its facts."""
        for metric, record in self._by_source.get(source, ()):
            value = facts.get(metric.value) if metric.value else 1
            if value is not None and (not metric.unless_empty or facts.get(metric.unless_empty)):
                record(value, {name: str(facts[name]) for name in metric.dimensions if name in facts})


def _recorder(meter: Meter, metric: Metric) -> Callable[..., None]:
    match metric.kind:
        case "counter":
            return meter.create_counter(metric.name, metric.unit, metric.meaning).add
        case "gauge":
            return meter.create_gauge(metric.name, metric.unit, metric.meaning).set
        case "histogram":
            return meter.create_histogram(metric.name, metric.unit, metric.meaning).record
