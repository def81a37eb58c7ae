"""The `${{…}}` and `$[[…]]` of command components.

Source: https://learn.microsoft.com/azure/machine-learning/reference-yaml-component-command (optional inputs stand in
`$[[…]]`, and the whole block goes when the input has no value).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from local.azureml.base.arm import bad_request

_EXPRESSION = re.compile(r"\$\{\{\s*([^}]+?)\s*\}\}")
_OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)
_BINDING = re.compile(r"^\s*\$\{\{\s*parent\.(?P<path>[\w.-]+)\s*\}\}\s*$")


def render(command: str, values: Mapping[str, str | None]) -> str:
    """Fill in a command. `values` maps `inputs.x` and `outputs.y` to text; None is an optional input without a value.

    Raises ArmError 400 for an expression that has no value and is not in an optional block.
    """

    def optional(match: re.Match[str]) -> str:
        names = _EXPRESSION.findall(match[1])
        return "" if any(values.get(name) is None for name in names) else match[1]

    def value(match: re.Match[str]) -> str:
        value = values.get(match[1])
        if value is None:
            names = ", ".join(sorted(values)) or "none"
            raise bad_request(f"the command uses ${{{{{match[1]}}}}}, which has no value; it has: {names}")
        return value

    return _EXPRESSION.sub(value, _OPTIONAL.sub(optional, command))


def is_expression(value: object) -> bool:
    return isinstance(value, str) and _EXPRESSION.search(value) is not None


def binding(text: object) -> list[str] | None:
    """Return the path of a binding to the pipeline, or None for plain text.

    `${{parent.inputs.x}}` gives ["inputs", "x"], `${{parent.jobs.a.outputs.y}}` gives ["jobs", "a", "outputs", "y"].
    """
    match = _BINDING.match(text) if isinstance(text, str) else None
    return match["path"].split(".") if match else None
