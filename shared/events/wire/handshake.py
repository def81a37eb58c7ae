"""The handshake of webhook subscriptions: before Event Grid delivers anything, it asks whether we want it.

Sources: learn.microsoft.com "Endpoint validation with Event Grid event schema" (2024-09-25) and "Endpoint validation
with CloudEvents schema" (2026-02-17).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.arm_ids import is_within, subscription_of, topic_name, workspace_of
from shared.errors import EventError
from shared.events.wire.fields import Fields
from shared.events.wire.own_workspace import topic_of
from shared.events.wire.strict_json import Json, read_json

# Public cloud, US government, China. Source: github.com/Azure/azure-sdk-for-net/issues/47175, read 2026-11-30.
ORIGINS = "eventgrid.azure.net,eventgrid.azure.us,eventgrid.azure.cn"


@dataclass(frozen=True, slots=True)
class Subscribers:
    """Which event subscriptions may deliver to us.

    Args:
        names: of the event subscriptions, lower-cased; none closes the endpoint.
        workspaces: ARM ids of the workspaces that the app serves.
        topic_endpoint: URL of our own topic.
        origins: by which Event Grid names itself in the CloudEvents handshake, one per cloud, lower-cased.
    """

    names: frozenset[str]
    workspaces: tuple[str, ...]
    topic_endpoint: str
    origins: frozenset[str]

    def expects(self, name: str, topic: str) -> bool:
        """Return whether a subscription of that name over that topic is one of ours.

        The handshake names the topic by its ARM id, or only the Azure subscription it is in. It must be one of
        ours; of workspaces it must be our own, and of custom topics too.
        """
        topic, workspaces = topic.strip().rstrip("/").lower(), [workspace.lower() for workspace in self.workspaces]
        is_near = any(is_within(topic, subscription_of(workspace)) for workspace in workspaces)
        if name.strip().lower() not in self.names or not is_near:
            return False
        if workspace_of(topic) == topic:
            return topic in workspaces
        return topic_name(topic) in {None, topic_of(self.topic_endpoint)}


def subscribers(names: str, workspaces: tuple[str, ...], topic_endpoint: str, origins: str = ORIGINS) -> Subscribers:
    """Return those that the settings name; `names` and `origins` are comma separated."""
    return Subscribers(_listed(names), workspaces, topic_endpoint, _listed(origins))


def _listed(text: str) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in text.split(",") if name.strip())


def validation_answer(body: str, name: str, expected: Subscribers) -> str | None:
    """Return the code that accepts a subscription, or None: it is none that we expect.

    The body is an array with one Event Grid event, or one CloudEvent whose data is JSON inside a text.

    Raises:
        EventError: the body is no validation event.
    """
    content = read_json(body)
    first = content[0] if isinstance(content, list) and content else content
    event = Fields(first, "the validation event", "")
    topic = event.text("topic" if event.has("topic") else "source")
    data = Fields(_opened(first), "the validation event", "data")
    code = data.text("validationCode")
    return code if expected.expects(name, topic) else None


def consent(headers: Mapping[str, str], expected: Subscribers) -> dict[str, str]:
    """Return the headers that answer OPTIONS: with consent for Event Grid when any subscription is expected.

    The absence of WebHook-Allowed-Origin is a refusal; the status says nothing.
    """
    allowed = {"Allow": "POST, OPTIONS"}
    origin = headers.get("WebHook-Request-Origin", "").strip().lower()
    if not expected.names or origin not in expected.origins:
        return allowed
    return {**allowed, "WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}


def _opened(event: Json) -> Json:
    if not isinstance(event, dict):
        raise EventError("event.envelope", "the validation event is not an object")
    data = next((value for key, value in event.items() if key.lower() == "data"), None)
    return read_json(data) if isinstance(data, str) else data
