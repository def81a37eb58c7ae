"""Filling in commands, and the order of a pipeline's steps."""

from __future__ import annotations

from typing import Any

import pytest

from local.azureml.base.arm import ArmError
from local.azureml.base.expressions import binding, render
from local.azureml.jobs.job import JobFailedError
from local.azureml.jobs.pipeline import in_order


@pytest.mark.parametrize(
    ("command", "values", "expected"),
    [
        pytest.param("run ${{inputs.a}}", {"inputs.a": "1"}, "run 1", id="input"),
        pytest.param("run ${{ outputs.o }}/x", {"outputs.o": "/tmp/o"}, "run /tmp/o/x", id="output_with_spaces"),
        pytest.param("run $[[--a ${{inputs.a}}]] b", {"inputs.a": None}, "run  b", id="optional_without_value"),
        pytest.param("run $[[--a ${{inputs.a}}]] b", {"inputs.a": "1"}, "run --a 1 b", id="optional_with_value"),
    ],
)
def test_render(command: str, values: dict[str, str | None], expected: str) -> None:
    assert render(command, values) == expected


def test_render_names_the_missing_value_and_those_there_are() -> None:
    with pytest.raises(ArmError, match=r"uses \$\{\{inputs.b\}\}, which has no value; it has: inputs.a"):
        render("run ${{inputs.b}}", {"inputs.a": "1"})


def test_binding_is_the_path_after_parent() -> None:
    assert binding("${{parent.jobs.a.outputs.y}}") == ["jobs", "a", "outputs", "y"]
    assert binding("plain text") is None


def step(*needs: str) -> dict[str, Any]:
    return {"inputs": {name: {"value": f"${{{{parent.jobs.{name}.outputs.o}}}}"} for name in needs}}


def test_steps_come_after_those_they_read_from() -> None:
    assert in_order({"c": step("b"), "a": step(), "b": step("a")}) == ["a", "b", "c"]


def test_circle_of_steps_is_refused() -> None:
    with pytest.raises(JobFailedError, match="a, b"):
        in_order({"a": step("b"), "b": step("a")})
