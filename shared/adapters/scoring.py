"""One request to one deployment of an online endpoint."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from shared.errors import RetryableError
from shared.ports.workspace import Answer

TIMEOUT_SECONDS = 30.0
# Of an answer, as much as a person needs to see what is wrong.
TEXT_KEPT = 1000


def ask_deployment(uri: str, key: str, deployment: str, request: str) -> Answer:
    """Send a request to the deployment, past the split of traffic. Redirects are answers, not followed.

    Source of the header: learn.microsoft.com, how-to-safely-rollout-online-endpoints, read 2026-11-20.

    Raises:
        RetryableError: nothing answers.
    """
    import http.client

    parts = urlsplit(uri)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {key}",
        "azureml-model-deployment": deployment,
    }
    began = time.perf_counter()
    try:
        connection.request("POST", parts.path or "/", request.encode(), headers)
        response = connection.getresponse()
        body = response.read(TEXT_KEPT)
    except (OSError, http.client.HTTPException) as exc:
        about = f"deployment {deployment} does not answer: {type(exc).__name__}"
        raise RetryableError("workspace.no_answer", about) from exc
    else:
        return Answer(response.status, time.perf_counter() - began, body.decode(errors="replace"))
    finally:
        connection.close()
