"""A component's specification as the service keeps it: what it fills in, and which of its texts may change.

Source: Microsoft's own tests of azure-ai-ml 1.35.2 (tests/component/e2etests), read 2026-11-30.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

from local.azureml.base.arm import Json

# What the SDK calls every component that was not registered by name. The service makes the version of its content.
ANONYMOUS = "azureml_anonymous"
# What `components.get(name)` asks for when no version is given.
DEFAULT_VERSION = "azureml_default"
_CHANGEABLE = {"description", "display_name", "tags"}
# Written by the client about itself: the same component has them or not, by where it was loaded from.
_OF_THE_CLIENT = {"_source", "id", "$schema", "creation_context"}


def completed(spec: Json, version: str) -> Json:
    """Return a specification with the version, `optional: false`, and a distribution's numbers as text."""
    made = {**spec, "version": spec.get("version") or version}
    if spec.get("type") == "pipeline":
        made["is_deterministic"] = bool(spec.get("is_deterministic"))
    if isinstance(spec.get("inputs"), dict):
        made["inputs"] = {
            name: _input(value) if isinstance(value, dict) else value for name, value in spec["inputs"].items()
        }
    if isinstance(spec.get("distribution"), dict):
        made["distribution"] = {
            key: str(value) if isinstance(value, int) else value for key, value in spec["distribution"].items()
        }
    return made


def _input(spec: Json) -> Json:
    """A text that names an asset or a compute loses its `azureml:`."""
    default = spec.get("default")
    named = {"default": default.removeprefix("azureml:")} if isinstance(default, str) else {}
    return {"optional": False, **spec, **named}


def version_of(spec: Json) -> str:
    """Return the version of an anonymous component: the same for the same content and name."""
    content = {key: value for key, value in spec.items() if key not in _OF_THE_CLIENT and value is not None}
    return str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True, default=str)))


def fixed_part(spec: Json) -> Json:
    """Return what can't change once the version exists."""
    return {key: value for key, value in spec.items() if key not in _CHANGEABLE | _OF_THE_CLIENT and value is not None}


def next_version() -> str:
    """Return what the service offers as the version after the first: a time to a ten-millionth of a second."""
    return f"{datetime.now(UTC):%Y-%m-%d-%H-%M-%S-%f}0"
