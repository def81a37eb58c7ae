"""Tokens that prove a form was opened by the person who sends it, about what they saw."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from contextlib import suppress
from datetime import datetime, timedelta

from shared.errors import AmbiguousWriteError, RetryableError
from shared.ports.blobs import BlobStore

LIFETIME = timedelta(days=1)
SECRET_BLOB = "secrets/csrf"  # noqa: S105 (the name of the blob)
_BYTES = 32


def stored_secret(blobs: BlobStore) -> bytes:
    """Return the app's secret, made at random the first time; every instance sees the same one."""
    found = blobs.get(SECRET_BLOB)
    if found is None:
        with suppress(AmbiguousWriteError):  # what was written is seen by reading
            blobs.create(SECRET_BLOB, secrets.token_bytes(_BYTES))
        found = blobs.get(SECRET_BLOB)
    if found is None or len(found.body) < _BYTES:
        raise RetryableError(
            code="csrf.no_secret",
            message=f"the blob {SECRET_BLOB} could not be written or is too short",
            hint="delete it; a new one is made",
        )
    return found.body


def issue(secret: bytes, person: str, release: str, digest: str, now: datetime) -> str:
    """Return a token for this person, release and evidence."""
    issued = str(int(now.timestamp()))
    return f"{issued}.{_signature(secret, issued, person, release, digest)}"


def is_valid(token: str, secret: bytes, person: str, release: str, digest: str, now: datetime) -> bool:
    """Return whether the token was issued for exactly this, at most a day ago."""
    issued, _, signature = token.partition(".")
    if not (issued.isascii() and issued.isdigit() and len(issued) < 15 and signature.isascii()):
        return False
    if not hmac.compare_digest(signature, _signature(secret, issued, person, release, digest)):
        return False
    age = now.timestamp() - int(issued)
    # Instances' clocks differ a little; a token from the near future is one of those.
    return -300 <= age <= LIFETIME.total_seconds()


def _signature(secret: bytes, *parts: str) -> str:
    return hmac.new(secret, json.dumps(parts).encode(), hashlib.sha256).hexdigest()
