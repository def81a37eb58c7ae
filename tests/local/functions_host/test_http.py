"""HTTP triggers: routes, methods, requests and answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from yarl import URL

from local.errors import LocalSystemError
from local.functions_host.app import load_functions
from local.functions_host.triggers.routes import RouteTable
from tests.local.functions_host.conftest import ToyFolder

APP = """
@app.route(route="approvals/{release}/{step:int?}", methods=["GET"])
def show(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"{dict(req.route_params)} {req.params.get('q')}")

@app.route(route="approvals/mine", methods=["GET"])
def mine(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("mine")

@app.route(route="approvals/{release}", methods=["POST"])
async def decide(req: func.HttpRequest) -> func.HttpResponse:
    headers = {"Location": "/there", "Set-Cookie": "a=1"}
    return func.HttpResponse(req.form["decision"].encode() + req.get_body(), status_code=303, headers=headers)

@app.route(route="broken")
def broken(req: func.HttpRequest) -> func.HttpResponse:
    raise RuntimeError("secret detail")

@app.route(route="json", methods=["PUT"])
def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return func.HttpResponse(f"{context.function_name} {req.get_json()}", mimetype="application/json")
"""


async def ask(toy: ToyFolder, method: str, path: str, **options: Any) -> tuple[int, str, dict[str, str]]:
    async with (
        toy.running(APP) as app,
        app.client.request(method, URL(path, encoded=True), allow_redirects=False, **options) as answer,
    ):
        return answer.status, await answer.text(), dict(answer.headers)


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        pytest.param("/api/approvals/r%2F1/2?q=x", 200, "{'release': 'r/1', 'step': '2'} x", id="parameters"),
        pytest.param("/api/Approvals/r1", 200, "{'release': 'r1'} None", id="optional_absent_and_any_case"),
        pytest.param("/api/approvals/mine", 200, "mine", id="literal_before_parameter"),
        pytest.param("/api/approvals/r1/two", 404, "", id="constraint_not_met"),
        pytest.param("/approvals/r1", 404, "", id="without_prefix"),
        pytest.param("/api/broken", 500, "", id="failure_tells_nothing"),
    ],
)
def test_get_is_routed(toy: ToyFolder, path: str, status: int, text: str) -> None:
    answer = asyncio.run(ask(toy, "GET", path))

    assert answer[:2] == (status, text)


def test_form_is_posted_and_answer_carries_status_headers_and_cookie(toy: ToyFolder) -> None:
    status, text, headers = asyncio.run(ask(toy, "POST", "/api/approvals/r1", data={"decision": "yes"}))

    assert (status, text) == (303, "yesdecision=yes")
    assert (headers["Location"], headers["Set-Cookie"]) == ("/there", "a=1")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"


def test_json_body_context_and_mimetype(toy: ToyFolder) -> None:
    status, text, headers = asyncio.run(ask(toy, "PUT", "/api/json", json={"a": 1}))

    assert (status, text, headers["Content-Type"]) == (200, "echo {'a': 1}", "application/json")


def test_wrong_method_is_not_found(toy: ToyFolder) -> None:
    assert asyncio.run(ask(toy, "GET", "/api/json"))[0] == 404


def test_two_functions_with_one_route_are_refused(toy: ToyFolder) -> None:
    toy.write("""
    @app.route(route="a/{x}", methods=["GET", "POST"])
    def first(req: func.HttpRequest) -> str: ...

    @app.route(route="A/{y}", methods=["GET"])
    def second(req: func.HttpRequest) -> str: ...
    """)

    with pytest.raises(LocalSystemError, match=r"functions first and second both claim GET /api/a/\{\}"):
        RouteTable(load_functions(toy.path), "api")
