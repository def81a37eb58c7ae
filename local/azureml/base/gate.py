"""What any call may be refused for before it is looked at: roles that are missing, and too many calls.

Throttling: learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling (a token bucket
per principal and subscription, `Retry-After`, the header of what remains). Bodies: azure-docs #105248 and
azure-metrics-exporter #36 (ARM), terraform-provider-azurerm #31174 (Azure ML), read 2026-11-30.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from local.addresses import SUBSCRIPTION_ID, WORKSPACE_ID
from local.azureml.base.arm import PROVIDER, ArmError, caller
from local.azureml.base.config import Faults
from local.profile import Conditions

REMAINING = "x-ms-ratelimit-remaining-subscription-reads"
_VERBS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete", "POST": "action"}


@dataclass
class _Bucket:
    tokens: float
    at: float


class Gate:
    """Counts the calls of each caller; `clock` in seconds."""

    def __init__(self, faults: Faults, conditions: Conditions, clock: Callable[[], float] = time.monotonic) -> None:
        self._faults = faults
        self._conditions = conditions
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def check(self, request: web.Request) -> dict[str, str]:
        """Return the headers that the answer gets.

        Raises:
            ArmError: 401, the token is not valid; 403, a role is missing; 429, too many calls.
        """
        # Injected faults first: they hit any call, also one that would be refused anyway.
        if self._faults.status_429 > 0:
            self._faults.status_429 -= 1
            headers = {"retry-after-ms": "50"}
            raise ArmError(429, "TooManyRequests", "The request is being throttled.", headers=headers)
        if self._faults.status_401 > 0:
            self._faults.status_401 -= 1
            raise ArmError(401, "InvalidAuthenticationToken", "The access token is invalid.")
        if not request.path.startswith(("/subscriptions/", "/batch/")):
            return {}
        by = caller(request)
        right = "read" if request.method == "GET" else "write"
        # People keep their roles: the profile is about the app's identity.
        if by["createdByType"] != "User" and self._conditions.lacks(right):
            raise _forbidden(request, by["createdBy"])
        if self._conditions.is_throttled():
            seconds = self._conditions.throttle_seconds()
            text = f"Received too many requests in a short amount of time. Retry again after {seconds} seconds."
            raise ArmError(429, "TooManyRequests", text, headers={"Retry-After": str(seconds)})
        return self._take(request, by["createdBy"]) if right == "read" else {}

    def _take(self, request: web.Request, who: str) -> dict[str, str]:
        """Take a token out of the caller's bucket.

        Raises:
            ArmError: 429 with the seconds until there is a token again.
        """
        profile, now = self._conditions.profile, self._clock()
        if not profile.reads_per_second:
            return {}
        bucket = self._buckets.setdefault(who, _Bucket(profile.read_burst, now))
        refilled = bucket.tokens + (now - bucket.at) * profile.reads_per_second
        bucket.tokens, bucket.at = min(refilled, profile.read_burst), now
        if bucket.tokens < 1:
            seconds = math.ceil((1 - bucket.tokens) / profile.reads_per_second)
            raise _throttled(request, seconds)
        bucket.tokens -= 1
        return {REMAINING: str(int(bucket.tokens))}


def _throttled(request: web.Request, seconds: int) -> ArmError:
    text = f"Number of requests for subscription '{SUBSCRIPTION_ID}' and operation '{request.method}/SUBSCRIPTIONS"
    text += f"/RESOURCEGROUPS/PROVIDERS/{_kind(request).upper()}' exceeded the backend storage limit."
    headers = {"Retry-After": str(seconds), REMAINING: "0"}
    return ArmError(
        429, "SubscriptionRequestsThrottled", f"{text} Please try again after '{seconds}' seconds.", headers=headers
    )


def _forbidden(request: web.Request, who: str) -> ArmError:
    action = f"{_kind(request)}/{_VERBS.get(request.method, 'action')}"
    text = f"The client '{who}' with object id '{who}' does not have authorization to perform action '{action}' over"
    text += f" scope '{request.path}' or the scope is invalid. If access was recently granted, please refresh your"
    return ArmError(403, "AuthorizationFailed", f"{text} credentials.")


def _kind(request: web.Request) -> str:
    """Return the type of what is called, such as `…/workspaces/onlineEndpoints/deployments`."""
    inside = request.path.removeprefix(WORKSPACE_ID).strip("/").split("/") if WORKSPACE_ID in request.path else []
    return "/".join([PROVIDER, "workspaces", *filter(None, inside[::2])])
