"""Azure ML's errors, translated into ours: retry, wait for a person, or reject."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.adapters.azure_ml.failures import innermost
from shared.adapters.patience import requested_wait
from shared.errors import AccessRefusedError, RetryableError, WorkspaceBusyError, WorkspaceError

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Translate the SDK's errors into ours.

    Raises:
        WorkspaceBusyError: another operation on the resource is under way.
        AccessRefusedError: the identity lacks a role.
        RetryableError: Azure ML is out of reach, throttles, or fails.
        WorkspaceError: the request is rejected and would be rejected again.
    """
    from azure.ai.ml.exceptions import MlException
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        yield
    except HttpResponseError as exc:
        raise _refusal(subject, exc) from exc
    except MlException as exc:
        # The SDK colours its messages for terminals.
        plain = _COLOURS.sub("", str(exc.message or exc)).strip()
        raise WorkspaceError("workspace.invalid", f"{subject}: {plain}") from exc
    except AzureError as exc:
        raise RetryableError("workspace.unreachable", f"{subject}: Azure ML cannot be reached") from exc


def _refusal(subject: str, exc: Any) -> Exception:
    status = exc.status_code or 0
    reason = innermost(exc.error) or exc.reason or exc.message or ""
    wait = requested_wait(exc)
    if status == 409:
        return WorkspaceBusyError("workspace.busy", f"{subject}: {reason}", retry_after=wait)
    if status == 403:
        hint = "give the app's identity the role that it lacks; a new role takes minutes to arrive"
        return AccessRefusedError("access.forbidden", f"{subject}: 403 {reason}", hint)
    # 401 too: a rotated secret is fixed outside of the app, and the event must survive until then.
    # Without a status there was no response: the identity could not get a token.
    if status in {0, 401, 408, 429} or status >= 500:
        return RetryableError("workspace.retry", f"{subject}: {status or 'no answer'} {reason}", retry_after=wait)
    return WorkspaceError("workspace.refused", f"{subject}: {status} {reason}")
