"""Who calls, as the platform in front of the app (App Service authentication) has checked it."""

import os
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import azure.functions as func

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.bootstrap import App
    from shared.console.page import Page
    from shared.console.principal import Principal


def is_on() -> bool:
    """Return whether the platform stands in front; only then are its headers its own."""
    return os.environ.get("WEBSITE_AUTH_ENABLED", "").strip().lower() == "true"


def principal_of(req: func.HttpRequest) -> "Principal | None":
    """Return who is signed in; None for nobody, and whenever sign-in is off."""
    from shared.console.principal import parse_principal

    header = req.headers.get("X-MS-CLIENT-PRINCIPAL", "") if is_on() else ""
    return parse_principal(header) if header else None


def is_called_by(req: func.HttpRequest, application: str, role: str) -> bool:
    """Return whether that application calls, with that application role; an empty role asks for none.

    The platform has checked the token's signature, issuer and audience before.
    """
    principal = principal_of(req)
    if principal is None or not application or principal.application != application:
        return False
    return not role or role in principal.roles


def person_or_answer(req: func.HttpRequest) -> "Principal | func.HttpResponse":
    """Return who reads the page, or the answer to give instead: sign in first, or sign-in is off."""
    from shared.console.page import message_page
    from shared.texts.languages import preferred

    locale = preferred(req.headers.get("Accept-Language", ""))
    if not is_on():
        return answer(message_page(503, locale, "no_sign_in"))
    principal = principal_of(req)
    if principal is not None:
        return principal
    if req.method == "GET":
        return func.HttpResponse(status_code=302, headers={"Location": _sign_in_url(req), "Cache-Control": "no-store"})
    # Not a redirect: the page's form-action 'self' forbids a form to end on the sign-in page of another host.
    return answer(message_page(401, locale, "signed_out", sign_in_url=_sign_in_url(req)))


def app_or_answer(req: func.HttpRequest) -> "App | func.HttpResponse":
    """Return the app of the workspace that the address names, the app's own where it names none."""
    from shared.bootstrap import get_workspaces
    from shared.console.page import message_page
    from shared.errors import PermanentError
    from shared.texts.languages import preferred

    try:
        return get_workspaces().app(req.params.get("workspace", ""))
    except PermanentError:
        return answer(message_page(404, preferred(req.headers.get("Accept-Language", "")), "unknown"))


def answer_from(req: func.HttpRequest, page: "Callable[[App, Principal, str], Page]") -> func.HttpResponse:
    """Return a page of the workspace that the address names, to whoever is signed in."""

    def of_workspace(person: "Principal", languages: str) -> "Page | func.HttpResponse":
        app = app_or_answer(req)
        return app if isinstance(app, func.HttpResponse) else page(app, person, languages)

    return answer_page(req, of_workspace)


def answer_page(
    req: func.HttpRequest, page: "Callable[[Principal, str], Page | func.HttpResponse]"
) -> func.HttpResponse:
    """Return a page in its reader's language, to whoever is signed in."""
    person = person_or_answer(req)
    if isinstance(person, func.HttpResponse):
        return person
    shown = page(person, str(req.headers.get("Accept-Language", "")))
    return shown if isinstance(shown, func.HttpResponse) else answer(shown)


def foreign_form(req: func.HttpRequest) -> "func.HttpResponse | None":
    """Return the refusal of a form that another site's page sent; None for one of ours.

    Browsers say where a form comes from, in a header that pages cannot set. What says neither is no browser of today;
    the form's token is proof enough there. Source: developer.mozilla.org, Sec-Fetch-Site and Origin, read 2026-11-30.
    """
    from shared.console.page import message_page
    from shared.texts.languages import preferred

    site, origin = req.headers.get("Sec-Fetch-Site"), req.headers.get("Origin")
    hosts = {urlsplit(req.url).netloc, req.headers.get("Host", "")}
    is_ours = site in {None, "same-origin", "none"} and (origin is None or urlsplit(origin).netloc in hosts - {""})
    if is_ours:
        return None
    return answer(message_page(403, preferred(req.headers.get("Accept-Language", "")), "foreign_form"))


def answer(page: "Page") -> func.HttpResponse:
    return func.HttpResponse(page.body, status_code=page.status, headers=dict(page.headers), mimetype="text/html")


def _sign_in_url(req: func.HttpRequest) -> str:
    from shared.console.page import within

    # Only the path, and that with one slash: where people land after signing in must be here, and //host is not.
    path = "/" + urlsplit(req.url).path.lstrip("/\\")
    page = within(path, req.params.get("workspace", ""))
    return f"/.auth/login/aad?post_login_redirect_uri={quote(page, safe='')}"
