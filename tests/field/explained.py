"""What `vigia events explain` says of a file, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.fakes.terminal import vigia

INPUTS = Path(__file__).parent / "inputs"

POLICY = """\
model: flight-delay
kind: tabular
endpoint: {name: flight-delay, type: online}
people: {owner: ana@example.com}
retrain: {job: "azureml:train@latest", on: [drift, performance]}
monitor: {azure_monitors: [gsq]}
budget:
  - {at: 80%, do: [notify]}
  - {at: 100%, do: [notify, freeze-retraining, stop-compute]}
notify:
  - {on: [drift-detected, budget-crossed], to: [owner], by: [email]}
"""


def explained(tmp_path: Path, content: object, *options: str, policy: str = POLICY) -> list[dict[str, Any]]:
    """Return what the command prints about the content: a name in inputs/, or what to write into a file."""
    policies = tmp_path / "policies"
    policies.mkdir(exist_ok=True)
    (policies / "p.yaml").write_text(policy, encoding="utf-8")
    file = INPUTS / str(content)
    if not (isinstance(content, str) and content.endswith(".json")):
        file = tmp_path / "events.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    arguments = ["events", "explain", str(file), "--policies", str(policies), "-o", "json", *options]
    result = vigia(*arguments)
    answers: list[dict[str, Any]] = json.loads(result.stdout)
    assert result.exit_code == int(any(answer["outcome"] == "refused" for answer in answers))
    return answers


def acted(answers: list[dict[str, Any]]) -> list[str]:
    """Return what would be done, in order."""
    return [reaction["reaction"] for one in answers for reaction in one["reactions"] if not reaction["suppressed"]]


def inputs(name: str) -> Any:
    return json.loads((INPUTS / name).read_text(encoding="utf-8"))
