"""Our own events, built to be published; reading one back gives the fact it was built from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Literal

from shared.domain.fact import BudgetCrossed, EndpointDegraded, FeatureDrift
from shared.domain.ids import EndpointName, ModelName, ModelVersion
from shared.events.types import budget_alert as budget
from shared.events.types import data_arrived as arrived
from shared.events.types import drift_detected as drift
from shared.events.types import endpoint_alert as degraded
from shared.events.types import model_registered as registered
from shared.events.types import retraining_requested as requested
from shared.ports.publisher import OutgoingEvent

# Every `source` is the ARM id of where it happened (a workspace, a budget); every time is UTC, timezone-aware.


def drift_detected(
    source: str,
    time: datetime,
    *,
    model: ModelName,
    monitor: str,
    signal: str,
    run: str,
    features: Iterable[FeatureDrift] = (),
    detail: str = "",
    report: str = "",
) -> OutgoingEvent:
    """Tell that a monitor of ours found drift. `run` names the look it took; `features` strongest first; `report` is
    the id of its stored report, and no part of what makes two events one fact."""
    listed: list[object] = [
        {"feature": f.feature, "metric": f.metric, "value": f.value, "threshold": f.threshold} for f in features
    ]
    data = {"model": model, "monitor": monitor, "signal": signal, "run": run, "features": listed, "detail": detail}
    data |= {"report": report} if report else {}
    return _event(drift.TYPE, source, f"models/{model}/monitors/{monitor}", time, data, run, signal)


def budget_alert(
    source: str,
    time: datetime,
    *,
    budget_name: str,
    basis: Literal["actual", "forecasted"],
    percent: float,
    amount: float,
    spent: float,
    currency: str,
    period_start: date | None = None,
    alert: str = "",
) -> OutgoingEvent:
    """Tell that spending reached `percent` of a budget of `amount`. Two events with the `alert` of one sender are one
    fact; without it, the period counts."""
    body = BudgetCrossed(budget_name, percent, basis, amount, spent, currency, period_start, alert)
    data = {
        "budget": budget_name,
        "basis": basis,
        "percent": percent,
        "amount": amount,
        "spent": spent,
        "currency": currency,
        "periodStart": period_start.isoformat() if period_start else None,
    } | ({"alert": alert} if alert else {})
    return _event(budget.TYPE, source, f"budgets/{budget_name}", time, data, *budget.identity_of(body))


def endpoint_alert(
    source: str,
    time: datetime,
    *,
    endpoint: EndpointName,
    deployment: str | None,
    rule: str,
    condition: Literal["fired", "resolved"],
    fired_at: datetime,
    detail: str,
    alert: str = "",
    endpoint_type: Literal["", "online", "batch"] = "",
) -> OutgoingEvent:
    """Tell that an alert rule fired or resolved. `alert` is the sender's id of it."""
    body = EndpointDegraded(endpoint, deployment, rule, condition, fired_at, detail, alert, endpoint_type)
    data = {
        "endpoint": endpoint,
        "deployment": deployment,
        "rule": rule,
        "condition": condition,
        "firedAt": fired_at.isoformat(),
        "detail": detail,
    }
    data |= {key: value for key, value in (("alert", alert), ("endpointType", endpoint_type)) if value}
    identity = degraded.identity_of(body)
    return _event(degraded.TYPE, source, f"endpoints/{endpoint}", time, data, *identity)


def data_arrived(
    source: str, time: datetime, *, data_name: str, version: str | None = None, location: str = ""
) -> OutgoingEvent:
    """Tell that a version of a data asset is ready; without a version, that something came to `location`."""
    data = {"data": data_name, "version": version, "location": location}
    identity_text = (version,) if version else (location, time.isoformat())
    return _event(arrived.TYPE, source, f"data/{data_name}", time, data, data_name, *identity_text)


def retraining_requested(
    source: str, time: datetime, *, model: ModelName, request: str, reason: str, requested_by: str, **pipeline: str
) -> OutgoingEvent:
    """Ask for a training; `request` makes it one request however often it is sent. `pipeline`: commit, repository,
    runUrl."""
    data = {"model": model, "request": request, "reason": reason, "requestedBy": requested_by, **pipeline}
    return _event(requested.TYPE, source, f"models/{model}", time, data, model, request)


def model_registered_hint(
    source: str, time: datetime, *, model: ModelName, version: ModelVersion, hint: str
) -> OutgoingEvent:
    """Ask to look at a registered model again. `hint` tells it apart from the registration and other hints."""
    data = {"ModelName": model, "ModelVersion": version, "Hint": hint, "ModelTags": {}, "ModelProperties": {}}
    kind = registered.SPEC.types[0]
    return _event(kind, source, f"models/{model}:{version}", time, data, model, version, hint)


def _event(
    kind: str, source: str, subject: str, time: datetime, data: Mapping[str, object], *identity: str
) -> OutgoingEvent:
    identity_text = json.dumps([kind, source.lower(), *identity])
    identifier = hashlib.sha256(identity_text.encode()).hexdigest()[:32]
    return OutgoingEvent(identifier, kind, source, subject, time, data)
