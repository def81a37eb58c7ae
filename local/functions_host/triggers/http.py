"""HTTP triggers: requests to functions, and what they answer."""

from __future__ import annotations

import azure.functions as func
from aiohttp import web
from multidict import CIMultiDict

from local.functions_host.invoke import Invoker
from local.functions_host.triggers.routes import RouteTable
from local.functions_host.triggers.sign_in import SignIn


class HttpTriggers:
    """Serves every path that is not the host's own."""

    def __init__(self, routes: RouteTable, invoker: Invoker, sign_in: SignIn) -> None:
        self._routes = routes
        self._invoker = invoker
        self._sign_in = sign_in

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_route("*", "/{path:.*}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        match = self._routes.find(request.method, request.rel_url.raw_path)
        if match is None:  # also for a known path with another method, as on the platform
            return web.Response(status=404)
        function, route_parameters = match
        argument = func.HttpRequest(
            method=request.method,
            url=str(request.url),
            headers=self._sign_in.trusted_headers(request),
            params=dict(request.query),
            route_params=route_parameters,
            body=await request.read(),
        )
        try:
            return _answer(await self._invoker.invoke(function, argument))
        except Exception:  # the invoker logged and counted it; the platform too answers without details
            return web.Response(status=500)


def _answer(value: object) -> web.Response:
    if isinstance(value, str):
        return web.Response(text=value)
    if not isinstance(value, func.HttpResponse):
        return web.Response(status=204 if value is None else 500)
    headers: CIMultiDict[str] = CIMultiDict(value.headers.items())
    if "Content-Type" not in headers:
        is_text = value.mimetype.startswith("text/")
        headers["Content-Type"] = f"{value.mimetype}; charset={value.charset}" if is_text else value.mimetype
    return web.Response(status=value.status_code, headers=headers, body=value.get_body())
