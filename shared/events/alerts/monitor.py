"""Azure Monitor's alerts: which endpoints one is about, and what it says about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from shared.domain.arm_ids import EndpointId, resource_type
from shared.domain.fact import Ignored
from shared.domain.ids import EndpointName
from shared.events.alerts.contexts import AlertContext, Dimensions, read_context
from shared.events.alerts.refusal import refuse
from shared.events.sent import outgoing
from shared.events.wire.fields import Fields
from shared.ports.publisher import OutgoingEvent

# What serves endpoints, and what their logs and metrics lie in: a rule about it that names no endpoint is a mistake
# that people have to hear of. A virtual machine or a database never was about one.
_MAY_STAND_FOR_ENDPOINTS = frozenset(
    {
        "microsoft.machinelearningservices",
        "microsoft.operationalinsights",
        "microsoft.insights",
        "microsoft.monitor",
        "microsoft.containerservice",
        "microsoft.kubernetes",
    }
)
_ENDPOINT_WORDS = ("endpointname", "endpoint")
_DEPLOYMENT_WORDS = ("deployment", "deploymentname")


@dataclass(frozen=True, slots=True)
class _Place:
    source: str
    endpoint: str
    deployment: str | None
    type: Literal["", "online", "batch"] = ""


def monitor_events(essentials: Fields, context: Fields, custom: Fields) -> tuple[OutgoingEvent, ...] | Ignored:
    """Return one event per endpoint that the alert is about, or why it is about none.

    Raises:
        EventError: it lacks what its kind promises, or it names no endpoint though it could.
    """
    alert = read_context(essentials, context)
    if isinstance(alert, Ignored):
        return alert
    places = _places(essentials, alert, custom)
    if not places and alert.may_name_none:
        identifier = essentials.optional_text("alertId") or ""
        return Ignored(identifier, f"{alert.kind} alert", "it names no endpoint", is_known=True)
    if not places and (others := _of_other_services(essentials)):
        identifier = essentials.optional_text("alertId") or ""
        return Ignored(identifier, f"{alert.kind} alert", f"it is about {others}, not about an endpoint", is_known=True)
    if not places:
        refuse(
            "the alert names no endpoint",
            "scope the rule to the endpoint, split it by a dimension EndpointName, or add the custom property endpoint",
        )
    return tuple(_event(place, essentials, alert) for place in places)


def _event(place: _Place, essentials: Fields, alert: AlertContext) -> OutgoingEvent:
    fired_at = essentials.time("firedDateTime")
    resolved_at = essentials.time("resolvedDateTime") if essentials.has("resolvedDateTime") else fired_at
    return outgoing.endpoint_alert(
        place.source,
        resolved_at if alert.is_resolved else fired_at,
        endpoint=EndpointName(place.endpoint),
        deployment=place.deployment,
        rule=essentials.name("alertRule"),
        condition="resolved" if alert.is_resolved else "fired",
        fired_at=fired_at,
        detail=alert.detail,
        alert=(essentials.optional_text("alertId") or "").strip(),
        endpoint_type=place.type,
    )


def _places(essentials: Fields, alert: AlertContext, custom: Fields) -> tuple[_Place, ...]:
    """Return where it happened, each place once: as the rule's author says, else as the measured rows say, else the
    resources that the alert is about."""
    targets = _endpoint_ids(alert.targets) or _endpoint_ids(essentials.texts("alertTargetIDs"))
    own, own_deployment = custom.optional_name("endpoint"), custom.optional_name("deployment")
    all_deployments = (own_deployment,) if own_deployment else _values(alert.dimensions, _DEPLOYMENT_WORDS)
    candidates: list[_Place] = []
    if own or _values(alert.dimensions, _ENDPOINT_WORDS):
        source = targets[0].workspace if targets else _any_source(essentials)
        only = (targets[0].deployment,) if len(targets) == 1 else (None,)
        for criterion in alert.dimensions or ((),):
            names = (own,) if own else _values((criterion,), _ENDPOINT_WORDS)
            deployments = _values((criterion,), _DEPLOYMENT_WORDS) if not own_deployment else ()
            candidates += (_Place(source, n, d) for n in names for d in deployments or all_deployments or only)
    else:
        for target in targets:
            name = _as_configured(target.name, essentials)
            for deployment in all_deployments or (target.deployment,):
                candidates.append(_Place(target.workspace, name, deployment, target.type))
    places: dict[tuple[str, ...], _Place] = {}
    for place in candidates:
        places.setdefault((place.endpoint.lower(), (place.deployment or "").lower(), place.type), place)
    return tuple(places.values())


def _endpoint_ids(resources: Iterable[str]) -> list[EndpointId]:
    return [endpoint for text in resources if (endpoint := EndpointId.parse(text))]


def _of_other_services(essentials: Fields) -> str:
    """Return what kinds of resources the alert is about, when none of them could stand for an endpoint, else ""."""
    targets = essentials.texts("alertTargetIDs")
    types = [kind for target in targets if (kind := resource_type(target))]
    others = [kind for kind in types if kind.partition("/")[0] not in _MAY_STAND_FOR_ENDPOINTS]
    return ", ".join(dict.fromkeys(others)) if others and len(others) == len(targets) else ""


def _any_source(essentials: Fields) -> str:
    return next(iter(essentials.texts("alertTargetIDs")), None) or essentials.text("alertId")


def _values(criteria: Iterable[Dimensions], words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values of the first of these dimensions that has any, each once."""
    pairs = [pair for criterion in criteria for pair in criterion]
    values = (tuple(dict.fromkeys(value for name, value in pairs if name == word)) for word in words)
    return next(filter(None, values), ())


def _as_configured(lowered: str, essentials: Fields) -> str:
    # Target ids come in lower case; the configuration items keep the name as it was given.
    items = essentials.texts("configurationItems")
    return next((item for item in items if item.lower() == lowered.lower()), lowered)
