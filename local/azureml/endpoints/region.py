"""What a region refuses: names of endpoints that are taken, and cores beyond the quota.

Texts: azureml-examples PR #1931 (a name that is taken), azure-cli-extensions #7660 (a name that was just deleted: 404),
mslearn-azure-ml #30 (quota), read 2026-11-30.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable

from local.addresses import SUBSCRIPTION_ID
from local.azureml.base.arm import ArmError, Json, bad_request
from local.profile import Conditions

_TAKEN = "There is already an endpoint with this name, Endpoint name needs to be unique within a region. Try some other"
_SIZE = re.compile(r"standard_[a-z]+(\d+)", re.IGNORECASE)
# In the first D and DS series the number is a rank; of all newer ones it is the cores.
_RANKS = re.compile(r"standard_ds?(\d)_v2", re.IGNORECASE)
# Azure ML keeps a fifth more for upgrades. Source: learn.microsoft.com, how-to-manage-quotas.
_RESERVE = 1.2


class Region:
    """The names and cores of one region; what was deleted stays taken for a while."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._reserved_until: dict[str, float] = {}

    def keep(self, name: str) -> None:
        """Keep the name of an endpoint that was deleted."""
        profile = self._conditions.profile
        self._reserved_until[name] = time.monotonic() + profile.seconds(profile.name_reserved_minutes)

    def check_name(self, name: str) -> None:
        """Check that the name of a new endpoint is free in the region.

        Raises:
            ArmError: 400, others have it; 404, it was deleted a moment ago.
        """
        if name in self._conditions.profile.taken_names:
            raise bad_request(inferencing({"": [f"{_TAKEN} name."]}), "InferencingClientCreateEndpointFailed")
        if time.monotonic() < self._reserved_until.get(name, 0.0):
            reason = '{{"title":"Not Found"}}'
            text = "The specified resource was not found."
            raise ArmError(404, "NotFound", text, "InferencingClientCallFailed", reason=reason)

    def check_cores(self, deployment: Json, others: Iterable[Json]) -> None:
        """Check that a deployment (as ARM has it) fits the quota beside the others.

        Raises:
            ArmError: 400, it needs more cores of its instance type than are left.
        """
        limit, kind = self._conditions.profile.quota_cores, _instance_type(deployment)
        used = sum(_cores(other) for other in others if _instance_type(other) == kind)
        needed = _cores(deployment)
        if limit and used + needed > limit:
            text = f"Not enough quota available for {kind} in SubscriptionId {SUBSCRIPTION_ID}."
            text += f" Current usage/limit: {used}/{limit}. Additional needed: {needed}"
            raise bad_request(inferencing({"VmSize": [text]}), "InferencingClientCreateDeploymentFailed")


def inferencing(errors: Json) -> str:
    content = {"errors": errors, "title": "One or more validation errors occurred.", "status": 400}
    return f"InferencingClient HttpRequest error, error detail: {json.dumps(content, separators=(',', ':'))}"


def _instance_type(deployment: Json) -> str:
    return str((deployment.get("properties") or {}).get("instanceType") or "Standard_DS3_v2")


def _cores(deployment: Json) -> int:
    instances = int((deployment.get("sku") or {}).get("capacity") or 1)
    kind = _instance_type(deployment)
    if rank := _RANKS.fullmatch(kind):
        cores = 1 << int(rank[1]) - 1
    else:
        size = _SIZE.match(kind)
        cores = int(size[1]) if size else 4
    return math.ceil(_RESERVE * instances) * cores
