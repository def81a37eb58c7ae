"""The policy reference lists every metric of the catalogue with the tasks that it judges."""

from __future__ import annotations

import re
import typing

import pytest

from shared.metrics.catalogue import FORMS, METRICS, Task, find_metric
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/reference/policy.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", PAGE.split("## Metrics")[1].split("\n## ")[0], re.MULTILINE))


@pytest.mark.parametrize("task", ["binary-classification", "classification", "regression"])
def test_the_metrics_of_a_task_are_those_of_the_catalogue(task: Task) -> None:
    names = {metric.name for metric in METRICS.values() if task in metric.tasks and metric.part == ""}
    plain = {name for name in re.findall(r"`([a-z_0-9]+)`", ROWS[task]) if name in METRICS}
    averaged = {"precision", "recall", "f1"} if task == "classification" else set()
    assert {name for name in plain if METRICS[name].part == ""} - averaged == names - averaged


def test_every_task_is_explained_and_every_form_named() -> None:
    assert set(typing.get_args(Task)) <= set(re.findall(r"`([a-z-]+)`", PAGE.split("## How quantities")[0]))
    assert [form for form in FORMS if form.replace("[CLASS]", "") not in PAGE] == []
    assert all(find_metric(form).tasks for form in FORMS)
