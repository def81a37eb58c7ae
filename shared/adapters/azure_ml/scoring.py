"""One request to one deployment of an online endpoint."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from urllib.parse import urlsplit

from shared.domain.ids import DeploymentName
from shared.errors import RetryableError
from shared.ports.workspace import PROBE_MARK, Answer

TIMEOUT_SECONDS, LOAD_TIMEOUT_SECONDS = 30.0, 10.0
# Requests of a load that wait for their answers at the same time.
MOST_OPEN = 16
# As much of an answer as a person needs to see what is wrong.
LONGEST_TEXT = 1000


def ask_deployment(
    uri: str, key: str, deployment: str, request: str, mark: str = "", timeout: float = TIMEOUT_SECONDS
) -> Answer:
    """Send a request to the deployment, past the split of traffic. Redirects are answers, not followed.

    Args:
        mark: how its request id begins; empty to send none.

    Source of the header: learn.microsoft.com, how-to-safely-rollout-online-endpoints, read 2026-11-20.

    Raises:
        RetryableError: nothing answers.
    """
    import http.client

    parts = urlsplit(uri)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {key}",
        "azureml-model-deployment": deployment,
    }
    if mark:
        headers["x-ms-client-request-id"] = headers["x-request-id"] = f"{mark}{uuid.uuid4().hex}"
    try:
        # Callers keep their connections: the handshake is no part of the answer's time.
        connection.connect()
        began = time.perf_counter()
        connection.request("POST", parts.path or "/", request.encode(), headers)
        response = connection.getresponse()
        body = response.read(LONGEST_TEXT)
    except (OSError, http.client.HTTPException) as exc:
        message = f"deployment {deployment} does not answer: {type(exc).__name__}"
        raise RetryableError("workspace.no_answer", message) from exc
    else:
        return Answer(response.status, time.perf_counter() - began, body.decode(errors="replace"))
    finally:
        connection.close()


def send_probes(
    uri: str, key: str, requests: Sequence[tuple[DeploymentName, str]], within: timedelta, per_second: float = 0.0
) -> tuple[Answer | None, ...]:
    """Send marked requests, each to its deployment, until all are sent or the time is over; return their answers, None
    where nothing answered."""
    began, timeout = time.monotonic(), LOAD_TIMEOUT_SECONDS if per_second else TIMEOUT_SECONDS
    answers: dict[int, Answer | None] = {}

    def send(number: int) -> None:
        if per_second:
            time.sleep(max(0.0, began + number / per_second - time.monotonic()))
        if time.monotonic() - began >= within.total_seconds():
            return
        deployment, request = requests[number]
        answers[number] = None
        # A probe without an answer is in the traffic log with its code, if it arrived at all.
        with suppress(RetryableError):
            answers[number] = ask_deployment(uri, key, deployment, request, PROBE_MARK, timeout)

    with ThreadPoolExecutor(MOST_OPEN if per_second else 1) as pool:
        list(pool.map(send, range(len(requests))))
    return tuple(answers[number] for number in sorted(answers))
