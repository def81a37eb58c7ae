"""As much of JSON Schema as the policy schema uses, so that the tests need no further package."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def accepts(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    if "$ref" in schema:
        return accepts(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return any(accepts(value, member, root) for member in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return value in schema.get("enum", [schema.get("const")])
    if not isinstance(value, TYPES[schema["type"]]):
        return False
    if isinstance(value, str):
        return bool(re.search(schema.get("pattern", ""), value))
    if isinstance(value, list):
        return all(accepts(item, schema["items"], root) for item in value)
    return not isinstance(value, dict) or _accepts_mapping(value, schema, root)


def _accepts_mapping(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any]) -> bool:
    properties, other = schema.get("properties", {}), schema.get("additionalProperties", False)
    if not set(schema.get("required", [])) <= set(value):
        return False
    return all(
        accepts(item, properties[key], root) if key in properties else bool(other) and accepts(item, other, root)
        for key, item in value.items()
    )


def as_an_editor_reads(text: str) -> Any:
    # YAML 1.2, where `on` is a word.
    return json.loads(
        json.dumps(yaml.load(text.replace(" on:", ' "on":').replace("{on:", '{"on":'), Loader=yaml.SafeLoader))
    )
