"""The JSON Schema of policy files, for editors: completion, and most mistakes marked while typing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from shared.policy.base import Base, file_model

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def policy_schema(sections: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    """Return the schema of a policy file that may have these sections; quantities are patterned texts."""
    schema = file_model(sections).model_json_schema()
    properties = {key: _without_default(key, value) for key, value in schema["properties"].items()}
    return {"$schema": DIALECT, **schema, "title": "Vigia policy", "properties": properties}


def policy_schema_text(sections: Mapping[str, type[BaseModel]]) -> str:
    """Return the schema as the text of a file, the same for the same sections."""
    return json.dumps(policy_schema(sections), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _without_default(key: str, schema: dict[str, Any]) -> dict[str, Any]:
    # A section that is absent is absent: null, the model's stand-in for that, is refused in files.
    return schema if key in Base.model_fields else {name: value for name, value in schema.items() if name != "default"}
