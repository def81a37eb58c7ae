"""What each refusal of Azure ML means for us: come back soon, come back later, or never."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from azure.ai.ml.exceptions import ValidationException
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.azure_ml.failures import innermost
from shared.adapters.azure_ml.workspace import AzureWorkspace
from shared.adapters.renewal import Renewable
from shared.domain.ids import JobName
from shared.errors import AccessRefusedError, RetryableError, VigiaError, WorkspaceBusyError, WorkspaceError
from tests.settings import settings_for

ROOT = Path(__file__).parents[3]
NAMES = st.sampled_from(["message", "details", "innererror", "error", "code"])


def _nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4)


class Refuses:
    """An MLClient whose every call raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, _: str) -> Any:
        return SimpleNamespace(get=self._raise)

    def _raise(self, *_: object) -> None:
        raise self._error


def refused(status: int) -> HttpResponseError:
    error = HttpResponseError("no")
    error.status_code = status
    error.reason = f"reason {status}"
    return error


def workspace_with(client: object) -> AzureWorkspace:
    workspace = AzureWorkspace(settings_for())
    workspace._clients = Renewable(lambda: client)
    return workspace


def error_for(raised: Exception) -> VigiaError:
    workspace = workspace_with(Refuses(raised))
    with pytest.raises(VigiaError) as translated:
        workspace.job(JobName("job-1"))
    return translated.value


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, WorkspaceError),
        (401, AccessRefusedError),
        (403, AccessRefusedError),
        (408, RetryableError),
        (409, WorkspaceBusyError),
        (412, WorkspaceError),
        (422, WorkspaceError),
        (429, RetryableError),
        (500, RetryableError),
        (503, RetryableError),
    ],
)
def test_a_status_says_whether_to_come_back(status: int, expected: type[VigiaError]) -> None:
    vigia_error = error_for(refused(status))
    assert type(vigia_error) is expected
    assert vigia_error.message.startswith("job job-1: ")
    assert f"reason {status}" in vigia_error.message


@pytest.mark.parametrize(
    "raised",
    [
        ServiceRequestError("no route"),
        ServiceResponseError("cut off"),
        AzureError("?"),
        ClientAuthenticationError("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_trouble_on_the_way_is_worth_another_try(raised: Exception) -> None:
    assert isinstance(error_for(raised), RetryableError)


def test_what_the_sdk_refuses_is_told_without_its_colours() -> None:
    raised = ValidationException(
        message="\x1b[31m\nInput is wrong\x1b[0m\n",
        no_personal_data_message="",
    )
    vigia_error = error_for(raised)
    assert (type(vigia_error), vigia_error.message) == (WorkspaceError, "job job-1: Input is wrong")


def test_what_does_not_exist_is_none() -> None:
    workspace = workspace_with(Refuses(ResourceNotFoundError("nothing")))
    assert workspace.job(JobName("job-1")) is None


def wrapped(body: str) -> HttpResponseError:
    response = SimpleNamespace(status_code=400, reason="Bad Request", text=lambda: body, body=lambda: body.encode())
    return HttpResponseError("Operation returned an invalid status", response=response)


def test_the_innermost_reason_of_a_wrapped_refusal_is_told() -> None:
    error = error_for(wrapped((ROOT / "tests/field/inputs/arm_400_quota.json").read_text()))
    assert isinstance(error, WorkspaceError)
    assert "Not enough quota available for Standard_F4s_v2" in error.message
    assert "The request is invalid" not in error.message


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"message": "outer", "details": [{"message": "a"}, {"message": "b"}, {"message": "a"}]}, "a; b"),
        ({"message": "outer", "innererror": {"message": "inner", "innererror": {"code": "x"}}}, "inner"),
        ({"message": "outer", "details": [], "innererror": {"code": "NoMessage"}}, "outer"),
        ({"error": {"error": {"message": "run failed", "innerError": {"message": "disk full"}}}}, "disk full"),
        ({"message": 'failed: {"error": {"message": "deep"}}'}, "deep"),
        ({"message": "failed: {not json"}, "failed: {not json"),
        ({"message": "AccountKey=abcdefgh; is wrong"}, "AccountKey=***; is wrong"),
        ({"message": 7, "details": "no list"}, ""),
        (None, ""),
    ],
)
def test_the_innermost_messages_are_found_wherever_they_are(error: object, reason: str) -> None:
    assert innermost(error) == reason


@given(st.recursive(st.none() | st.integers() | st.text(max_size=20), _nested, max_leaves=20))
def test_whatever_an_error_looks_like_its_reason_is_one_short_line(error: object) -> None:
    message = innermost(error)
    assert "\n" not in message
    assert len(message) <= 400
