"""Asks for the trainings that policies schedule, whoever slept through the moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from croniter import croniter

from shared.events.outgoing import retraining_requested
from shared.policy.model import Policy
from shared.ports.blobs import BlobStore
from shared.ports.clock import Clock
from shared.ports.publisher import Publisher
from shared.reactions.start_training import SCHEDULE, Retrain

LOOKED_AT = "schedules/looked-at.txt"


@dataclass(frozen=True)
class Schedules:
    """Publishes one request per scheduled moment since the last look; the ledger makes each count once."""

    policies: tuple[Policy, ...]
    blobs: BlobStore
    publisher: Publisher
    clock: Clock
    source: str

    def run(self) -> None:
        now = self.clock.now()
        since = self._looked_at() or now
        for policy in self.policies:
            retrain = policy.section(Retrain)
            for schedule in retrain.schedules if retrain else ():
                for moment in _moments(schedule, since, now):
                    self.publisher.publish(
                        retraining_requested(
                            self.source,
                            moment,
                            model=policy.model,
                            request=f"schedule {schedule} at {moment.isoformat()}",
                            reason=f"schedule {schedule}",
                            requested_by=SCHEDULE,
                        )
                    )
        # Only now: after a crash the same moments are published again, which is harmless.
        self.blobs.put(LOOKED_AT, now.isoformat().encode())

    def _looked_at(self) -> datetime | None:
        found = self.blobs.get(LOOKED_AT)
        return None if found is None else datetime.fromisoformat(found.body.decode())


def _moments(schedule: str, since: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the schedule's moments in (since, until], UTC."""
    moments = croniter(schedule, since, second_at_beginning=True)
    while (moment := moments.get_next(datetime)) <= until:
        yield moment
