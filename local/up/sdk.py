"""The Azure ML SDK of a user on the local system: the real client, taught this machine's addresses."""

from __future__ import annotations

import base64
import getpass
import json
import time
from collections.abc import Mapping
from typing import Any

from azure.ai.ml import MLClient
from azure.ai.ml.constants import _common
from azure.core.credentials import AccessToken
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy

from local.addresses import RESOURCE_GROUP, SUBSCRIPTION_ID, WORKSPACE


def connect_locally(environment: Mapping[str, str]) -> MLClient:
    """Return the client of the local system's workspace; `environment` is what `dev.py env` prints."""
    arm, storage = environment["VIGIA_ARM_ENDPOINT"], environment["VIGIA_WORKSPACE_STORAGE"]
    parts = dict(part.split("=", 1) for part in storage.split(";") if "=" in part)
    for kind in _common.STORAGE_ACCOUNT_URLS:
        # The SDK makes addresses of storage itself, always with https, and takes no others for its uploads.
        _common.STORAGE_ACCOUNT_URLS[kind] = parts["BlobEndpoint"]
    return MLClient(
        _Credential(environment.get("VIGIA_LOCAL_USER") or getpass.getuser()),
        SUBSCRIPTION_ID,
        RESOURCE_GROUP,
        WORKSPACE,
        enable_telemetry=False,
        show_progress=False,
        cloud=f"Local-{arm.rpartition(':')[2]}",
        cloud_metadata={
            "azure_portal": "https://portal.azure.com/",
            "resource_manager": f"{arm}/",
            "active_directory": f"{arm}/",
            "aml_resource_id": "https://ml.azure.com/",
            "storage_endpoint": "core.windows.net",
            "registry_discovery_endpoint": f"{arm}/",
        },
        per_call_policies=[_HttpOnLoopback()],
        polling_interval=0.05,
    )


class _Credential:
    """Unsigned tokens that say who calls; the emulator checks audience and expiry alone."""

    def __init__(self, user: str) -> None:
        self._user = user

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        expires = int(time.time()) + 3600
        claims = {"aud": scopes[0].removesuffix("/.default"), "exp": expires, "name": self._user, "upn": self._user}
        parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({}, claims))
        return AccessToken(".".join((*parts, "")), expires)


class _HttpOnLoopback(SansIOHTTPPolicy[Any, Any]):
    def on_request(self, request: PipelineRequest[Any]) -> None:
        if request.http_request.url.startswith("http://127.0.0.1:"):
            request.context.options["enforce_https"] = False
