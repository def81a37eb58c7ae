"""Microsoft's tests of everything else in Azure ML's client."""

from __future__ import annotations

import pytest

from tests.microsoft.expectations import EXPECTED, differences
from tests.microsoft.live import ASSETS, JOBS, PLACES, run

FOLDERS = (*JOBS, *ASSETS, *PLACES)


@pytest.mark.timeout(1200)
def test_microsofts_tests_of_jobs_and_assets_end_as_expected() -> None:
    lines = differences(run(FOLDERS), EXPECTED, FOLDERS)

    assert not lines, "\n".join(lines)
