"""Credentials of the audience that a client asks for: unsigned, as on loopback nobody signs."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.core.exceptions import ClientAuthenticationError

SECRET = "loopback"
TENANT = "72f988bf-0000-0000-0000-000000000000"


def make_token(*scopes: str, **_: Any) -> AccessToken:
    """Return an unsigned JWT with the claims that clients and emulators look at."""

    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    expires = int(time.time()) + 3600
    claims = {"aud": scopes[0].removesuffix("/.default"), "exp": expires, "upn": "ana@example.com", "tid": TENANT}
    return AccessToken(f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}.", expires)


class LocalCredential:
    """Stands in for Entra: a secret that it does not know is refused."""

    def __init__(self, *_: Any, client_secret: str = SECRET, **__: Any) -> None:
        self._secret = client_secret

    def token(self, *scopes: str) -> AccessToken:
        if self._secret != SECRET:
            raise ClientAuthenticationError("AADSTS7000215: Invalid client secret provided.")
        return make_token(*scopes)

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return self.token(*scopes)

    def get_token_info(self, *scopes: str, **_: Any) -> AccessTokenInfo:
        return AccessTokenInfo(*self.token(*scopes))


class LocalAsyncCredential(LocalCredential):
    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:  # type: ignore[override]
        return self.token(*scopes)

    async def get_token_info(self, *scopes: str, **_: Any) -> AccessTokenInfo:  # type: ignore[override]
        return AccessTokenInfo(*self.token(*scopes))

    async def close(self) -> None: ...

    async def __aenter__(self) -> LocalAsyncCredential:
        return self

    async def __aexit__(self, *_: object) -> None: ...
