"""What action groups tell becomes an event of our own topic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.domain.fact import Ignored
from shared.errors import EventError
from shared.events.alerts import read_alert
from shared.events.alerts.external import SOURCE as TOOLS
from shared.ports.clock import Clock
from shared.ports.outbox import Outbox
from shared.ports.publisher import Publisher
from shared.store.facts.posted_results import PostedResults
from shared.store.facts.quarantine import Quarantine, Quarantined, quarantine_notice


@dataclass(frozen=True)
class Alerts:
    """Reads budget and Azure Monitor alerts and publishes them to the custom topic.

    `outbox` is built only when people must be notified: building it reads people.yaml, and an alert that is
    understood must get through while that file is broken. `results` keeps which results of other tools came in.
    """

    publisher: Publisher
    quarantine: Quarantine
    clock: Clock
    outbox: Callable[[], Outbox]
    results: PostedResults | None = None

    def publish(self, body: bytes) -> str:
        """Publish the alert, as one event per endpoint, and return a sentence on what was understood.

        What is not for us is noted with the reason, so that its absence is no riddle.

        Raises:
            EventError: it is no alert we can read; the body is in quarantine and people are notified.
            RetryableError: the topic did not take all of it; publishing again repeats no fact.
        """
        text = body.decode(errors="backslashreplace")
        try:
            alert = read_alert(text, self.clock.now())
        except EventError as exc:
            identifier = self.quarantine.set_aside(Quarantined(exc.code, str(exc), text, self.clock.now()))
            self.outbox().post([quarantine_notice(identifier, exc.message)])
            raise
        if isinstance(alert, Ignored):
            self.quarantine.note_ignored(Quarantined("alert.ignored", alert.reason, text, self.clock.now()))
            return f"ignored: {alert.reason}"
        for event in alert:
            if self.results and event.source.startswith(TOOLS):
                # Stored before it is published: whoever reads the event must find that it came in here.
                self.results.keep(*(str(event.data[name]) for name in ("monitor", "run", "signal")))
            self.publisher.publish(event)
        return f"published {alert[0].type} about {', '.join(event.subject for event in alert)}"
