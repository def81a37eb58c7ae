"""What a run is compared with: a failure that is not expected shows, and so does a reason that is out of date."""

from __future__ import annotations

import pytest

from tests.microsoft.expectations import EXPECTED, Expectation, differences, read, table
from tests.microsoft.live import ALL, CaseResult

REGISTRIES = Expectation("operation missing", "registries")
EXPECTATIONS = {"model/a.py::test_share": REGISTRIES}
FAILED, PASSED, SKIPPED = CaseResult("failed", "404:\nno registry"), CaseResult("passed"), CaseResult("skipped")


def test_run_that_fails_where_it_is_expected_to_has_no_differences() -> None:
    assert (
        differences({"model/a.py::test_share": FAILED, "model/a.py::test_get": PASSED}, EXPECTATIONS, ["model"]) == []
    )


def test_new_failure_is_reported_with_its_error() -> None:
    lines = differences({"model/a.py::test_share": FAILED, "model/a.py::test_get": FAILED}, EXPECTATIONS, ["model"])

    assert lines == ["fails: model/a.py::test_get\n    404: | no registry"]


@pytest.mark.parametrize(
    ("outcomes", "result"),
    [
        pytest.param({"model/a.py::test_share": PASSED}, "passed", id="passes_now"),
        pytest.param({"model/a.py::test_share": SKIPPED}, "skipped", id="skipped_now"),
        pytest.param({}, "no longer there", id="gone"),
    ],
)
def test_reason_that_is_out_of_date_is_reported(outcomes: dict[str, CaseResult], result: str) -> None:
    lines = differences(outcomes, EXPECTATIONS, ["model"])

    assert lines == [f"expected to fail, but {result}: model/a.py::test_share (registries)"]


def test_reasons_of_folders_that_did_not_run_are_left_alone() -> None:
    assert differences({}, EXPECTATIONS, ["compute"]) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("flaky: {sometimes: [model/a.py::test_x]}", id="unknown_class"),
        pytest.param("operation missing: {'': [model/a.py::test_x]}", id="no_reason"),
        pytest.param("operation missing: {one: [model/a.py::test_x], two: [model/a.py::test_x]}", id="twice"),
    ],
)
def test_expectations_that_say_nothing_clear_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"class|twice"):
        read(text)


def test_table_counts_the_failed_by_their_class() -> None:
    outcomes = {"model/a.py::test_share": FAILED, "model/a.py::test_get": PASSED, "compute/b.py::test_new": FAILED}

    assert table(outcomes, EXPECTATIONS).splitlines()[2:] == [
        "| compute | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 1 |",
        "| model | 2 | 1 | 0 | 1 | 0 | 0 | 0 | 0 |",
        "| all | 3 | 1 | 0 | 1 | 0 | 0 | 0 | 1 |",
    ]


def test_every_expectation_is_of_a_folder_that_runs() -> None:
    assert {test.split("/")[0] for test in EXPECTED} <= set(ALL)
