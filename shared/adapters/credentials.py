"""The app's identity on Azure, and what lets the same code call emulators on loopback."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.settings import Settings

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential
    from azure.core.pipeline import PipelineRequest
    from azure.core.pipeline.policies import SansIOHTTPPolicy


def credential_for(settings: Settings) -> TokenCredential:
    """Return the credential for what is the app's own: its storage, its topic, its mails."""
    return _credential(settings.identity_client_id, settings)


def workspace_credential(settings: Settings) -> TokenCredential:
    """Return the credential for the workspace, its storage and its logs, which may be another identity's."""
    return _credential(settings.workspace_identity_client_id, settings)


def _credential(client_id: str, settings: Settings) -> TokenCredential:
    """Return the managed identity on Azure, a developer's own sign-in elsewhere, the unsigned credential on loopback.

    On Azure only the managed identity is asked: DefaultAzureCredential would answer its failure by seven more ways to
    sign in, some of them subprocesses with ten seconds each, and would name all of them instead of the reason.
    """
    if settings.uses_loopback_credential:
        return LoopbackCredential()
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    if has_managed_identity(os.environ):
        return ManagedIdentityCredential(client_id=client_id or None)
    return DefaultAzureCredential(managed_identity_client_id=client_id or None)


def has_managed_identity(environment: Mapping[str, str]) -> bool:
    """Return whether this process runs on Azure Functions with a managed identity, i.e. in production.

    The settings cannot say: a developer's copy of the app's settings names the identity's client id, too.
    Source: learn.microsoft.com/azure/app-service/overview-managed-identity (REST endpoint reference), read 2026-11-30.
    """
    return bool(environment.get("IDENTITY_ENDPOINT") and environment.get("IDENTITY_HEADER"))


def signed_in_as(settings: Settings) -> str:
    """Return the address of the person, or "application ID", whose token Azure Resource Manager is given.

    The token is ours and comes from Azure: nobody else could have put a name into it, so no signature is checked.

    Raises:
        ValueError: the token names neither a person nor an application.
        AzureError: no token was issued.
    """
    token = credential_for(settings).get_token(f"{settings.arm_endpoint}/.default").token
    claims = _claims(token)
    addresses = (claims.get(name) for name in ("upn", "preferred_username", "unique_name", "email"))
    if address := next((str(address) for address in addresses if address), ""):
        return address.lower()
    if application := claims.get("appid") or claims.get("azp"):
        return f"application {application}"
    raise ValueError("the token names neither a person nor an application")


def _claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1] if token.count(".") == 2 else ""
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)) or b"{}")
    return claims


class LoopbackCredential:
    """Unsigned tokens for emulators. Settings refuses it unless every endpoint is on this machine."""

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        from azure.core.credentials import AccessToken

        # Shaped as a JWT: the Azure ML client decodes the token to find its audience and expiry.
        expires_at = int(time.time()) + 3600
        audience = scopes[0].removesuffix("/.default")
        parts = [_encoded({"alg": "none"}), _encoded({"aud": audience, "exp": expires_at})]
        return AccessToken(".".join(parts) + ".", expires_at)


def _encoded(claims: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


def allow_loopback_http() -> SansIOHTTPPolicy[Any, Any]:
    """Return a pipeline policy that lets tokens travel over plain http to this machine, and nowhere else."""
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    class AllowLoopbackHttp(SansIOHTTPPolicy[Any, Any]):
        def on_request(self, request: PipelineRequest[Any]) -> None:
            if request.http_request.url.startswith("http://127.0.0.1:"):
                request.context.options["enforce_https"] = False

    return AllowLoopbackHttp()
