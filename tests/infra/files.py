"""Reads the files that describe the deployment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
ENVIRONMENTS = sorted(path.stem for path in (INFRA / "environments").glob("*.yaml"))


def load_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def subscriptions() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = load_yaml(INFRA / "subscriptions.yaml")["subscriptions"]
    return entries


def app_settings() -> dict[str, str]:
    """Return the app settings of infra/base/app.bicep: name to Bicep expression."""
    text = (INFRA / "base" / "app.bicep").read_text(encoding="utf-8")
    block = re.search(r"name: 'appsettings'\n    properties: \{\n(.*?)\n    \}\n", text, re.DOTALL)
    assert block, "infra/base/app.bicep: the block of the app settings was not found"
    return dict(re.findall(r"^      (\w+): (.+)$", block.group(1), re.MULTILINE))


def names_in(bicep: str, variable: str) -> set[str]:
    """Return the text literals of a list variable, such as `var queueNames = ['a', 'b']`, on one line or several."""
    line = re.search(rf"^var {variable} = \[([^\]]*)\]$", bicep, re.MULTILINE)
    assert line, f"the list {variable} was not found"
    return set(re.findall(r"'([^']+)'", line.group(1)))


def triggers(kind: str) -> dict[str, dict[str, Any]]:
    """Return the app's triggers of a kind, such as queueTrigger: function name to the trigger's properties."""
    from function_app import app

    # get_functions() remembers the names and refuses to be asked twice; other tests ask the same app.
    app.functions_bindings = None
    triggers = {str(function.get_function_name()): function.get_trigger() for function in app.get_functions()}
    app.functions_bindings = None
    shown = {name: trigger.get_dict_repr() for name, trigger in triggers.items() if trigger}
    return {name: properties for name, properties in shown.items() if properties["type"] == kind}
