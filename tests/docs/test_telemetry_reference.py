"""docs/reference/telemetry.md names what is logged and measured, and docs/how-to/watch-vigia.md every alert."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from shared.adapters.otel.metrics import METRICS
from tests.infra.files import INFRA, load_yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "telemetry.md").read_text(encoding="utf-8")
LEVELS = {"info": "info", "warning": "warning", "error": "error", "exception": "error"}


def logged() -> set[tuple[str, str]]:
    """Return every log line of the product: its name and its level."""
    calls = (
        node
        for folder in ("functions", "shared")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "log" and node.args
    )
    return {
        (str(call.args[0].value) if isinstance(call.args[0], ast.Constant) else "?", LEVELS[call.func.attr])
        for call in calls
        if isinstance(call.func, ast.Attribute)
    }


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_log_line_is_listed_with_its_level() -> None:
    assert set(re.findall(r"^\| `([\w.]+)` \| (\w+) \|", section("Log lines"), re.MULTILINE)) == logged()


def test_the_name_of_a_log_line_is_constant_text() -> None:
    assert [name for name, _ in logged() if not re.fullmatch(r"[a-z_]+[.]?[a-z_]+", name)] == []


def test_metrics_are_listed_as_they_are_measured() -> None:
    def row(name: str) -> list[str]:
        (line,) = re.findall(rf"^\| `{re.escape(name)}` \|(.*)\|$", section("Metrics"), re.MULTILINE)
        return [cell.strip() for cell in line.split("|")]

    assert len(re.findall(r"^\| `", section("Metrics"), re.MULTILINE)) == len(METRICS)
    for metric in METRICS:
        source = f"`{metric.source}`" + (f": `{metric.value}`" if metric.value else "")
        dimensions = ", ".join(f"`{name}`" for name in metric.dimensions)
        assert row(metric.name) == [metric.kind, metric.meaning, source, dimensions]


def test_a_metric_is_measured_by_something_that_is_logged() -> None:
    spans = set(re.findall(r"^\| `(\w+)` \|", section("Spans"), re.MULTILINE))

    assert {metric.source for metric in METRICS} <= {name for name, _ in logged()} | spans


def test_every_alert_has_its_paragraph() -> None:
    page = (ROOT / "docs" / "how-to" / "watch-vigia.md").read_text(encoding="utf-8")

    assert re.findall(r"^### (.+)$", page, re.MULTILINE) == [
        rule["name"] for rule in load_yaml(INFRA / "watch" / "rules.yaml")["rules"]
    ]
