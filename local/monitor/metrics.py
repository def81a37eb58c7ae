"""Platform metrics of online endpoints, computed from the request log.

Source: learn.microsoft.com/azure/machine-learning/monitor-azure-machine-learning-reference, read 2026-11-20.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from local.monitor.ingestion import Arrived
from local.monitor.timespan import format_time
from local.traffic_log import Request

MINUTE = timedelta(minutes=1)
LONGEST = timedelta(days=30)
AGGREGATIONS = ("average", "minimum", "maximum", "total", "count")


class MetricsError(ValueError):
    """A metrics request that the service would answer with 400."""


Dimension = Callable[[Request], str]
_DIMENSIONS: dict[str, Dimension] = {
    "deployment": lambda request: request.deployment_name,
    "statusCode": lambda request: str(request.response_code),
    "statusCodeClass": lambda request: f"{request.response_code // 100}xx",
    "modelStatusCode": lambda request: str(request.model_status_code),
}


@dataclass(frozen=True)
class Metric:
    """`values` gives the samples that a minute's requests are for the metric; no samples is no data."""

    unit: str
    dimensions: tuple[str, ...]
    values: Callable[[Sequence[Request]], Sequence[float]]


def _latencies(requests: Sequence[Request]) -> list[float]:
    return [float(request.total_duration_ms) for request in requests]


def _percentile(percent: int) -> Callable[[Sequence[Request]], list[float]]:
    def values(requests: Sequence[Request]) -> list[float]:
        ordered = sorted(_latencies(requests))
        return [ordered[math.ceil(percent / 100 * len(ordered)) - 1]] if ordered else []

    return values


METRICS: dict[str, Metric] = {
    "RequestLatency": Metric("MilliSeconds", ("deployment",), _latencies),
    **{
        f"RequestLatency_P{percent}": Metric("MilliSeconds", ("deployment",), _percentile(percent))
        for percent in (50, 90, 95, 99)
    },
    "RequestsPerMinute": Metric("Count", tuple(_DIMENSIONS), lambda requests: [float(len(requests))]),
}


@dataclass(frozen=True)
class MetricsQuery:
    """A getBatch request, for each endpoint: [start, end), one point per interval.

    conditions: allowed values per dimension, `*` for a series of each value.
    """

    start: datetime
    end: datetime
    interval: timedelta
    names: tuple[str, ...]
    aggregations: tuple[str, ...]
    conditions: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        if self.interval < MINUTE or self.interval % MINUTE:
            raise MetricsError("interval must be whole minutes: these metrics have a grain of PT1M")
        if self.end <= self.start:
            raise MetricsError("endtime must be after starttime")
        if self.end - self.start > LONGEST:
            raise MetricsError(f"at most {LONGEST.days} days fit a request")
        unknown = [name for name in self.names if name not in METRICS]
        if unknown or not self.names:
            raise MetricsError(f"unknown metric {', '.join(unknown) or '(none)'}; known here: {', '.join(METRICS)}")
        wrong = [name for name in self.aggregations if name not in AGGREGATIONS]
        if wrong:
            raise MetricsError(f"unknown aggregation {wrong[0]!r}; known: {', '.join(AGGREGATIONS)}")
        for name in self.names:
            foreign = [condition for condition in self.conditions if condition not in METRICS[name].dimensions]
            if foreign:
                allowed = ", ".join(METRICS[name].dimensions)
                raise MetricsError(f"metric {name} has no dimension {foreign[0]!r}; it has: {allowed}")


def endpoint_metrics(query: MetricsQuery, endpoint: str, deployment: str | None, traffic: Arrived) -> list[Any]:
    """Return the `value` list of the answer for one endpoint, or for one of its deployments."""
    requests = [
        request
        for request in traffic.between(query.start, query.end)
        if request.endpoint_name == endpoint and deployment in (None, request.deployment_name)
    ]
    series = _series(requests, query.conditions)
    return [
        {
            "name": {"value": name, "localizedValue": name},
            "type": "Microsoft.Insights/metrics",
            "unit": METRICS[name].unit,
            "timeseries": [
                {
                    "metadatavalues": [
                        {"name": {"value": dimension.lower(), "localizedValue": dimension.lower()}, "value": value}
                        for dimension, value in zip(query.conditions, labels, strict=True)
                    ],
                    "data": _points(query, METRICS[name], members),
                }
                for labels, members in series.items()
            ],
            "errorCode": "Success",
        }
        for name in query.names
    ]


def _series(
    requests: Iterable[Request], conditions: Mapping[str, tuple[str, ...]]
) -> dict[tuple[str, ...], list[Request]]:
    """Return the requests by the values of the filtered dimensions; without a filter, one series of all."""
    series: dict[tuple[str, ...], list[Request]] = {} if conditions else {(): []}
    for request in requests:
        labels = tuple(_DIMENSIONS[name](request) for name in conditions)
        allowed = zip(labels, conditions.values(), strict=True)
        if all("*" in choices or label.casefold() in map(str.casefold, choices) for label, choices in allowed):
            series.setdefault(labels, []).append(request)
    return series


def _points(query: MetricsQuery, metric: Metric, requests: Iterable[Request]) -> list[dict[str, Any]]:
    first = query.start.replace(second=0, microsecond=0)
    # By minute first: a percentile metric has one sample a minute, and a longer interval aggregates those.
    minutes: dict[datetime, list[Request]] = {}
    for request in requests:
        minutes.setdefault(request.time_generated.replace(second=0, microsecond=0), []).append(request)
    points = []
    moment = first
    while moment < query.end:
        inside = [moment + MINUTE * index for index in range(query.interval // MINUTE)]
        samples = [value for minute in inside for value in metric.values(minutes.get(minute, []))]
        points.append({"timeStamp": format_time(moment), **_aggregate(samples, query.aggregations)})
        moment += query.interval
    return points


def _aggregate(samples: Sequence[float], names: Iterable[str]) -> dict[str, float]:
    if not samples:
        return {}
    total = math.fsum(samples)
    every = {
        "average": total / len(samples),
        "minimum": min(samples),
        "maximum": max(samples),
        "total": total,
        "count": float(len(samples)),
    }
    return {name: every[name] for name in names}
