"""Whole systems run in processes of their own, which must not inherit what SDK clients left in this one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Every MLClient of another cloud sets it for its whole process; a child that inherits the name cannot import the SDK.
CLOUD = "AZUREML_CURRENT_CLOUD"


@pytest.fixture(scope="module", autouse=True)
def _no_cloud_of_other_tests() -> Iterator[None]:
    previous = os.environ.pop(CLOUD, None)
    yield
    os.environ.pop(CLOUD, None)
    if previous is not None:
        os.environ[CLOUD] = previous


@pytest.fixture(scope="module")
def profile(pytestconfig: pytest.Config) -> str:
    """The name of the emulators' profile."""
    return "unkind" if pytestconfig.getoption("--unkind") else "quick"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole systems take as long as the machine needs; what stands still ends by itself, see local/demo/waiting.py."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(7200))
