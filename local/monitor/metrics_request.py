"""Reads a `metrics:getBatch` request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from local.monitor.metrics import MINUTE, MetricsError, MetricsQuery
from local.monitor.timespan import TimespanError, parse_duration, parse_time

NAMESPACE = "microsoft.machinelearningservices/workspaces/onlineendpoints"
_RESOURCE = re.compile(r".*/onlineEndpoints/([^/]+)(?:/deployments/([^/]+))?", re.IGNORECASE)
_CONDITION = re.compile(r"\s*(\w+)\s+eq\s+'([^']*)'\s*", re.IGNORECASE)
_CONJUNCTION = re.compile(r"\s+(?:and|or)\s+", re.IGNORECASE)
_DEFAULT_WINDOW = timedelta(hours=1)


def parse_request(parameters: Mapping[str, str], now: datetime) -> MetricsQuery:
    """Return the query in the parameters of a request.

    Raises:
        MetricsError: a parameter is missing, malformed or asks for what these metrics do not have.
    """
    namespace = parameters.get("metricnamespace", "").casefold()
    if namespace not in (NAMESPACE, f"{NAMESPACE}/deployments"):
        raise MetricsError(
            f"metricnamespace {namespace!r} is not known here; use {NAMESPACE} or {NAMESPACE}/deployments"
        )
    if parameters.get("rollupby"):
        raise MetricsError("rollupby is not imitated here; leave the dimension out of the filter instead")
    try:
        end = parse_time(parameters["endtime"]) if "endtime" in parameters else now
        start = parse_time(parameters["starttime"]) if "starttime" in parameters else end - _DEFAULT_WINDOW
        interval = parse_duration(parameters["interval"]) if "interval" in parameters else MINUTE
    except TimespanError as exc:
        raise MetricsError(str(exc)) from exc
    return MetricsQuery(
        start=start,
        end=end,
        interval=interval,
        names=tuple(parameters.get("metricnames", "").split(",")),
        aggregations=tuple(name.lower() for name in parameters.get("aggregation", "Average").split(",")),
        conditions=parse_filter(parameters.get("filter", "")),
    )


def parse_filter(text: str) -> dict[str, tuple[str, ...]]:
    """Return the allowed values per dimension in `deployment eq 'a' or deployment eq 'b' and statusCodeClass eq '*'`.

    As the service has it: `or` joins values of one dimension, `and` joins dimensions.

    Raises:
        MetricsError: not of this form.
    """
    conditions: dict[str, tuple[str, ...]] = {}
    names = {"deployment": "deployment", "statuscode": "statusCode"}
    names |= {"statuscodeclass": "statusCodeClass", "modelstatuscode": "modelStatusCode"}
    for part in _CONJUNCTION.split(text) if text.strip() else []:
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise MetricsError(f"filter: {part!r} is not of the form: dimension eq 'value'")
        name = names.get(match[1].casefold(), match[1])
        conditions[name] = (*conditions.get(name, ()), match[2])
    return conditions


def parse_resource(resource_id: str) -> tuple[str, str | None]:
    """Return endpoint and deployment name of an ARM id.

    Raises:
        MetricsError: not the id of an online endpoint or of its deployment.
    """
    match = _RESOURCE.fullmatch(resource_id)
    if match is None:
        raise MetricsError(f"{resource_id!r} is not the id of an online endpoint")
    return match[1], match[2]
