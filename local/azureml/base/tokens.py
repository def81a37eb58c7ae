"""Authentication: a bearer token for the right audience that has not expired. Nobody signs tokens on loopback.

Source: learn.microsoft.com/azure/azure-monitor/logs/api/errors, which shows Azure Resource Manager's answers, read
2026-11-30.
"""

from __future__ import annotations

import time

from aiohttp import web

from local.azureml.base.arm import ArmError, claims_of

ARM = ("https://management.core.windows.net", "https://management.azure.com")
AZURE_ML = ("https://ml.azure.com",)


def check_token(request: web.Request, own: str) -> None:
    """Check the bearer token of a call over ARM or to the data plane.

    Args:
        own: the emulator's address: a client that takes it for Azure Resource Manager asks for tokens of it.

    Raises:
        ArmError: 401, there is no token that Azure would take.
    """
    if request.path.startswith(("/discovery", "/mlflow/")):  # jobs tell of their runs without one, see tracking.py
        return
    if not request.headers.get("Authorization", "").startswith("Bearer "):
        text = "Authentication failed. The 'Authorization' header is missing."
        raise ArmError(401, "AuthenticationFailed", text)
    claims = claims_of(request)
    if not claims:
        raise ArmError(401, "InvalidAuthenticationToken", "The access token is invalid.")
    audience = str(claims.get("aud")).rstrip("/")
    allowed = (*ARM, own) if request.path.startswith("/subscriptions/") else (*ARM, *AZURE_ML, own)
    if audience not in allowed:
        text = (
            f"The access token has been obtained for wrong audience or resource '{audience}'. It should exactly match"
        )
        listed = ", ".join(f"'{audience}/'" for audience in allowed)
        raise ArmError(401, "InvalidAuthenticationTokenAudience", f"{text} with one of the allowed audiences {listed}.")
    if float(claims.get("exp") or 0) <= time.time():
        raise ArmError(401, "ExpiredAuthenticationToken", "The access token has expired.")
