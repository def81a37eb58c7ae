"""What is posted to the alert endpoint becomes events of our own."""

from __future__ import annotations

import json
from dataclasses import dataclass

from shared.domain.fact import Ignored
from shared.domain.messages import PostedAlert
from shared.errors import EventError
from shared.events.alerts import read_alert
from shared.events.alerts.external import SOURCE as TOOLS
from shared.ports.outbox import Outbox
from shared.ports.publisher import cloud_event
from shared.store.facts.posted_results import PostedResults
from shared.store.facts.quarantine import Quarantine, Quarantined, quarantine_notice

NO_EVENTS = "[]"


@dataclass(frozen=True)
class Alerts:
    """Reads budget and Azure Monitor alerts, and results of other tools. `results` keeps which of these came in."""

    quarantine: Quarantine
    outbox: Outbox
    results: PostedResults

    def events_of(self, message: str) -> str:
        """Return the events that a message of queue `events` holds: those that its alert tells, or else the message.

        An alert that cannot be read is set aside, and people are notified. What is not for us is noted with the reason,
        so that its absence is no riddle.

        Raises:
            RetryableError: the storage does not answer; reading it again repeats nothing.
        """
        posted = PostedAlert.from_body(message)
        if posted is None:
            return message
        try:
            alert = read_alert(posted.text, posted.at)
        except EventError as exc:
            identifier = self.quarantine.set_aside(Quarantined(exc.code, str(exc), posted.text, posted.at))
            self.outbox.post([quarantine_notice(identifier, exc.message)])
            return NO_EVENTS
        if isinstance(alert, Ignored):
            self.quarantine.note_ignored(Quarantined("alert.ignored", alert.reason, posted.text, posted.at))
            return NO_EVENTS
        for event in alert:
            if event.source.startswith(TOOLS):
                # Stored before anybody reads the event, who must find that it came in here.
                self.results.keep(*(str(event.data[name]) for name in ("monitor", "run", "signal")))
        return json.dumps([cloud_event(event) for event in alert])
