"""The policies of the town's models. What is released in steps has the shipped example's, all but names and times."""

from __future__ import annotations

import re

from local.cloud_config import ROOT

SHIPPED = ROOT / "policies" / "flight-delay.yaml"
TRAINED = """\
model: {model}
kind: tabular
endpoint: {{name: {model}, type: online}}
people: {{owner: ana@example.com}}
retrain: {{job: "azureml:train_toy@latest", on: [drift], cooldown: 1s}}
notify: [{{on: [training-started], to: [owner], by: [teams, email]}}]
"""
RELEASED = """\
model: {model}
kind: tabular
endpoint: {{name: {model}, type: online}}
people: {{owner: ana@example.com}}
rollout: {{strategy: all-at-once, watch_for: 1s, judge: {{interval: 1s, log_delay: 1s}}}}
notify: [{{on: [release-opened, promoted], to: [owner], by: [teams]}}]
"""
STEPS = (30, 60, 80, 100)
# What the champion keeps while the new version is watched, see docs/reference/policy.md.
HELD_BACK = 5
# Tolerances are wide, for versions that are alike on a machine that is busy with killing.
IN_STEPS = """\
model: {model}
endpoint: {{name: {model}, type: online}}
evaluate: {{job: "azureml:evaluate_toy@latest", data: "azureml:toy-scores@latest"}}
rollout:
  strategy: canary
  steps: [{steps}]
  bake: 5s
  decide_within: 15m
  watch_for: 5s
  judge:
    errors: {{worse_by_at_most: 50%}}
    latency: {{quantile: 0.95, ratio_at_most: 20, warm_up: 0s}}
    interval: 1s
    log_delay: 1s
"""


def in_steps(model: str) -> str:
    """Return the shipped policy for this model: its gates, approval, budget and routes, with steps of seconds."""
    steps = ", ".join(f"{share}%" for share in STEPS)
    return "".join((_by_key(SHIPPED.read_text()) | _by_key(IN_STEPS.format(model=model, steps=steps))).values())


def _by_key(policy: str) -> dict[str, str]:
    """Return the lines of each section of a policy."""
    return {section.partition(":")[0]: section for section in re.split(r"(?m)^(?=[a-z]+:)", policy)}
