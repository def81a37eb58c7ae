"""Credentials of publishers: an access key, a shared access signature or an Entra token.

Sources, read 2026-11-20: learn.microsoft.com/azure/event-grid/authenticate-with-access-keys-shared-access-signatures
and .../authenticate-with-microsoft-entra-id; the signature as azure-eventgrid 4.22.1 `generate_sas` makes it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qs

AUDIENCE = "https://eventgrid.azure.net"


def is_allowed(headers: Mapping[str, str], query: Mapping[str, str], keys: Sequence[str]) -> bool:
    """Return whether a publish request carries a valid credential. Header names in `headers` ignore case."""
    key = headers.get("aeg-sas-key") or query.get("aeg-sas-key")
    if key is not None:
        return any(hmac.compare_digest(key.encode(), valid.encode()) for valid in keys)
    scheme, _, rest = headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer":
        return _is_token_for_us(rest)
    signature = headers.get("aeg-sas-token") or (rest if scheme == "SharedAccessSignature" else "")
    return any(_is_signed_by(key, signature) for key in keys)


def _is_signed_by(key: str, token: str) -> bool:
    unsigned, signature, _ = token.rpartition("&s=")
    if not signature:
        return False
    fields = parse_qs(token)
    digest = hmac.new(base64.b64decode(key), unsigned.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(base64.b64encode(digest).decode(), fields.get("s", [""])[0]):
        return False
    try:
        expires = datetime.fromisoformat(fields.get("e", [""])[0])
    except ValueError:
        return False
    return expires.replace(tzinfo=expires.tzinfo or UTC) > datetime.now(UTC)


def _is_token_for_us(token: str) -> bool:
    """Look at audience and expiry of a JWT. Nobody signs tokens on loopback, so the signature is not checked."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims["aud"]).rstrip("/") == AUDIENCE and float(claims["exp"]) > time.time()
    except (IndexError, KeyError, TypeError, ValueError):
        return False
