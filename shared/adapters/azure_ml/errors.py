"""What Azure ML's refusals mean for us: come back soon, come back later, or never."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.adapters.azure_ml.failures import innermost
from shared.adapters.patience import asked_wait
from shared.errors import AccessRefusedError, RetryableError, WorkspaceBusyError, WorkspaceError

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn the SDK's errors into ours."""
    from azure.ai.ml.exceptions import MlException
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        yield
    except HttpResponseError as exc:
        raise _refusal(what, exc) from exc
    except MlException as exc:
        # The SDK colours its messages for terminals and explains at length; the first sentence says what is wrong.
        plain = _COLOURS.sub("", str(exc.message or exc)).strip()
        raise WorkspaceError("workspace.invalid", f"{what}: {plain}") from exc
    except AzureError as exc:
        raise RetryableError("workspace.unreachable", f"{what}: Azure ML cannot be reached") from exc


def _refusal(what: str, exc: Any) -> Exception:
    status = exc.status_code or 0
    reason = innermost(exc.error) or exc.reason or exc.message or ""
    after = asked_wait(exc)
    if status == 409:
        return WorkspaceBusyError("workspace.busy", f"{what}: {reason}", after=after)
    if status == 403:
        hint = "give the app's identity the role that it lacks; a new role takes minutes to arrive"
        return AccessRefusedError("access.forbidden", f"{what}: 403 {reason}", hint)
    # 401 too: a rotated secret is mended outside, and the event must survive it.
    # Without a status nobody refused anything: the identity could not get a token.
    if status in {0, 401, 408, 429} or status >= 500:
        return RetryableError("workspace.retry", f"{what}: {status or 'no answer'} {reason}", after=after)
    return WorkspaceError("workspace.refused", f"{what}: {status} {reason}")
