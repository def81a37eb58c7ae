"""Pages that show monitors' runs and reports; they change nothing."""

from typing import TYPE_CHECKING

import azure.functions as func

from functions.sign_in import answer, app_or_answer, person_or_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.bootstrap import App
    from shared.console.page import Page
    from shared.console.principal import Principal

bp = func.Blueprint()


@bp.route(route="monitors", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def list_monitors(req: func.HttpRequest) -> func.HttpResponse:
    from shared.bootstrap import get_workspaces

    return _answer_page(req, lambda person, languages: get_workspaces().monitor_pages.overview(person, languages))


@bp.route(route="monitors/{model}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def list_monitor_runs(req: func.HttpRequest) -> func.HttpResponse:
    model = req.route_params["model"]
    return _answer_from(req, lambda app, person, languages: app.monitor_pages.runs(model, person, languages))


@bp.route(route="monitors/{model}/{report}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def show_monitor_report(req: func.HttpRequest) -> func.HttpResponse:
    model, report = req.route_params["model"], req.route_params["report"]
    return _answer_from(req, lambda app, person, languages: app.monitor_pages.report(model, report, person, languages))


def _answer_from(req: func.HttpRequest, page: "Callable[[App, Principal, str], Page]") -> func.HttpResponse:
    def of_workspace(person: "Principal", languages: str) -> "Page | func.HttpResponse":
        app = app_or_answer(req)
        return app if isinstance(app, func.HttpResponse) else page(app, person, languages)

    return _answer_page(req, of_workspace)


def _answer_page(
    req: func.HttpRequest, page: "Callable[[Principal, str], Page | func.HttpResponse]"
) -> func.HttpResponse:
    person = person_or_answer(req)
    if isinstance(person, func.HttpResponse):
        return person
    shown = page(person, str(req.headers.get("Accept-Language", "")))
    return shown if isinstance(shown, func.HttpResponse) else answer(shown)
