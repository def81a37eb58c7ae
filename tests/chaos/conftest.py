"""Workers and the emulated cloud inherit nothing of the tests beside them, and take as long as the machine needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.conftest import _no_cloud_of_other_tests  # noqa: F401


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(1800))
