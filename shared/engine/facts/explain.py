"""What an event, alert or result is to Vigia, and what the policies would do; nothing is done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

from shared.domain.fact import BudgetCrossed, EndpointDegraded, Fact, Ignored
from shared.domain.reaction import Reaction
from shared.domain.state import ModelState
from shared.errors import EventError
from shared.events.alerts import read_alert
from shared.events.registry import read_fact
from shared.events.wire.own_workspace import Home
from shared.policy.deciding.book import Plan, PolicyBook
from shared.ports.publisher import cloud_event

LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Explained:
    """One event. `event` names it: its id, else where it stands; `reason` is empty when there is nothing to say."""

    event: str
    outcome: Literal["fact", "ignored", "refused"]
    kind: str
    subject: str
    key: str
    reason: str
    data: Mapping[str, object]
    reactions: tuple[Reaction, ...] = ()


def explain(raw: str, place: str, received_at: datetime, book: PolicyBook, home: Home | None) -> tuple[Explained, ...]:
    """Return what a posted alert, a result or an event is: an alert tells one event per endpoint.

    Args:
        place: where `raw` stands, for what has no id of its own.
    """
    keys = _keys(raw)
    if "schemaid" not in keys:
        return (_explain_event(raw, place, received_at, book, home),)
    try:
        alert = read_alert(raw, received_at)
    except EventError as exc:
        return (_refused(exc, keys, place),)
    if isinstance(alert, Ignored):
        return (Explained(alert.event_id or place, "ignored", alert.type, "", "", alert.reason, {}),)
    events = (json.dumps(cloud_event(event), ensure_ascii=False) for event in alert)
    return tuple(_explain_event(event, place, received_at, book, home) for event in events)


def _explain_event(raw: str, place: str, received_at: datetime, book: PolicyBook, home: Home | None) -> Explained:
    try:
        fact = read_fact(raw, received_at, home)
    except EventError as exc:
        return _refused(exc, _keys(raw), place)
    if isinstance(fact, Ignored):
        return Explained(fact.event_id or place, "ignored", fact.type, "", "", fact.reason, {})
    plan = book.plan(fact, lambda policy: ModelState(policy.model), lambda: received_at)
    name = fact.event_id or place
    return Explained(name, "fact", fact.kind, fact.subject, fact.key, _reason(fact, plan), _data(fact), plan.reactions)


def _reason(fact: Fact, plan: Plan) -> str:
    """Return why nothing is done; empty where something is."""
    if plan.reactions:
        return ""
    if isinstance(fact.body, EndpointDegraded) and fact.body.condition == "resolved":
        return f"alert {fact.body.rule} is resolved: there is nothing to do"
    models = ", ".join(policy.model for policy in plan.concerned)
    return "; ".join(plan.remarks) or f"no rule of the policy of {models} asks for anything here"


def _data(fact: Fact) -> dict[str, object]:
    details = {detail.name: getattr(fact.body, detail.name) for detail in fields(fact.body) if detail.name != "kind"}
    if isinstance(fact.body, BudgetCrossed):
        details["reached_percent"] = fact.body.reached_percent
    return details


def _refused(exc: EventError, keys: Mapping[str, object], place: str) -> Explained:
    kind = _text(keys, "eventtype") or _text(keys, "type") or _text(keys, "schemaid")
    name = _text(keys, "id") or place
    return Explained(name, "refused", kind, _text(keys, "subject"), "", f"{exc.code}: {exc}", {})


def _keys(raw: str) -> Mapping[str, object]:
    """Return an object's values by their keys in lower case; nothing for what is none."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return {str(key).lower(): content for key, content in value.items()} if isinstance(value, dict) else {}


def _text(keys: Mapping[str, object], name: str) -> str:
    value = keys.get(name)
    return value[:LONGEST_NAME] if isinstance(value, str) else ""
