"""The alertContext of the common schema: each service has a shape of its own.

Shapes: learn.microsoft.com "Common alert schema" and "Alert payload samples", 2026-07-08.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.domain.fact import Ignored
from shared.events.alerts.refusal import refuse
from shared.events.wire.fields import Fields

LONGEST_DETAIL = 2000

# They never name an endpoint; for those who want them, the action group can send mail.
_NOT_FOR_US = {
    "servicehealth": "service health is about Azure's regions, not about an endpoint",
    "smartdetector": "smart detection is about an application, not about an endpoint",
    "costalerts": "a cost alert that is not about a budget",
    "azurebackup": "a backup is about a vault, not about an endpoint",
    "vminsightshealth": "it is about a virtual machine, not about an endpoint",
}


# An activity log alert "fires" for every entry that its rule matches: autoscale, Advisor, and each step of our own
# writes. Levels as words or as the numbers of System.Diagnostics.Tracing.EventLevel.
# Source: learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema, read 2026-11-30.
_CALM_LEVELS = frozenset({"informational", "information", "info", "verbose", "logalways", "0", "4", "5"})
_CALM_STATUSES = frozenset(
    {"started", "start", "accepted", "accept", "succeeded", "success", "inprogress", "running", "completed", "created"}
    | {"updated", "resolved", "canceled", "cancelled", "ok"}
)

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AlertContext:
    """What an alert's context tells, whatever its kind.

    Args:
        kind: the service, for messages.
        dimensions: per criterion, (name, value) of what was measured; names in lower case without separators.
        targets: ARM ids that the context itself names.
        may_name_none: whether alerts of this kind rightly come without an endpoint.
    """

    kind: str
    detail: str
    is_resolved: bool
    dimensions: tuple[Dimensions, ...] = ()
    targets: tuple[str, ...] = ()
    may_name_none: bool = False


def read_context(essentials: Fields, context: Fields) -> AlertContext | Ignored:
    """Return what the context says, or why alerts of its service are ignored.

    Raises:
        EventError: the context has no shape that we know.
    """
    service = essentials.optional_text("monitoringService") or ""
    plain = _plain(service)
    if plain in _NOT_FOR_US:
        return _noted(essentials, service, _NOT_FOR_US[plain])
    is_resolved = essentials.one_of("monitorCondition", "Fired", "Resolved") == "Resolved"
    if plain == "resourcehealth":
        if (context.mapping("properties").optional_text("currentHealthStatus") or "").strip().lower() == "unknown":
            return _noted(essentials, service, "the resource's health is unknown, which is no trouble yet")
        return _resource_health(service, context, is_resolved)
    if plain.startswith("activitylog"):
        reason = _calm(context)
        return _noted(essentials, service, reason) if reason else _activity(service, context, is_resolved)
    if plain == "prometheus":
        return _prometheus(service, context, is_resolved)
    if criteria := context.mapping("condition").items("allOf"):
        return _condition(service, criteria, is_resolved)
    if not context.has("ResultCount"):
        refuse(
            f"its context (monitoringService {service!r:.60}) has no condition.allOf",
            "send metric, log search, activity log, resource health or Prometheus alerts here",
        )
    return _log_search_of_old(service, context, is_resolved)


def _noted(essentials: Fields, service: str, reason: str) -> Ignored:
    return Ignored(essentials.optional_text("alertId") or "", f"{service} alert", reason, is_known=True)


def _calm(context: Fields) -> str | None:
    """Return why an activity log entry is no incident, None when it may be."""
    operation = context.optional_text("operationName") or "an operation"
    level, status = context.optional_text("level"), context.optional_text("status")
    if status and _plain(status) in _CALM_STATUSES:
        return f"{operation}: status {status.strip()} is no trouble"
    if level and _plain(level) in _CALM_LEVELS:
        return f"{operation}: level {level.strip()} is no trouble"
    if not level and not status:
        return f"{operation}: it says neither a level nor a status, so that it tells of no trouble"
    return None


def _condition(service: str, criteria: tuple[Fields, ...], is_resolved: bool) -> AlertContext:
    dimensions = tuple(_dimensions(criterion) for criterion in criteria)
    return AlertContext(
        service, _clipped("; ".join(_sentence(criterion) for criterion in criteria)), is_resolved, dimensions
    )


def _log_search_of_old(service: str, context: Fields, is_resolved: bool) -> AlertContext:
    """Rules from before 2020-05-01 (Log Analytics, Application Insights): PascalCase, no list of criteria."""
    bound = f"{context.number('Threshold'):g}" if context.has("Threshold") else "its threshold"
    operator = context.optional_text("Operator") or "against"
    detail = f"the query's result is {context.number('ResultCount'):g} ({operator} {bound})"
    return AlertContext(service, detail, is_resolved, (_dimensions(context),))


def _prometheus(service: str, context: Fields, is_resolved: bool) -> AlertContext:
    labels, annotations = context.mapping("labels"), context.mapping("annotations")
    measured = f"{context.optional_text('expression') or 'the expression'} is {_number(context, 'expressionValue')}"
    detail = annotations.optional_text("summary") or annotations.optional_text("description") or measured
    named = tuple((_plain(key), value) for key, value in labels.names().items())
    return AlertContext(service, _clipped(detail), is_resolved, (named,), may_name_none=True)


def _resource_health(service: str, context: Fields, is_resolved: bool) -> AlertContext:
    health = context.mapping("properties")
    now = health.optional_name("currentHealthStatus")
    previous = health.optional_name("previousHealthStatus") or "unknown"
    title = health.optional_text("title") or "resource health"
    cause = health.optional_text("cause")
    detail = f"{title}: {now or 'status unknown'} (before: {previous})" + (f", {cause}" if cause else "")
    # The resource's own state is evidence; the alert's condition is only added to it.
    return AlertContext(service, _clipped(detail), now.lower() == "available" if now else is_resolved)


def _activity(service: str, context: Fields, is_resolved: bool) -> AlertContext:
    """Who did it (caller, claims) is personal and stays out of what is published and stored."""
    scope = context.mapping("authorization").optional_text("scope")
    status = context.optional_text("status") or "reported"
    detail = f"{context.optional_text('operationName') or 'an operation'}: {status}"
    return AlertContext(
        service,
        _clipped(detail),
        is_resolved,
        targets=(scope,) if scope else (),
        may_name_none=_plain(service) != "activitylogadministrative",
    )


def _sentence(criterion: Fields) -> str:
    names = (criterion.optional_text("metricName"), criterion.optional_text("metricMeasureColumn"))
    what = next(filter(None, names), "the query's result")
    bound = f"{criterion.number('threshold'):g}" if criterion.has("threshold") else "learned"
    return f"{what} is {_number(criterion, 'metricValue')} ({criterion.optional_text('operator') or 'against'} {bound})"


def _number(fields: Fields, key: str) -> str:
    """Return the number for people; Prometheus writes some with a unit (12.7m), which stays as it is."""
    if not fields.has(key):
        return "unknown"
    if fields.is_number(key):
        return f"{fields.number(key):g}"
    return fields.text(key)


def _dimensions(owner: Fields) -> Dimensions:
    pairs = ((dimension.name("name"), dimension.optional_name("value")) for dimension in owner.items("dimensions"))
    # A star stands for all of them, and so names none.
    return tuple((_plain(name), value) for name, value in pairs if value and value != "*")


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())


def _clipped(text: str) -> str:
    return text if len(text) <= LONGEST_DETAIL else text[: LONGEST_DETAIL - 1] + "…"
