"""Microsoft's tests of pipeline jobs, apart from the others so that both cores have work."""

from __future__ import annotations

import pytest

from tests.microsoft.expectations import EXPECTED, differences
from tests.microsoft.live import PIPELINES, run


@pytest.mark.timeout(1200)
def test_microsofts_tests_of_pipelines_end_as_expected() -> None:
    lines = differences(run(PIPELINES), EXPECTED, PIPELINES)

    assert not lines, "\n".join(lines)
