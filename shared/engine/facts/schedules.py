"""Requests the trainings that policies schedule, also those whose moment was missed, and that new data waits for."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from croniter import croniter

from shared.domain.ids import ModelName
from shared.errors import VigiaError
from shared.events.sent.outgoing import retraining_requested
from shared.logs import fields
from shared.policy.sections.model import Policy
from shared.ports.blobs import BlobStore
from shared.ports.clock import Clock
from shared.ports.publisher import OutgoingEvent, Publisher
from shared.reactions.retrain_section import Retrain
from shared.reactions.start_training import SCHEDULE, waits_no_longer
from shared.reactions.waiting_data import REQUESTED_BY as WAITING_DATA
from shared.store.releases.models import ModelStates

log = logging.getLogger("vigia.schedules")

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
            if retrain and "new-data" in retrain.on:
                self._ask_for_waiting(policy, retrain, now)
        # Only now: after a crash the same moments are published again, which is harmless.
        self.blobs.put(LOOKED_AT, now.isoformat().encode())

    def _ask_for_waiting(self, policy: Policy, retrain: Retrain, now: datetime) -> None:
        """Ask for a training on data that had to wait, once nothing holds it back; again after an hour, should it still
        be waiting."""
        try:
            state = ModelStates(self.blobs).read(policy.model)
        except VigiaError as exc:
            # One model whose record cannot be read must not keep the others from their trainings.
            log.warning(
                "schedule.state_unreadable", extra=fields(model=policy.model, code=exc.code, reason=exc.message)
            )
            return
        waiting = state.waiting
        if waiting is None or not waits_no_longer(state, retrain, now):
            return
        event = retraining_requested(
            self.source,
            waiting.ready_at,
            model=policy.model,
            request=f"new data since {waiting.since.isoformat()}, asked for at {now:%Y-%m-%dT%H}",
            reason=f"new data since {waiting.since:%Y-%m-%d %H:%M} UTC, {waiting.what} last",
            requested_by=WAITING_DATA,
        )
        self.publisher.publish(event)

    def _looked_at(self) -> datetime | None:
        stored = self.blobs.get(LOOKED_AT)
        return None if stored is None else datetime.fromisoformat(stored.body.decode())


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
