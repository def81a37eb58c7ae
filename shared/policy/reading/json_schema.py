"""The JSON Schema of policy files, for editors: completion, and most mistakes marked while typing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from shared.policy.sections.base import file_model

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def policy_schema(sections: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    """Return the schema of a policy file that may have these sections; quantities are patterned texts."""
    schema = file_model(sections).model_json_schema()
    # A section that is absent is absent: null, the model's stand-in for that, is refused in files.
    properties = {key: _without(value, "default") for key, value in schema["properties"].items()}
    written: dict[str, Any] = _as_written({**schema, "title": "Vigia policy", "properties": properties})
    return {"$schema": DIALECT, **written}


def policy_schema_text(sections: Mapping[str, type[BaseModel]]) -> str:
    """Return the schema as the text of a file, the same for the same sections."""
    return json.dumps(policy_schema(sections), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _as_written(node: Any) -> Any:
    """Return the schema without the defaults that are not as a file would write them: 1.0 for 1%."""
    if isinstance(node, list):
        return [_as_written(item) for item in node]
    if not isinstance(node, dict):
        return node
    default = node.get("default")
    is_odd = "pattern" in node and not (isinstance(default, str) and re.fullmatch(node["pattern"], default))
    return {key: _as_written(value) for key, value in (_without(node, "default") if is_odd else node).items()}


def _without(node: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name != key}
