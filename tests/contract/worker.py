"""Drives Microsoft's own Python worker library with an app folder, as the Functions host drives it on Azure.

Run as a script in a fresh process, because the worker keeps its functions in module globals:

    python tests/contract/worker.py APP_FOLDER < calls.json > report.json

`calls.json` is a list of {"function", "kind", "value", "metadata": {name: value}}, where kind is a field of the
worker's TypedData: json, string, bytes (as text), or http. The report is {"error", "functions", "results"}: the raw
bindings of each function by name, and per call {"error", "return", "outputs"}. What the app prints goes to standard
error. "logs" is what the host receives of log lines: the worker's handler of the root logger sends it level, message,
category and the invocation's id (RpcLog; azure-functions-python-worker, dispatcher.py, read 2026-11-30).
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import json
import logging
import os
import subprocess
import sys
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

MESSAGES = "functions_messages"
# The host's trace: of each invocation it is the parent.
TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACE_PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@dataclass(frozen=True)
class Call:
    """One invocation: `kind` and `value` are the trigger's data, `metadata` what comes with it."""

    function: str
    kind: str
    value: Any
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What the worker answered; `error` when it could not index the app."""

    error: str | None
    functions: dict[str, list[dict[str, Any]]]
    results: list[dict[str, Any]]
    capabilities: dict[str, str]
    logs: list[dict[str, Any]]


def drive(app_folder: Path, calls: Sequence[Call], environment: Mapping[str, str]) -> Report:
    """Index the app in a new process and make the calls, in order.

    Raises:
        AssertionError: the process failed; carries what it wrote.
    """
    content = json.dumps([vars(call) | {"metadata": dict(call.metadata)} for call in calls])
    done = subprocess.run(
        [sys.executable, __file__, str(app_folder)],
        input=content,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Report(**json.loads(done.stdout))


def load_messages() -> Any:
    """Return a namespace of the protobuf messages that ship beside the worker, below its top-level `tests/protos`.

    They are loaded by path: this repository has a package `tests` too, and the shipped package imports grpc, which we
    don't need.
    """
    spec = importlib.util.find_spec("azure_functions_runtime")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent.parent / "tests" / "protos"
    package = types.ModuleType(MESSAGES)
    package.__path__ = [str(folder)]
    for part in ("identity", "shared"):
        child = types.ModuleType(f"{MESSAGES}.{part}")
        child.__path__ = [str(folder / part)]
        sys.modules[child.__name__] = child
    sys.modules[MESSAGES] = package
    names: dict[str, Any] = {}
    for module in ("shared.NullableTypes_pb2", "identity.ClaimsIdentityRpc_pb2", "FunctionRpc_pb2"):
        names |= vars(importlib.import_module(f"{MESSAGES}.{module}"))
    return SimpleNamespace(**names)


async def report_on(app_folder: Path, calls: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Index the app in this process and make the calls."""
    worker = importlib.import_module("azure_functions_runtime")
    messages = load_messages()
    properties = {"host": "127.0.0.1", "protos": messages}

    def request(**content: Any) -> Any:
        return SimpleNamespace(request=messages.StreamingMessage(**content), properties=properties)

    start = messages.WorkerInitRequest(function_app_directory=str(app_folder))
    lines = HostsLog()
    logging.getLogger().addHandler(lines)
    logging.getLogger().setLevel(logging.INFO)
    answer = await worker.worker_init_request(request(worker_init_request=start))
    report: dict[str, Any] = {"error": _error(answer.result, messages), "functions": {}, "results": []}
    report |= {"capabilities": dict(answer.capabilities), "logs": lines.rows}
    if report["error"]:
        return report
    listing = await worker.functions_metadata_request(request(functions_metadata_request={}))
    loaded = {
        function_metadata_result.name: function_metadata_result
        for function_metadata_result in listing.function_metadata_results
    }
    report["functions"] = {
        name: [json.loads(raw) for raw in function.raw_bindings] for name, function in loaded.items()
    }
    for call in calls:
        invocation = _invocation(call, loaded, messages)
        answer = await worker.invocation_request(request(invocation_request=invocation))
        report["results"].append(
            {
                "error": _error(answer.result, messages),
                "return": _plain(answer.return_value),
                "outputs": {output.name: _plain(output.data) for output in answer.output_data},
            }
        )
    # The worker lives on, and what was logged is sent seconds later; this process ends.
    for handler in logging.getLogger().handlers:
        handler.flush()
    return report


class HostsLog(logging.Handler):
    """Keeps of a line what the worker's own handler sends to the host."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.rows.append({"level": record.levelname, "message": self.format(record), "category": record.name})


def _invocation(call: Mapping[str, Any], loaded: Mapping[str, Any], messages: Any) -> Any:
    function = loaded[call["function"]]
    bindings = [json.loads(raw) for raw in function.raw_bindings]
    trigger = next(binding["name"] for binding in bindings if binding["type"].endswith("Trigger"))
    data = _typed(call["kind"], call["value"], messages)
    return messages.InvocationRequest(
        invocation_id="invocation-1",
        trace_context=messages.RpcTraceContext(trace_parent=TRACE_PARENT),
        function_id=function.function_id,
        input_data=[messages.ParameterBinding(name=trigger, data=data)],
        trigger_metadata={name: messages.TypedData(string=text) for name, text in call["metadata"].items()},
    )


def _typed(kind: str, value: Any, messages: Any) -> Any:
    match kind:
        case "json":
            return messages.TypedData(json=json.dumps(value))
        case "bytes":
            return messages.TypedData(bytes=value.encode())
        case "http":
            body = messages.TypedData(bytes=value.get("body", "").encode())
            return messages.TypedData(http=messages.RpcHttp(**{**value, "body": body}))
        case _:
            return messages.TypedData(string=value)


def _plain(data: Any) -> Any:
    """Return TypedData as JSON: the text of a string or of JSON, or an HTTP answer's status, headers and body."""
    match data.WhichOneof("data"):
        case None:
            return None
        case "http":
            http = data.http
            return {"status": http.status_code, "headers": dict(http.headers), "body": http.body.bytes.decode()}
        case "bytes":
            return data.bytes.decode()
        case kind:
            return getattr(data, kind)


def _error(result: Any, messages: Any) -> str | None:
    return None if result.status == messages.StatusResult.Success else str(result.exception.message)


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(folder))  # as the worker's own start script does
    os.chdir(folder)
    with contextlib.redirect_stdout(sys.stderr):
        report = asyncio.run(report_on(folder, json.load(sys.stdin)))
    print(json.dumps(report))


if __name__ == "__main__":
    main()
