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


_QUEUE, _PLACE = ("queue",), ("workspace",)


# Name, kind, source, meaning; then value, dimensions.
METRICS: tuple[Metric, ...] = (
    Metric("vigia.facts", "counter", "fact", "facts that were taken up, again ones included", "", ("kind",)),
    Metric("vigia.decisions", "counter", "decision", "decisions, one per reaction", "", ("kind", "model", "reaction")),
    Metric(
        "vigia.suppressed",
        "counter",
        "decision",
        "decisions not to do what an event asks for",
        "",
        ("kind", "model", "reaction"),
        unless_empty="suppressed",
    ),
    Metric(
        "vigia.event_to_effect",
        "histogram",
        "fact.done",
        "from what happened until its effects were done, seconds",
        "seconds_since_event",
        ("kind",),
    ),
    Metric("vigia.calls", "histogram", "function", "how long functions run, seconds", "seconds", ("function",)),
    Metric(
        "vigia.message_age",
        "histogram",
        "function",
        "how old messages were when a function took them, seconds",
        "queue_age_seconds",
        ("function",),
    ),
    Metric(
        "vigia.queue_wait", "gauge", "queue.state", "wait of a queue's first message, seconds", "oldest_seconds", _QUEUE
    ),
    Metric("vigia.poison", "gauge", "queue.state", "messages that failed too often", "poison", _QUEUE),
    Metric("vigia.open_claims", "gauge", "heartbeat", "facts that no worker could carry on", "open_claims", _PLACE),
    Metric("vigia.oldest_claim", "gauge", "heartbeat", "age of the oldest, seconds", "oldest_claim_seconds", _PLACE),
    Metric("vigia.sweep", "gauge", "heartbeat", "how long the sweep took, seconds", "seconds", _PLACE),
    Metric(
        "vigia.overdue_releases", "gauge", "heartbeat", "releases whose look is overdue", "overdue_releases", _PLACE
    ),
    Metric("vigia.most_overdue", "gauge", "heartbeat", "by how much, seconds", "most_overdue_seconds", _PLACE),
    Metric("vigia.releases", "counter", "release.state_changed", "releases by the state they entered", "", ("state",)),
    Metric("vigia.verdicts", "counter", "release.judged", "the judge's verdicts", "", ("verdict", "model")),
    Metric("vigia.looks", "counter", "monitor.ran", "monitors' looks", "", ("model", "signal", "verdict")),
    Metric(
        "vigia.look_late",
        "histogram",
        "look",
        "from asking for a look until it is taken, seconds",
        "late_seconds",
        ("look",),
    ),
    Metric("vigia.notices_failed", "counter", "notice.failed", "notices that did not arrive", "", ("channel", "kind")),
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
            return meter.create_counter(metric.name, description=metric.meaning).add
        case "gauge":
            return meter.create_gauge(metric.name, description=metric.meaning).set
        case "histogram":
            return meter.create_histogram(metric.name, description=metric.meaning).record
