"""Pages that show monitors' runs and reports; they change nothing."""

import azure.functions as func

from functions.sign_in import answer_from, answer_page

bp = func.Blueprint()


@bp.route(route="monitors", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def list_monitors(req: func.HttpRequest) -> func.HttpResponse:
    from shared.bootstrap import get_workspaces

    return answer_page(req, lambda person, languages: get_workspaces().monitor_pages.overview(person, languages))


@bp.route(route="monitors/{model}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def list_monitor_runs(req: func.HttpRequest) -> func.HttpResponse:
    model = req.route_params["model"]
    return answer_from(req, lambda app, person, languages: app.monitor_pages.runs(model, person, languages))


@bp.route(route="monitors/{model}/{report}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def show_monitor_report(req: func.HttpRequest) -> func.HttpResponse:
    model, report = req.route_params["model"], req.route_params["report"]
    return answer_from(req, lambda app, person, languages: app.monitor_pages.report(model, report, person, languages))
