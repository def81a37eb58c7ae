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
        value: the fact that is its value; of a counter, the one that a line must have to count, "" for every line.
        dimensions: facts by which it can be split: few, and each with few values.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    source: str
    value: str
    meaning: str
    dimensions: tuple[str, ...]


def _count(name: str, source: str, meaning: str, *dimensions: str, required: str = "") -> Metric:
    return Metric(f"vigia.{name}", "counter", source, required, meaning, dimensions)


def _gauge(name: str, source: str, value: str, meaning: str, *dimensions: str) -> Metric:
    return Metric(f"vigia.{name}", "gauge", source, value, meaning, dimensions)


def _spread(name: str, source: str, value: str, meaning: str, *dimensions: str) -> Metric:
    return Metric(f"vigia.{name}", "histogram", source, value, meaning, dimensions)


METRICS: tuple[Metric, ...] = (
    _count("facts", "fact", "facts that were taken up, again ones included", "kind"),
    _count("decisions", "decision", "decisions, one per reaction", "kind", "model", "reaction"),
    _count(
        "suppressed", "decision", "those not to do what is asked", "kind", "model", "reaction", required="suppressed"
    ),
    _spread("event_to_effect", "fact.done", "seconds_since_event", "seconds from what happened to its effects", "kind"),
    _spread("calls", "function", "seconds", "how long functions run, seconds", "function"),
    _spread("message_age", "function", "queue_age_seconds", "age of messages that are taken, seconds", "function"),
    _gauge("queue_wait", "queue.state", "oldest_seconds", "wait of a queue's first message, seconds", "queue"),
    _gauge("poison", "queue.state", "poison", "messages that failed too often", "queue"),
    _gauge("open_claims", "heartbeat", "open_claims", "facts that no worker could carry on", "workspace"),
    _gauge("oldest_claim", "heartbeat", "oldest_claim_seconds", "age of the oldest, seconds", "workspace"),
    _gauge("sweep", "heartbeat", "seconds", "how long the sweep took, seconds", "workspace"),
    _gauge("overdue_releases", "heartbeat", "overdue_releases", "releases whose look is overdue", "workspace"),
    _gauge("most_overdue", "heartbeat", "most_overdue_seconds", "by how much, seconds", "workspace"),
    _count("releases", "release.state_changed", "releases by the state they entered", "state"),
    _count("verdicts", "release.judged", "the judge's verdicts", "verdict", "model"),
    _count("looks", "monitor.ran", "monitors' looks", "model", "signal", "verdict"),
    _spread("look_late", "look", "late_seconds", "from asking for a look until it is taken, seconds", "look"),
    _count("notices_failed", "notice.failed", "notices that did not arrive", "channel", "kind"),
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
            if metric.kind == "counter":
                value = 1 if value else None
            if value is not None:
                record(value, {name: str(facts[name]) for name in metric.dimensions if name in facts})


def _recorder(meter: Meter, metric: Metric) -> Callable[..., None]:
    match metric.kind:
        case "counter":
            return meter.create_counter(metric.name, description=metric.meaning).add
        case "gauge":
            return meter.create_gauge(metric.name, description=metric.meaning).set
        case "histogram":
            return meter.create_histogram(metric.name, description=metric.meaning).record
