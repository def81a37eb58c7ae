"""Why a job or a deployment failed: the operation's or the run's error, the end of its log, its page in the studio.

All of it is for people to read: a part that cannot be read is left out.
"""

from __future__ import annotations

import json
import logging
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from shared.domain.arm_ids import OPERATION_PROPERTY
from shared.domain.failure import Failure
from shared.logs import fields
from shared.redaction import redacted

log = logging.getLogger("vigia.workspace")

# As much of a log as a person reads at a glance; the studio has the rest.
MOST_LINES = 6
LONGEST_LOG = 500
LONGEST_REASON = 400
REQUESTED_LINES = 50
MOST_LOG_BYTES = 4 * 1024 * 1024
TIMEOUT_SECONDS = 10.0
# Where a job's own output is. Source: azure-ai-ml 1.35.2, `_job_ops_helper.py`, read 2026-11-30.
USER_LOG = "user_logs/std_log.txt"
_DEEPEST = 10


def innermost(error: Any) -> str:
    """Return the innermost message of an error as Azure Resource Manager wraps them: its `details`, its inner errors,
    and what a service wrote as JSON into the text. "" when there is none.

    Args:
        error: an object, or a mapping from JSON, with message, details and innererror.
    """
    return " ".join(redacted("; ".join(dict.fromkeys(_messages(error, _DEEPEST)))).split())[:LONGEST_REASON]


def _messages(error: Any, depth: int) -> Iterator[str]:
    """Yield the innermost messages, the outer ones only where there is nothing inside."""
    inner = [message for part in _inside(error) for message in _messages(part, depth - 1)] if depth else []
    message = _get(error, "message")
    if inner:
        yield from inner
    elif isinstance(message, str) and message.strip():
        yield from _unpacked(message.strip())


def _inside(error: Any) -> list[Any]:
    details = _get(error, "details")
    deeper = (_get(error, name) for name in ("error", "innererror", "inner_error", "innerError"))
    return [*(details if isinstance(details, list | tuple) else ()), *(error for error in deeper if error)]


def _get(error: Any, name: str) -> Any:
    # Not getattr(error, name): azure-core's errors have a property `error` that returns themselves.
    fields_of_error = error if isinstance(error, Mapping) else getattr(error, "__dict__", {})
    return fields_of_error.get(name)


def _unpacked(message: str) -> Iterator[str]:
    """Yield the texts of the JSON that a message carries, else the message."""
    start = message.find("{")
    try:
        content = json.JSONDecoder().raw_decode(message[start:])[0] if start >= 0 else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        yield message
        return
    errors = content.get("errors")
    if isinstance(errors, dict):
        texts = [str(text) for texts in errors.values() for text in (texts if isinstance(texts, list) else [texts])]
    else:
        texts = list(_messages(content.get("error", content), 3))
    yield from texts or [message]


def log_end(text: str) -> str:
    """Return the last lines of a log that are not empty, without secrets."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()][-MOST_LINES:]
    return redacted("\n".join(lines))[-LONGEST_LOG:]


def job_failure(ml: Any, name: str) -> Failure:
    """Return why a job failed: of a pipeline, the error and the log of the step that failed first."""
    link = _read("link", lambda: ml.jobs.get(name).studio_url) or ""
    runs, scope = ml.jobs._runs_operations, (ml.subscription_id, ml.resource_group_name, ml.workspace_name)
    steps = _read("steps", lambda: list(runs._operation.get_child(*scope, name))) or []
    failed = next((step.run_id for step in steps if step.status == "Failed"), name)
    details = _read("details", lambda: runs.get_run_details(failed))
    whole = details if failed == name else _read("details", lambda: runs.get_run_details(name))
    reason = innermost(getattr(details, "error", None)) or innermost(getattr(whole, "error", None))
    return Failure(reason, _log_of(details), link)


def deployment_failure(ml: Any, operations: Any, endpoint: str, name: str) -> Failure:
    """Return why a deployment did not come up: its last operation's error and, of an online one, its log."""
    deployment = _read("deployment", lambda: operations.get(name=name, endpoint_name=endpoint))
    uri = (getattr(deployment, "properties", None) or {}).get(OPERATION_PROPERTY, "")
    reason = innermost((_read("operation", lambda: _operation(ml, uri)) or {}).get("error")) if uri else ""
    ask = getattr(operations, "get_logs", None)
    text = _read("log", lambda: ask(name=name, endpoint_name=endpoint, lines=REQUESTED_LINES)) if ask else ""
    return Failure(reason, log_end(text or ""))


def _operation(ml: Any, uri: str) -> Any:
    from azure.core.rest import HttpRequest

    operations = ml.online_deployments._online_deployment
    # Only to Azure Resource Manager, as every other request: it carries our token.
    if urlsplit(uri).netloc != urlsplit(operations._config.base_url).netloc:
        return {}
    answer = operations._client.send_request(HttpRequest("GET", uri))
    answer.raise_for_status()
    return answer.json()


def _log_of(details: Any) -> str:
    files = getattr(details, "log_files", None) or {}
    address = files.get(USER_LOG) or next((path for name, path in files.items() if name.startswith("user_logs/")), "")
    return log_end(_read("log", lambda: _text(address)) or "") if address else ""


def _text(address: str) -> str:
    if urlsplit(address).scheme != "https" and urlsplit(address).hostname != "127.0.0.1":
        return ""
    with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - checked above
        return str(answer.read(MOST_LOG_BYTES).decode(errors="replace"))


def _read(part: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as exc:
        # Any error: a reason that cannot be read must not hide that something failed.
        log.info("failure.reason_unreadable", extra=fields(part=part, reason=type(exc).__name__))
        return None
