"""Pages on which people approve or reject a release. GET only shows; POST decides."""

from typing import TYPE_CHECKING

import azure.functions as func

from functions.sign_in import answer, app_or_answer, foreign_form, person_or_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.console.approval_pages import ApprovalPages
    from shared.console.page import Page
    from shared.console.principal import Principal

bp = func.Blueprint()


# Anonymous for the host's keys: sign-in decides who comes in, and a key in a link would be a secret in a mail.
@bp.route(route="approvals", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def list_approvals(req: func.HttpRequest) -> func.HttpResponse:
    from shared.bootstrap import get_workspaces

    person = person_or_answer(req)
    if isinstance(person, func.HttpResponse):
        return person
    return answer(get_workspaces().approval_pages.overview(person, _languages(req)))


@bp.route(route="approvals/{release}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def show_approval(req: func.HttpRequest) -> func.HttpResponse:
    return _show(req, lambda pages: pages.show)


@bp.route(route="approvals/{release}/card", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def show_version_card(req: func.HttpRequest) -> func.HttpResponse:
    return _show(req, lambda pages: pages.card)


def _show(
    req: func.HttpRequest, page: "Callable[[ApprovalPages], Callable[[str, Principal, str], Page]]"
) -> func.HttpResponse:
    person = person_or_answer(req)
    if isinstance(person, func.HttpResponse):
        return person
    app = app_or_answer(req)
    if isinstance(app, func.HttpResponse):
        return app
    return answer(page(app.approval_pages)(req.route_params["release"], person, _languages(req)))


@bp.route(route="approvals/{release}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def decide_approval(req: func.HttpRequest) -> func.HttpResponse:
    person = person_or_answer(req)
    if isinstance(person, func.HttpResponse):
        return person
    if refused := foreign_form(req):
        return refused
    release = req.route_params["release"]
    app = app_or_answer(req)
    if isinstance(app, func.HttpResponse):
        return app
    return answer(app.approval_pages.decide(release, req.get_body(), person, _languages(req)))


def _languages(req: func.HttpRequest) -> str:
    return str(req.headers.get("Accept-Language", ""))
