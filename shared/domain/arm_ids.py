"""ARM ids: how Azure names a resource, and what such an id says about it.

Azure's services do not agree on the casing of an id, nor on a slash at its end: every reader here takes any casing,
and what is compared is compared as `normalized`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_WORKSPACE = r".*/providers/microsoft\.machinelearningservices/workspaces/[^/]+"
_IN_WORKSPACE = re.compile(rf"({_WORKSPACE})(?:/.*)?", re.IGNORECASE | re.DOTALL)
_ENDPOINT = re.compile(
    rf"(?P<workspace>/{_WORKSPACE})/(?P<type>online|batch)endpoints/(?P<name>[^/]+)"
    r"(?:/deployments/(?P<deployment>[^/]+))?(?:/.*)?",
    re.IGNORECASE,
)
_REGISTRY = re.compile(r".*/providers/microsoft\.machinelearningservices/registries/[^/]+", re.IGNORECASE | re.DOTALL)
_EVENT_GRID = re.compile(r".*/providers/microsoft\.eventgrid/.+", re.IGNORECASE | re.DOTALL)
_TOPIC = re.compile(r".*/providers/microsoft\.eventgrid/topics/(?P<name>[^/]+)", re.IGNORECASE | re.DOTALL)
_BUDGET = re.compile(
    r"(?P<scope>.*)/providers/microsoft\.(?:consumption|costmanagement)/budgets/[^/]+", re.IGNORECASE | re.DOTALL
)
_TYPE = re.compile(r".*/providers/(?P<type>[^/]+/[^/]+)/[^/]+")

# In the properties of a deployment: the address of the operation that made it what it is, which ends with
# "…/mfeOperationsStatus/odidp:GUID:GUID?api-version=…". Seen in answers of the service that people published in 2026.
# Not verified: that a ModelDeployed event carries these properties of a managed deployment in ServiceProperties.
OPERATION_PROPERTY = "AzureAsyncOperationUri"


def scope_id(subscription: str, resource_group: str = "") -> str:
    """Return the ARM id of a resource group, or of a subscription when no group is given."""
    return f"/subscriptions/{subscription}" + (f"/resourceGroups/{resource_group}" if resource_group else "")


def workspace_id(subscription: str, resource_group: str, workspace: str) -> str:
    """Return the ARM id of an Azure ML workspace."""
    group = scope_id(subscription, resource_group)
    return f"{group}/providers/Microsoft.MachineLearningServices/workspaces/{workspace}"


def budget_id(scope: str, name: str) -> str:
    """Return the ARM id of a budget over a scope (a subscription, a resource group, a management group)."""
    return f"{scope.rstrip('/')}/providers/Microsoft.Consumption/budgets/{name}"


def normalized(arm_id: str) -> str:
    """Return the id as it is compared: in lower case, without a slash at its end; a lone slash stays as it is."""
    return arm_id.strip().rstrip("/").lower() or arm_id


def is_within(resource: str, place: str) -> bool:
    """Return whether a resource, whose id is normalized, is the place or in it."""
    place = place.strip().rstrip("/").lower()
    return resource == place or resource.startswith(place + "/")


def subscription_of(arm_id: str) -> str:
    """Return the part of the id that names the subscription: /subscriptions/ID."""
    return "/".join(arm_id.split("/")[:3])


def workspace_of(arm_id: str) -> str | None:
    """Return the id of the Azure ML workspace that the id names, or that it is in; None when there is none."""
    workspace = _IN_WORKSPACE.fullmatch(arm_id)
    return workspace[1] if workspace else None


def is_event_source(arm_id: str) -> bool:
    """Return whether the id names what sends events of its own: a workspace, a registry, or a topic of Event Grid."""
    is_workspace = workspace_of(arm_id) == arm_id
    return is_workspace or any(source.fullmatch(arm_id) for source in (_REGISTRY, _EVENT_GRID))


def topic_name(arm_id: str) -> str | None:
    """Return the name of the Event Grid topic that the id names; None when it names something else."""
    topic = _TOPIC.fullmatch(arm_id)
    return topic["name"] if topic else None


def budget_scope(arm_id: str) -> str:
    """Return what a budget counts: its id without the budget. An id that names no budget comes back as it is."""
    budget = _BUDGET.fullmatch(arm_id)
    return budget["scope"] if budget else arm_id


def resource_type(arm_id: str) -> str:
    """Return the type of a resource, e.g. "microsoft.compute/virtualmachines"; "" when the id does not say."""
    resource = _TYPE.search(arm_id.lower())
    return resource["type"] if resource else ""


def operation_of(uri: object) -> str:
    """Return the operation's id, in lower case; "" when there is none. It tells one deployment of a model from the next
    one of the same model on the same endpoint."""
    path = uri.split("?", 1)[0].rstrip("/") if isinstance(uri, str) else ""
    return path.rsplit("/", 1)[-1].strip().lower()


@dataclass(frozen=True, slots=True)
class EndpointId:
    """What the ARM id of an endpoint, or of something in it, says; each part in the casing of the id."""

    workspace: str
    type: Literal["online", "batch"]
    name: str
    deployment: str | None = None

    @classmethod
    def parse(cls, arm_id: str) -> EndpointId | None:
        """Return what the id says; None when it names no endpoint of a workspace."""
        endpoint = _ENDPOINT.fullmatch(arm_id.strip())
        if endpoint is None:
            return None
        kind: Literal["online", "batch"] = "batch" if endpoint["type"].lower() == "batch" else "online"
        return cls(endpoint["workspace"], kind, endpoint["name"], endpoint["deployment"])
