"""Pages on which people approve or reject a release. GET only shows; POST decides."""

import azure.functions as func

from functions.sign_in import answer_from, answer_page, foreign_form

bp = func.Blueprint()


# Anonymous for the host's keys: sign-in decides who comes in, and a key in a link would be a secret in a mail.
@bp.route(route="approvals", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def list_approvals(req: func.HttpRequest) -> func.HttpResponse:
    from shared.bootstrap import get_workspaces

    return answer_page(req, lambda person, languages: get_workspaces().approval_pages.overview(person, languages))


@bp.route(route="approvals/{release}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def show_approval(req: func.HttpRequest) -> func.HttpResponse:
    release = req.route_params["release"]
    return answer_from(req, lambda app, person, languages: app.approval_pages.show(release, person, languages))


@bp.route(route="approvals/{release}/card", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def show_version_card(req: func.HttpRequest) -> func.HttpResponse:
    release = req.route_params["release"]
    return answer_from(req, lambda app, person, languages: app.approval_pages.card(release, person, languages))


@bp.route(route="approvals/{release}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def decide_approval(req: func.HttpRequest) -> func.HttpResponse:
    release, form = req.route_params["release"], req.get_body()
    return foreign_form(req) or answer_from(
        req, lambda app, person, languages: app.approval_pages.decide(release, form, person, languages)
    )
