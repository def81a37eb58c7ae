"""Azure Monitor's alerts: which endpoints one is about, and what it says about them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from shared.domain.fact import Ignored
from shared.domain.ids import EndpointName
from shared.events import outgoing
from shared.events.alerts.contexts import Told, read_context
from shared.events.alerts.refusal import refuse
from shared.events.fields import Fields
from shared.ports.publisher import OutgoingEvent

_ENDPOINT_ID = re.compile(
    r"(?P<workspace>/.*/providers/microsoft\.machinelearningservices/workspaces/[^/]+)/(?:online|batch)endpoints/"
    r"(?P<endpoint>[^/]+)(?:/deployments/(?P<deployment>[^/]+))?(?:/.*)?",
    re.IGNORECASE,
)
_ENDPOINT_WORDS = ("endpointname", "endpoint")
_DEPLOYMENT_WORDS = ("deployment", "deploymentname")


@dataclass(frozen=True, slots=True)
class _Place:
    source: str
    endpoint: str
    deployment: str | None


def monitor_events(essentials: Fields, context: Fields, custom: Fields) -> tuple[OutgoingEvent, ...] | Ignored:
    """Return one event per endpoint that the alert is about, or why it is about none.

    Raises:
        EventError: it lacks what its kind promises, or it names no endpoint though it could.
    """
    told = read_context(essentials, context)
    if isinstance(told, Ignored):
        return told
    places = _places(essentials, told, custom)
    if not places and told.may_name_none:
        identifier = essentials.optional_text("alertId") or ""
        return Ignored(identifier, f"{told.kind} alert", "it names no endpoint", is_known=True)
    if not places:
        refuse(
            "the alert names no endpoint",
            "scope the rule to the endpoint, split it by a dimension EndpointName, or add the custom property endpoint",
        )
    return tuple(_event(place, essentials, told) for place in places)


def _event(place: _Place, essentials: Fields, told: Told) -> OutgoingEvent:
    fired_at = essentials.time("firedDateTime")
    resolved_at = essentials.time("resolvedDateTime") if essentials.has("resolvedDateTime") else fired_at
    return outgoing.endpoint_alert(
        place.source,
        resolved_at if told.is_resolved else fired_at,
        endpoint=EndpointName(place.endpoint),
        deployment=place.deployment,
        rule=essentials.name("alertRule"),
        condition="resolved" if told.is_resolved else "fired",
        fired_at=fired_at,
        detail=told.detail,
    )


def _places(essentials: Fields, told: Told, custom: Fields) -> tuple[_Place, ...]:
    """Return where it happened, each place once: as the rule's author says, else as the measured rows say, else the
    resources that the alert is about."""
    targets = _endpoint_ids(told.targets) or _endpoint_ids(essentials.texts("alertTargetIDs"))
    source = targets[0]["workspace"] if targets else _any_source(essentials)
    deployment = _first(told, _DEPLOYMENT_WORDS)
    own = custom.optional_name("endpoint")
    named = (own,) if own else _values(told, _ENDPOINT_WORDS)
    if named:
        only = targets[0]["deployment"] if len(targets) == 1 else None
        return tuple(_Place(source, name, deployment or only) for name in named)
    places: dict[tuple[str, str], _Place] = {}
    for target in targets:
        name, where = _as_configured(target["endpoint"], essentials), deployment or target["deployment"]
        places.setdefault((name.lower(), (where or "").lower()), _Place(target["workspace"], name, where))
    return tuple(places.values())


def _endpoint_ids(resources: Iterable[str]) -> list[re.Match[str]]:
    return [found for text in resources if (found := _ENDPOINT_ID.fullmatch(text.strip()))]


def _any_source(essentials: Fields) -> str:
    return next(iter(essentials.texts("alertTargetIDs")), None) or essentials.text("alertId")


def _first(told: Told, words: tuple[str, ...]) -> str | None:
    return next(iter(_values(told, words)), None)


def _values(told: Told, words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values of the first of these dimensions that has any, each once."""
    found = (tuple(dict.fromkeys(value for name, value in told.dimensions if name == word)) for word in words)
    return next(filter(None, found), ())


def _as_configured(lowered: str, essentials: Fields) -> str:
    # Target ids come in lower case; the configuration items keep the name as it was given.
    items = essentials.texts("configurationItems")
    return next((item for item in items if item.lower() == lowered.lower()), lowered)
