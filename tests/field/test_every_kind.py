"""Alerts, budgets and events of every kind, in the shapes that their senders give them, beside what is right.

`inputs/*_of_every_kind.json`: by name, the body and what has to be said of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.explained import explained, inputs

ALERTS, EVENTS = inputs("alerts_of_every_kind.json"), inputs("events_of_every_kind.json")
POLICY = """\
model: flight-delay
kind: tabular
endpoint: {name: flight-delay, type: online}
people: {owner: ana@example.com}
retrain: {job: "azureml:train@latest", on: [drift, performance]}
monitor: {azure_monitors: [gsq, data-drift, data-quality, dq, mp, fa, gts, custom, x, dataset-drift]}
budget:
  - {at: 80%, do: [notify]}
  - {at: 100%, do: [notify, freeze-retraining, stop-compute]}
notify:
  - {on: [drift-detected, budget-crossed, endpoint-degraded], to: [owner], by: [email]}
"""


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in (ALERTS | EVENTS).items()])
def test_what_is_sent_is_told_as_it_is_meant(tmp_path: Path, case: dict[str, Any]) -> None:
    answers = explained(tmp_path, case["body"], policy=POLICY)
    assert [_as_expected(answer, right) for answer, right in zip(answers, case["right"], strict=True)] == case["right"]


def _as_expected(answer: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    """Return of what was said the keys that the right answer has, and its reactions in any case."""
    all_of_it = {**answer["data"], "outcome": answer["outcome"], "kind": answer["kind"]}
    if "says" in right:
        all_of_it["says"] = answer["reason"] if answer["outcome"] != "fact" else answer["data"]["detail"]
    if answer["reactions"] or "reactions" in right:
        all_of_it["reactions"] = [reaction["reaction"] for reaction in answer["reactions"]]
    return {key: value for key, value in all_of_it.items() if key in right or key == "reactions"}
