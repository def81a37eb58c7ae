"""The signed-in person or application, from the headers of the platform's sign-in."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass

_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
# In this order: the first that looks like an address is the person's.
_ADDRESS_CLAIMS = ("preferred_username", "upn", f"{_CLAIMS}upn", f"{_CLAIMS}emailaddress", "email", f"{_CLAIMS}name")
_ROLE_CLAIMS = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")
_OBJECT_CLAIMS = ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid")
_APPLICATION_CLAIMS = ("azp", "appid")
DECIDING_ROLES = frozenset({"Approver", "Admin"})


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or an application (`application` is its client id) that signed in.

    Args:
        email: for show, in lower case; an administrator may change it, or give it to somebody else.
        oid: who it is, in lower case: Entra's object id, which nobody ever gets again.
        addresses: every address among the claims.
    """

    email: str
    roles: frozenset[str]
    application: str = ""
    oid: str = ""
    addresses: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """Return what identifies this person: the object id where the sign-in has one, else the address."""
        return self.oid or self.email

    @property
    def may_decide(self) -> bool:
        """Return whether their role lets them see and decide questions; each question also names its approvers."""
        return bool(self.email) and bool(self.roles & DECIDING_ROLES)


def parse_principal(header: str) -> Principal | None:
    """Return who X-MS-CLIENT-PRINCIPAL names; None when it is absent or is not what the platform writes.

    Source: learn.microsoft.com/azure/app-service/configure-authentication-user-identities, read 2026-11-20.
    """
    try:
        document = json.loads(base64.b64decode(header, validate=True))
        claims = [(str(claim["typ"]), str(claim["val"])) for claim in document["claims"]]
        role_type = str(document.get("role_typ", ""))
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Principal(
        email=_address(claims),
        roles=frozenset(value for kind, value in claims if kind in {*_ROLE_CLAIMS, role_type}),
        oid=next((value.strip().lower() for kind, value in claims if kind in _OBJECT_CLAIMS), ""),
        addresses=frozenset(value.lower() for kind, value in claims if kind in _ADDRESS_CLAIMS and "@" in value),
        application=next((value for kind, value in claims if kind in _APPLICATION_CLAIMS), ""),
    )


def _address(claims: Iterable[tuple[str, str]]) -> str:
    values = dict(reversed(list(claims)))
    return next((values[kind].lower() for kind in _ADDRESS_CLAIMS if "@" in values.get(kind, "")), "")
