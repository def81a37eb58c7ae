"""The pytest plugin of Microsoft's tests: points their clients at the emulators, and writes down how each test ended.

What it changes in the client, each because loopback has neither TLS, nor names, nor Entra: the clouds' addresses, the
https rule of bearer tokens, the storage address, the credentials, long sleeps. A call to anything but loopback fails.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import azure.identity.aio
import pytest
from azure.ai.ml import _azure_environments as environments
from azure.ai.ml.constants import _common
from azure.ai.ml.entities._assets import Code
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.policies import _authentication, _authentication_async
from azure.core.pipeline.transport import AioHttpTransport, RequestsTransport
from azure.mgmt.core.policies import _authentication as _arm_authentication

from local.addresses import ACCOUNT, HOST
from tests.microsoft import stand_in
from tests.microsoft.credentials import LocalAsyncCredential, LocalCredential

stand_in.install()
from tests.microsoft.stand_in import (  # noqa: E402, F401  (fixtures)
    environment_variables,
    recorded_test,
    test_proxy,
    variable_recorder,
)

AZURE_ML, MONITOR, BLOB = (os.environ[f"VIGIA_TEST_{part}"] for part in ("AZURE_ML", "MONITOR", "BLOB"))
LONGEST_SLEEP = 0.3
HOSTS = {"api.loganalytics.io": MONITOR, "westus2.metrics.monitor.azure.com": MONITOR}
# Microsoft's tests ask for tables and metrics of its own workspace; ours has those of online endpoints.
TABLE = "AmlOnlineEndpointTrafficLog"
COLUMNS = {
    "AppRequests": TABLE,
    "AzureActivity": TABLE,
    "requests |": f"{TABLE} |",
    "DurationMs)": "TotalDurationMs)",
    "TenantId": "EndpointName",
    "ExtendedColumn": "UserAgent",
    "AdditionalContext": "OperationName",
}
METRICS = {
    "Microsoft.Insights%2Fcomponents": "Microsoft.MachineLearningServices%2Fworkspaces%2FonlineEndpoints",
    "requests%2Fcount": "RequestsPerMinute",
    "request%2Fsuccess": "statusCodeClass",
    "%270%27": "%272xx%27",
}


def _localize(request: Any) -> None:
    """Send a request to the emulator that stands in for its host, or refuse it."""
    host = urlparse(request.url).hostname or ""
    if host in HOSTS:
        request.url = request.url.replace(f"https://{host}", HOSTS[host], 1)
        _rename(request)
    elif host not in (HOST, "localhost"):
        raise ServiceRequestError(f"not on loopback: {request.method} {request.url}")


def _rename(request: Any) -> None:
    for old, new in METRICS.items():
        request.url = request.url.replace(old, new)
    member = "_data" if hasattr(request, "_data") else "data"
    body = getattr(request, member, None)
    if isinstance(body, str) and "TotalDurationMs" not in body:  # a retry is renamed already
        for old, new in COLUMNS.items():
            body = body.replace(old, new)
        setattr(request, member, body)
        if "Content-Length" in request.headers:
            request.headers["Content-Length"] = str(len(body.encode()))


def _point_transports() -> None:
    send, send_async = RequestsTransport.send, AioHttpTransport.send

    def local_send(self: Any, request: Any, **kwargs: Any) -> Any:
        _localize(request)
        return send(self, request, **kwargs)

    async def local_send_async(self: Any, request: Any, **kwargs: Any) -> Any:
        _localize(request)
        return await send_async(self, request, **kwargs)

    vars_of = {RequestsTransport: local_send, AioHttpTransport: local_send_async}
    for transport, sender in vars_of.items():
        setattr(transport, "send", sender)  # noqa: B010


def _allow_http() -> None:
    def allow(request: Any) -> None:
        request.context.options.pop("enforce_https", None)

    for module in (_authentication, _authentication_async):
        setattr(module, "_enforce_https", allow)  # noqa: B010
    for member in vars(_arm_authentication).values():
        if isinstance(member, type) and "_enforce_https" in vars(member):
            setattr(member, "_enforce_https", staticmethod(allow))  # noqa: B010


def _point_azure_ml() -> None:
    environments._environments["AzureCloud"].update(
        dict.fromkeys(("resource_manager", "active_directory", "registry_discovery_endpoint"), AZURE_ML + "/")
    )
    for kind, address in _common.STORAGE_ACCOUNT_URLS.items():
        if "blob" in address:
            _common.STORAGE_ACCOUNT_URLS[kind] = BLOB + "/{0}"
    # `Code.download` takes addresses of blob.core.windows.net only.
    original = vars(Code)["_from_rest_object"].__func__

    def from_rest(cls: Any, rest: Any) -> Any:
        made = original(cls, rest)
        made.path = str(made.path).replace(f"{BLOB}/{ACCOUNT}/", f"https://{ACCOUNT}.blob.core.windows.net/", 1)
        return made

    setattr(Code, "_from_rest_object", classmethod(from_rest))  # noqa: B010


def _replace_credentials() -> None:
    for module, mine in ((azure.identity, LocalCredential), (azure.identity.aio, LocalAsyncCredential)):
        for name in ("ClientSecretCredential", "AzureCliCredential", "DefaultAzureCredential", "EnvironmentCredential"):
            setattr(module, name, type(name, (mine, getattr(module, name)), {}))


def _sleep_briefly() -> None:
    sleep = time.sleep
    setattr(time, "sleep", lambda seconds: sleep(min(float(seconds), LONGEST_SLEEP)))  # noqa: B010


for change in (_point_transports, _allow_http, _point_azure_ml, _replace_credentials, _sleep_briefly):
    change()


def pytest_collection_modifyitems(items: list[Any]) -> None:
    for item in items:
        if hasattr(item.module, "METRIC_NAME"):
            item.module.METRIC_NAME = "RequestsPerMinute"
            item.module.METRIC_RESOURCE_PROVIDER = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: Any) -> Any:
    """Run coroutines here, so that no asyncio plugin is needed."""
    function = pyfuncitem.obj
    if inspect.iscoroutinefunction(function):
        pyfuncitem.obj = lambda **kwargs: asyncio.run(function(**kwargs))
    return (yield)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when != "call" and report.passed:
        return
    crash = getattr(report.longrepr, "reprcrash", None)
    reason = crash.message if crash else str(report.longrepr or "")
    entry = {"test": report.nodeid, "outcome": report.outcome, "seconds": report.duration, "reason": reason}
    with Path(os.environ["VIGIA_TEST_OUTCOMES"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
