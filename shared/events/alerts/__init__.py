"""What is posted to the alert endpoint as events of our own: an action group's budget alerts (two schemas) and Azure
Monitor alerts, and results of other monitoring tools."""

from __future__ import annotations

from datetime import datetime

from shared.domain.fact import Ignored
from shared.events.alerts.budgets import budget_event, legacy_budget_event
from shared.events.alerts.external import SCHEMA, external_events
from shared.events.alerts.monitor import monitor_events
from shared.events.alerts.refusal import refuse
from shared.events.wire.fields import Fields
from shared.events.wire.strict_json import read_json
from shared.ports.publisher import OutgoingEvent

COMMON = "azureMonitorCommonAlertSchema"
LEGACY_BUDGET = "AIP Budget Notification"


def read_alert(body: str | bytes, received_at: datetime) -> tuple[OutgoingEvent, ...] | Ignored:
    """Return the events that tell what an action group posted, one per endpoint; or why it tells nothing for us.

    Args:
        received_at: UTC; the time of alerts that carry none (legacy budget alerts).

    Raises:
        EventError: it is no alert that we know, or it lacks what its kind promises.
    """
    alert = Fields(read_json(body, nan_is_null=True), "the alert", "")
    schema = alert.text("schemaId")
    data = alert.mapping("data")
    if schema.lower() == SCHEMA.lower():
        return external_events(data, received_at)
    if schema.lower() == LEGACY_BUDGET.lower():
        return (legacy_budget_event(data, received_at),)
    if schema.lower() != COMMON.lower():
        refuse(f"schemaId {schema!r:.60} is not known", "switch the common alert schema on in the action group")
    context = data.mapping("alertContext")
    if (context.optional_text("AlertCategory") or "").strip().lower() in {"budget", "budgets"}:
        return (budget_event(data.mapping("essentials"), context.mapping("AlertData")),)
    return monitor_events(data.mapping("essentials"), context, data.mapping("customProperties"))
