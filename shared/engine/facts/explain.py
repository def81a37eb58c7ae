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
    known = _keys(raw)
    if "schemaid" not in known:
        return (_explain_event(raw, place, received_at, book, home),)
    try:
        told = read_alert(raw, received_at)
    except EventError as exc:
        return (_refused(exc, known, place),)
    if isinstance(told, Ignored):
        return (Explained(told.event_id or place, "ignored", told.type, "", "", told.reason, {}),)
    events = (json.dumps(cloud_event(event), ensure_ascii=False) for event in told)
    return tuple(_explain_event(event, place, received_at, book, home) for event in events)


def _explain_event(raw: str, place: str, received_at: datetime, book: PolicyBook, home: Home | None) -> Explained:
    try:
        told = read_fact(raw, received_at, home)
    except EventError as exc:
        return _refused(exc, _keys(raw), place)
    if isinstance(told, Ignored):
        return Explained(told.event_id or place, "ignored", told.type, "", "", told.reason, {})
    plan = book.plan(told, lambda policy: ModelState(policy.model), lambda: received_at)
    name = told.event_id or place
    return Explained(name, "fact", told.kind, told.subject, told.key, _reason(told, plan), _data(told), plan.reactions)


def _reason(fact: Fact, plan: Plan) -> str:
    """Return why nothing is done; empty where something is."""
    if plan.reactions:
        return ""
    if isinstance(fact.body, EndpointDegraded) and fact.body.condition == "resolved":
        return f"alert {fact.body.rule} is resolved: there is nothing to do"
    models = ", ".join(policy.model for policy in plan.concerned)
    return "; ".join(plan.remarks) or f"no rule of the policy of {models} asks for anything here"


def _data(fact: Fact) -> dict[str, object]:
    found = {each.name: getattr(fact.body, each.name) for each in fields(fact.body) if each.name != "kind"}
    if isinstance(fact.body, BudgetCrossed):
        found["reached_percent"] = fact.body.reached_percent
    return found


def _refused(exc: EventError, known: Mapping[str, object], place: str) -> Explained:
    kind = _text(known, "eventtype") or _text(known, "type") or _text(known, "schemaid")
    name = _text(known, "id") or place
    return Explained(name, "refused", kind, _text(known, "subject"), "", f"{exc.code}: {exc}", {})


def _keys(raw: str) -> Mapping[str, object]:
    """Return an object's values by their keys in lower case; nothing for what is none."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return {str(key).lower(): each for key, each in value.items()} if isinstance(value, dict) else {}


def _text(known: Mapping[str, object], name: str) -> str:
    value = known.get(name)
    return value[:LONGEST_NAME] if isinstance(value, str) else ""
