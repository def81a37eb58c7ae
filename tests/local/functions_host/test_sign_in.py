"""The platform's sign-in: nobody can claim to be somebody but by its page."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import aiohttp
import pytest

from local.errors import LocalSystemError
from local.functions_host.triggers.sign_in import parse_users
from tests.local.functions_host.conftest import ToyFolder

USERS = "ana@example.com:Approver+Owner, ben@example.com"
APP = """
import json

@app.route(route="whoami")
def whoami(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps({n.lower(): v for n, v in req.headers.items() if n.lower().startswith("x-ms")}))
"""
LOGIN = "/.auth/login/aad"


async def received_headers(client: aiohttp.ClientSession, **options: Any) -> dict[str, str]:
    async with client.get("/api/whoami", **options) as answer:
        headers: dict[str, str] = json.loads(await answer.text())
        return headers


def test_identity_headers_of_a_caller_are_stripped(toy: ToyFolder) -> None:
    forged = {"X-MS-CLIENT-PRINCIPAL-NAME": "root", "x-ms-client-principal": "e30=", "X-MS-TOKEN-AAD-ID-TOKEN": "x"}

    async def run() -> dict[str, str]:
        async with toy.running(APP, USERS) as app:
            return await received_headers(app.client, headers=forged)

    assert asyncio.run(run()) == {}


def test_signed_in_person_is_told_to_the_app(toy: ToyFolder) -> None:
    async def run() -> tuple[str, dict[str, str], list[Any]]:
        async with toy.running(APP, USERS) as app:
            form = {"user": "ana@example.com", "post_login_redirect_uri": "/api/approvals/1?x=2"}
            async with app.client.post(LOGIN, data=form, allow_redirects=False) as answer:
                target = answer.headers["Location"]
                cookies = {name: morsel.value for name, morsel in answer.cookies.items()}
            async with app.client.get("/.auth/me", cookies=cookies) as me:
                return target, await received_headers(app.client, cookies=cookies), await me.json()

    target, headers, me = asyncio.run(run())
    principal = json.loads(base64.b64decode(headers["x-ms-client-principal"]))
    assert target == "/api/approvals/1?x=2"
    assert (headers["x-ms-client-principal-name"], headers["x-ms-client-principal-idp"]) == ("ana@example.com", "aad")
    assert {"typ": principal["name_typ"], "val": "ana@example.com"} in principal["claims"]
    assert [c["val"] for c in principal["claims"] if c["typ"] == principal["role_typ"]] == ["Approver", "Owner"]
    assert me[0]["user_id"] == "ana@example.com"


def test_forged_cookie_is_nobody(toy: ToyFolder) -> None:
    async def run() -> dict[str, str]:
        cookie = base64.urlsafe_b64encode(b"ana@example.com").decode() + "." + "0" * 64
        async with toy.running(APP, USERS) as app:
            return await received_headers(app.client, cookies={"AppServiceAuthSession": cookie})

    assert asyncio.run(run()) == {}


def test_page_offers_the_known_people(toy: ToyFolder) -> None:
    async def run() -> str:
        async with toy.running(APP, USERS) as app, app.client.get(LOGIN) as answer:
            return await answer.text()

    page = asyncio.run(run())
    assert "ana@example.com (Approver, Owner)" in page
    assert 'value="ben@example.com"' in page


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example", "x"],
)
def test_redirect_to_another_host_is_refused(toy: ToyFolder, target: str) -> None:
    async def run() -> int:
        form = {"user": "ana@example.com", "post_login_redirect_uri": target}
        async with (
            toy.running(APP, USERS) as app,
            app.client.post(LOGIN, data=form, allow_redirects=False) as answer,
        ):
            return answer.status

    assert asyncio.run(run()) == 400


def test_entry_without_address_is_refused() -> None:
    with pytest.raises(LocalSystemError, match="VIGIA_LOCAL_USERS has an entry 'ana:Approver'"):
        parse_users("ana:Approver")
