"""Pages that show monitors' runs and reports; they change nothing."""

from typing import TYPE_CHECKING

import azure.functions as func

from functions.sign_in import answer, person_or_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.console.page import Page
    from shared.console.principal import Principal

bp = func.Blueprint()


@bp.route(route="monitors", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def list_monitors(req: func.HttpRequest) -> func.HttpResponse:
    from shared.bootstrap import get_app

    return _answer_page(req, lambda person, languages: get_app().monitor_pages.overview(person, languages))


@bp.route(route="monitors/{model}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def list_monitor_runs(req: func.HttpRequest) -> func.HttpResponse:
    from shared.bootstrap import get_app

    model = req.route_params["model"]
    return _answer_page(req, lambda person, languages: get_app().monitor_pages.runs(model, person, languages))


@bp.route(route="monitors/{model}/{report}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def show_monitor_report(req: func.HttpRequest) -> func.HttpResponse:
    from shared.bootstrap import get_app

    model, report = req.route_params["model"], req.route_params["report"]
    return _answer_page(req, lambda person, languages: get_app().monitor_pages.report(model, report, person, languages))


def _answer_page(req: func.HttpRequest, page: "Callable[[Principal, str], Page]") -> func.HttpResponse:
    person = person_or_answer(req)
    if isinstance(person, func.HttpResponse):
        return person
    return answer(page(person, str(req.headers.get("Accept-Language", ""))))
