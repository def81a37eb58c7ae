"""Events as Azure documents them, in both schemas and every casing, give the facts written beside them."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.domain.fact import Fact, Ignored
from shared.events.alerts import read_alert
from shared.events.registry import parse_fact
from shared.events.wire.envelope import read_events

FOLDER = Path(__file__).parents[2] / "golden" / "events"
RECEIVED_AT = datetime(2026, 11, 20, 7, 15, tzinfo=UTC)


def _golden(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return document


def _as_json(value: object) -> object:
    return json.loads(json.dumps(value, default=lambda moment: moment.isoformat()))


EVENTS = sorted(file.stem for file in FOLDER.glob("*.json") if not file.stem.startswith("alert-"))
ALERTS = sorted(file.stem for file in FOLDER.glob("alert-*.json"))


@pytest.mark.parametrize("name", EVENTS)
def test_event_tells_what_is_written_beside_it(name: str) -> None:
    golden = _golden(name)
    [envelope] = read_events(json.dumps(golden["body"]))
    fact = parse_fact(envelope)
    assert _as_json({**asdict(fact), "result": type(fact).__name__}) == golden["expected"]


@pytest.mark.parametrize("name", ALERTS)
def test_alert_becomes_the_event_written_beside_it(name: str) -> None:
    golden = _golden(name)
    alert = read_alert(json.dumps(golden["body"]), RECEIVED_AT)
    events = (
        {**asdict(alert), "result": "Ignored"} if isinstance(alert, Ignored) else [asdict(event) for event in alert]
    )
    assert _as_json(events) == golden["expected"]


def _key(name: str) -> str:
    [envelope] = read_events(json.dumps(_golden(name)["body"]))
    fact = parse_fact(envelope)
    assert isinstance(fact, Fact)
    return f"{fact.key}/{fact.payload_digest}"


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(
            (
                "run-completed-grid",
                "run-completed-cloud",
                "run-status-completed-cloud",
                "run-completed-base64-cloud",
            ),
            id="one_end_of_a_run_whoever_tells_it",
        ),
        pytest.param(("monitor-breach-grid", "monitor-breach-cloud"), id="one_breach_on_two_status_changes"),
        pytest.param(("dataset-drift-grid", "dataset-drift-cloud"), id="one_drift_in_two_schemas"),
        pytest.param(("run-failed-grid", "run-failed-lower-case"), id="one_failed_run"),
        pytest.param(("blob-put-block-list-grid", "blob-flush-with-close-cloud"), id="one_file_told_by_both_its_hosts"),
        pytest.param(("policy-state-changed-grid", "policy-state-changed-cloud"), id="one_verdict_told_by_two_scopes"),
        pytest.param(("image-pushed-grid", "image-pushed-cloud"), id="one_image_with_and_without_a_tag"),
    ],
)
def test_events_that_tell_one_thing_are_one_fact(names: tuple[str, ...]) -> None:
    assert len({_key(name) for name in names}) == 1
