"""Policies that say whom to tell."""

from __future__ import annotations

import json
from typing import Any

from shared.domain.ids import EndpointName, ModelName
from shared.policy.sections.model import Endpoint, People, Policy
from shared.reactions.notify_section import Notify


def a_policy(model: str, *rules: dict[str, Any]) -> Policy:
    return Policy(
        model=ModelName(model),
        kind="tabular",
        endpoint=Endpoint(EndpointName(model), "online"),
        people=People("ana@example.com", ("ana@example.com", "ben@example.com")),
        digest="d",
        path="p.yaml",
        sections={"notify": Notify.model_validate_json(json.dumps(rules))},
    )
