"""Microsoft's tests of the clients of Event Grid and Azure Monitor."""

from __future__ import annotations

import pytest

from tests.microsoft.expectations import EXPECTED, differences
from tests.microsoft.live import OTHERS, run


@pytest.mark.timeout(600)
def test_microsofts_tests_of_event_grid_and_monitor_end_as_expected() -> None:
    folders = tuple(OTHERS)

    lines = differences(run(folders), EXPECTED, folders)

    assert not lines, "\n".join(lines)
