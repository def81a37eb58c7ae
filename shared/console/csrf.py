"""Tokens that prove who opened a form, and about which release and evidence."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.errors import AmbiguousWriteError, RetryableError
from shared.ports.blobs import BlobStore

if TYPE_CHECKING:
    from itsdangerous import URLSafeTimedSerializer

LIFETIME = timedelta(days=1)
SECRET_BLOB = "secrets/csrf"  # noqa: S105 (the name of the blob)
_BYTES = 32
# Instances' clocks differ a little: a token may have been issued by one that is ahead of the one that checks it.
_CLOCK_SKEW = timedelta(minutes=5)


def stored_secret(blobs: BlobStore) -> bytes:
    """Return the app's secret, the same for every instance; the first call makes it at random.

    Raises:
        RetryableError: it could not be written, or what is stored is too short to be one.
    """
    stored = blobs.get(SECRET_BLOB)
    if stored is None:
        with suppress(AmbiguousWriteError):  # reading it back shows whether it was written
            blobs.create(SECRET_BLOB, secrets.token_bytes(_BYTES))
        stored = blobs.get(SECRET_BLOB)
    if stored is None or len(stored.body) < _BYTES:
        raise RetryableError(
            code="csrf.no_secret",
            message=f"the blob {SECRET_BLOB} could not be written or is too short",
            hint="delete it; a new one is made",
        )
    return stored.body


def issue(secret: bytes, person: str, release: str, digest: str, now: datetime) -> str:
    """Return a token for this person, release and evidence."""
    return str(_serializer(secret, now).dumps([person, release, digest]))


def is_valid(token: str, secret: bytes, person: str, release: str, digest: str, now: datetime) -> bool:
    """Return whether the token was issued for exactly this, at most a day ago."""
    from itsdangerous import BadData

    max_age = LIFETIME + _CLOCK_SKEW
    try:
        subject = _serializer(secret, now + _CLOCK_SKEW).loads(token, max_age=int(max_age.total_seconds()))
    except BadData:
        return False
    return bool(subject == [person, release, digest])


def _serializer(secret: bytes, now: datetime) -> URLSafeTimedSerializer:
    from itsdangerous import TimestampSigner, URLSafeTimedSerializer

    class SignerAt(TimestampSigner):
        """Takes the time as a value, as everything that decides does."""

        def get_timestamp(self) -> int:
            return int(now.timestamp())

    options: dict[str, Any] = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    return URLSafeTimedSerializer(secret, salt="vigia-form", signer=SignerAt, signer_kwargs=options)
