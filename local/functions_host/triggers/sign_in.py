"""The platform's sign-in (Easy Auth), with a page where a developer picks a user.

Like the platform, the host strips the identity headers that a caller sends and sets them itself from a signed cookie.
Unlike it, there is no password: it listens on loopback only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import uuid
from dataclasses import dataclass
from html import escape
from urllib.parse import urlsplit

from aiohttp import web

from local.errors import LocalSystemError

COOKIE = "AppServiceAuthSession"
NAME_TYPE = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"
ROLE_TYPE = "roles"
OBJECT_ID_TYPE = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_SET_BY_PLATFORM = ("x-ms-client-principal", "x-ms-token-")

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign in</title>
<style>body{{font:16px/1.5 system-ui;max-width:26rem;margin:3rem auto;padding:0 1rem}}
label{{display:block;margin:.4rem 0}}
input[type=email]{{width:100%;font:inherit;padding:.3rem}}
button{{font:inherit;margin-top:1rem;padding:.4rem 1.2rem}}</style>
<h1>Sign in</h1><p>This local system asks for no password: choose who you are.</p>
<form method="post" action="/.auth/login/aad">
<input type="hidden" name="post_login_redirect_uri" value="{target}">
{choices}
<label>Somebody else <input type="email" name="other" placeholder="name@example.com"></label>
<button>Sign in</button></form></html>"""


@dataclass(frozen=True)
class User:
    """A person who can sign in."""

    email: str
    roles: tuple[str, ...] = ()

    @property
    def object_id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{self.email}"))

    def claims(self) -> list[dict[str, str]]:
        pairs = [(NAME_TYPE, self.email), ("preferred_username", self.email), (OBJECT_ID_TYPE, self.object_id)]
        pairs += [(ROLE_TYPE, role) for role in self.roles]
        return [{"typ": kind, "val": value} for kind, value in pairs]


def parse_users(text: str) -> dict[str, User]:
    """Return the users of a setting like `ana@example.com:Approver+Owner,ben@example.com`, by e-mail in lower case.

    Raises:
        LocalSystemError: an entry has no e-mail address.
    """
    users = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        email, _, roles = entry.partition(":")
        if "@" not in email:
            raise LocalSystemError(
                f"VIGIA_LOCAL_USERS has an entry {entry!r} without an e-mail address",
                "write it like ana@example.com:Approver+Owner,ben@example.com",
            )
        users[email.lower()] = User(email.lower(), tuple(filter(None, roles.split("+"))))
    return users


class SignIn:
    """Serves /.auth and identifies the sender of a request."""

    def __init__(self, users: dict[str, User]) -> None:
        self._users = users
        self._key = secrets.token_bytes(32)  # sessions end with the host

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/.auth/login/aad", self._show)
        router.add_post("/.auth/login/aad", self._sign_in)
        router.add_get("/.auth/logout", self._sign_out)
        router.add_get("/.auth/me", self._me)

    def user_of(self, request: web.BaseRequest) -> User | None:
        """Return who is signed in, by the cookie; None without one or with a forged one."""
        encoded, _, signature = request.cookies.get(COOKIE, "").partition(".")
        if not encoded or not hmac.compare_digest(signature, self._signature(encoded)):
            return None
        email = base64.urlsafe_b64decode(encoded).decode()
        return self._users.get(email, User(email))

    def trusted_headers(self, request: web.BaseRequest) -> dict[str, str]:
        """Return the request's headers with the platform's identity headers in place of any that the caller sent."""
        headers = {
            name: value for name, value in request.headers.items() if not name.lower().startswith(_SET_BY_PLATFORM)
        }
        user = self.user_of(request)
        if user is not None:
            principal = {"auth_typ": "aad", "claims": user.claims(), "name_typ": NAME_TYPE, "role_typ": ROLE_TYPE}
            headers |= {
                "X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(principal).encode()).decode(),
                "X-MS-CLIENT-PRINCIPAL-ID": user.object_id,
                "X-MS-CLIENT-PRINCIPAL-NAME": user.email,
                "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
            }
        return headers

    async def _show(self, request: web.Request) -> web.Response:
        target = _local_target(request.query.get("post_login_redirect_uri", "/"), request)
        choices = "\n".join(
            f'<label><input type="radio" name="user" value="{escape(user.email)}"> {escape(user.email)}'
            f"{escape(' (' + ', '.join(user.roles) + ')') if user.roles else ''}</label>"
            for user in self._users.values()
        )
        return web.Response(text=_PAGE.format(target=escape(target), choices=choices), content_type="text/html")

    async def _sign_in(self, request: web.Request) -> web.Response:
        form = await request.post()
        target = _local_target(str(form.get("post_login_redirect_uri", "/")), request)
        email = str(form.get("other") or form.get("user") or "").strip().lower()
        if "@" not in email:
            return web.Response(status=400, text="choose a person or write an e-mail address")
        encoded = base64.urlsafe_b64encode(email.encode()).decode()
        answer = web.Response(status=302, headers={"Location": target})
        answer.set_cookie(COOKIE, f"{encoded}.{self._signature(encoded)}", httponly=True, samesite="Lax", path="/")
        return answer

    async def _sign_out(self, request: web.Request) -> web.Response:
        target = _local_target(request.query.get("post_logout_redirect_uri", "/"), request)
        answer = web.Response(status=302, headers={"Location": target})
        answer.del_cookie(COOKIE, path="/")
        return answer

    async def _me(self, request: web.Request) -> web.Response:
        user = self.user_of(request)
        if user is None:
            return web.json_response([])
        return web.json_response([{"provider_name": "aad", "user_id": user.email, "user_claims": user.claims()}])

    def _signature(self, encoded: str) -> str:
        return hmac.new(self._key, encoded.encode(), hashlib.sha256).hexdigest()


def _local_target(target: str, request: web.Request) -> str:
    """Return the redirect target as a path on this host.

    Raises:
        HTTPBadRequest: it leads to another host.
    """
    parts = urlsplit(target.strip())
    is_here = (parts.scheme, parts.netloc) in (("", ""), (request.scheme, request.host))
    path = parts.path or "/"
    # Browsers read "\\" as "/" and drop tabs and line ends, so "/\\evil.example" would leave this host.
    is_plain = path.startswith("/") and not path.startswith("//") and not any(c in target for c in "\\\t\r\n")
    if not (is_here and is_plain):
        raise web.HTTPBadRequest(text="the redirect must stay on this host: write a path such as /api/approvals")
    return path + (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")
