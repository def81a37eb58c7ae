"""Stands in for `devtools_testutils`, Microsoft's unpublished package: live mode, nothing recorded, nothing sanitized.

The names are those that the tests import; none of Microsoft's code is here.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.microsoft.credentials import LocalAsyncCredential, LocalCredential

SANITIZED = "Sanitized"
FakeTokenCredential = LocalCredential
MODULES = ("", ".aio", ".helpers", ".fake_credentials", ".proxy_fixtures", ".sanitizers")


def install() -> None:
    """Let `import devtools_testutils`, and its parts, find this module."""
    for part in MODULES:
        sys.modules["devtools_testutils" + part] = sys.modules[__name__]


def __getattr__(name: str) -> Any:
    if name.startswith(("add_", "set_", "remove_")):  # sanitizers and matchers of the recorder
        return lambda *args, **kwargs: None
    raise AttributeError(name)


def is_live() -> bool:
    return True


def is_live_and_not_recording() -> bool:
    """As when Microsoft records: then content hashes are real, not random."""
    return False


class AzureRecordedTestCase:
    """What the test classes inherit."""

    is_live = True

    def get_credential(self, client_class: Any, **kwargs: Any) -> LocalCredential | LocalAsyncCredential:
        is_async = kwargs.get("is_async") or ".aio" in client_class.__module__
        return LocalAsyncCredential() if is_async else LocalCredential()

    def create_client_from_credential(self, client_class: Any, credential: Any, **kwargs: Any) -> Any:
        return client_class(credential=credential, **kwargs)


AzureMgmtRecordedTestCase = AzureRecordedTestCase


def recorded_by_proxy(function: Callable[..., Any]) -> Callable[..., Any]:
    """Preparers hand over every variable that they know; a test takes those that it names."""
    parameters = inspect.signature(function).parameters
    takes_all = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **{name: value for name, value in kwargs.items() if takes_all or name in parameters})

    return call


def recorded_by_proxy_async(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


class EnvironmentVariableLoader:
    """`@Preparer()`: hands the environment's values, or the fake ones, to a test as keyword arguments."""

    def __init__(self, _directory: str, *_: Any, **fakes: str) -> None:
        self._fakes = fakes

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        inner = getattr(function, "__wrapped__", function)
        parameters = inspect.signature(inner).parameters
        takes_all = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
        values = {name: os.environ.get(name.upper(), fake) for name, fake in self._fakes.items()}
        mine = {name: value for name, value in values.items() if takes_all or name in parameters}

        def call(*args: Any, **kwargs: Any) -> Any:
            answer = function(*args, **kwargs, **mine)
            return asyncio.run(answer) if inspect.iscoroutine(answer) else answer

        others = [
            parameter
            for name, parameter in parameters.items()
            if name not in self._fakes and parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        call.__name__, call.__doc__, call.__module__ = inner.__name__, inner.__doc__, inner.__module__
        vars(call)["pytestmark"] = getattr(function, "pytestmark", [])
        vars(call)["__signature__"] = inspect.Signature(others)
        return call


class VariableRecorder:
    def __init__(self) -> None:
        self.variables: dict[str, Any] = {}

    def get_or_record(self, name: object, default: Any) -> Any:
        return self.variables.setdefault(str(name), default)


class Variables:
    """Nothing is sanitized: each variable is what the environment says."""

    def get(self, name: str) -> str | None:
        return os.environ.get(name)

    def sanitize(self, name: str, fake: str) -> str:
        return os.environ.get(name, fake)

    def sanitize_batch(self, fakes: dict[str, str], **_: Any) -> dict[str, str]:
        return {name: self.sanitize(name, fake) for name, fake in fakes.items()}


@pytest.fixture(scope="session")
def test_proxy() -> None:
    """No proxy: nothing is recorded."""


@pytest.fixture
def recorded_test() -> dict[str, Any]:
    return {"variables": {}}


@pytest.fixture
def variable_recorder() -> VariableRecorder:
    return VariableRecorder()


@pytest.fixture(scope="session")
def environment_variables() -> Variables:
    return Variables()
