"""Asks for the trainings that policies schedule, whoever slept through the moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from croniter import croniter

from shared.domain.ids import ModelName
from shared.events.outgoing import retraining_requested
from shared.policy.model import Policy
from shared.ports.blobs import BlobStore
from shared.ports.clock import Clock
from shared.ports.publisher import OutgoingEvent, Publisher
from shared.reactions.retrain_section import Retrain
from shared.reactions.start_training import SCHEDULE

LOOKED_AT = "schedules/looked-at.txt"


@dataclass(frozen=True)
class Schedules:
    """Publishes a request for each schedule whose moment came since the last look; the ledger makes it count once.

    Of several moments that were slept through only the newest counts: one training makes up for all of them.
    """

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
                moment = _latest_moment(schedule, now)
                if moment > since:
                    self.publisher.publish(_request(self.source, policy.model, schedule, moment))
        # Only now: after a crash the same moments are published again, which is harmless.
        self.blobs.put(LOOKED_AT, now.isoformat().encode())

    def _looked_at(self) -> datetime | None:
        found = self.blobs.get(LOOKED_AT)
        return None if found is None else datetime.fromisoformat(found.body.decode())


def _latest_moment(schedule: str, now: datetime) -> datetime:
    """Return the schedule's newest moment that is not after `now`, UTC."""
    # croniter looks for what lies before its start, the start itself left out.
    moment: datetime = croniter(schedule, now + timedelta(microseconds=1), second_at_beginning=True).get_prev(datetime)
    return moment


def _request(source: str, model: ModelName, schedule: str, moment: datetime) -> OutgoingEvent:
    return retraining_requested(
        source,
        moment,
        model=model,
        request=f"schedule {schedule} at {moment.isoformat()}",
        reason=f"schedule {schedule}",
        requested_by=SCHEDULE,
    )
