"""What became of it all, counted from the stores and from the emulators' own logs, not from what workers say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from shared.domain.ids import ReleaseId
from shared.domain.releases.release import ReleaseState
from shared.engine.notices.outbox import routes
from shared.store.notices.outbox import OutboxRecord
from tests.chaos.facts import Fed, Split
from tests.chaos.town import Town


@dataclass(frozen=True)
class Tally:
    """Counts; the lists name what is wrong, in words."""

    facts: int
    kills: int
    zombies: int
    lost: Sequence[str]
    doubled: Sequence[str]
    duplicate_notices: int
    duplicate_mails: int
    late_refused: int
    late_accepted: Sequence[str]
    in_digests: int

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.late_accepted)


def count(town: Town, fed: Sequence[Fed]) -> Tally:
    """Return what there is to count; everything must be quiet."""
    records = _Records(town, fed)
    late = [line for line in records.journal if line["what"] == "late"]
    return Tally(
        facts=len(fed),
        kills=len(town.killed),
        zombies=sum(line["what"] == "woken" for line in records.journal),
        lost=[*records.lost(), *records.unfinished()],
        doubled=list(records.doubled()),
        duplicate_notices=sum(times - 1 for times in records.messages.values()),
        duplicate_mails=sum(times - 1 for message, times in records.messages.items() if message[0] == "email"),
        late_refused=sum(line["is_refused"] for line in late),
        late_accepted=[f"{line['method']} {line['name']}" for line in late if not line["is_refused"]],
        in_digests=sum(bool(record.digest) for record in records.notices.values()),
    )


class _Records:
    """What the town recorded, and what is wrong with it."""

    def __init__(self, town: Town, fed: Sequence[Fed]) -> None:
        self._town, self._fed = town, fed
        self.journal = list(town.journal())
        self.messages = Counter(
            (message["channel"], message["key"], *message["to"]) for message in town.ask("inbox", "messages")
        )
        self.notices = {record.notice.key: record for record in town.app.outbox_store.records()}
        jobs = [job for job in town.ask("azureml", "jobs") if job["parent"] is None]
        self._trainings = Counter(job["tags"].get("vigia.fact") for job in jobs)
        self._evaluations = Counter(job["tags"].get("vigia.release") for job in jobs)

    def lost(self) -> Iterator[str]:
        """Yield the effects that are missing."""
        for fact in self._fed:
            if fact.trains and not self._trainings[fact.key[:16]]:
                yield f"job of fact {fact.key[:16]}"
            if fact.is_evaluated and not self._evaluations[fact.release]:
                yield f"evaluation of release {fact.release}"
            if fact.course and self._walked(fact)[0] < len(fact.course):
                yield f"traffic of {fact.endpoint}: {self._moves.get(fact.endpoint)}"
            yield from (f"notice {key}" for key in fact.notices if key not in self.notices)
            if fact.release and (problem := self._unfinished(fact.release)):
                yield f"release {fact.release} {problem}"
        for record in self.notices.values():
            yield from (f"{route} of notice {record.notice.key}" for route in self._untold(record))

    def doubled(self) -> Iterator[str]:
        """Yield the effects that there are too many of."""
        for fact in self._fed:
            if self._trainings[fact.key[:16]] > fact.trains:
                yield f"job of fact {fact.key[:16]}"
            if fact.release and self._evaluations[fact.release] > fact.is_evaluated:
                yield f"evaluation of release {fact.release}"
            if fact.course and (unexpected := self._walked(fact)[1]):
                yield f"traffic of {fact.endpoint} went to {unexpected}: {self._moves[fact.endpoint]}"
        sent = {key for _, key, *_ in self.messages}
        for key in self.notices:
            if len(ways := sent & {key, *self._digests.get(key, ())}) > 1:
                yield f"notice {key} by {sorted(ways)}"

    def unfinished(self) -> Iterator[str]:
        """Yield what nobody finished."""
        waiting, quarantine = self._town.waiting(), self._town.app.quarantine
        yield from (f"fact {key[:16]} is still open" for key in self._town.app.ledger.open_keys())
        # Were they merely not there yet, these tell it.
        yield from (f"{waiting[queue]} messages wait in {queue}" for queue in ("events", "notices") if waiting[queue])
        yield from (f"notice {key} is pending" for key, record in self.notices.items() if record.state == "pending")
        yield from (f"quarantined: {item.reason}" for _, item in quarantine.items())

    def _unfinished(self, release: str) -> str:
        """Return why a release did not finish; "" when it did, and told everything."""
        stored = self._town.app.releases.load(ReleaseId(release))
        if stored is None:
            return "was never opened"
        current = stored.release
        if current.state is not ReleaseState.FINISHED or not current.is_settled:
            return f"is {current.state}: {current.reason}"
        return ", ".join(f"never posted {notice.key}" for notice in current.notices if notice.key not in self.notices)

    def _walked(self, fact: Fed) -> tuple[int, list[Split]]:
        late = [line["traffic"] for line in self.journal if line["what"] == "late traffic"]
        return walk(self._moves.get(fact.endpoint, []), fact.course, late)

    def _untold(self, record: OutboxRecord) -> list[tuple[str, str]]:
        """Return whom the notice should have reached, by the policies as they are, and did not."""
        if record.digest:
            return []  # its digest is such a record, too
        required = [(route.channel, route.email) for route in routes(record.notice, self._town.app.policies)]
        return [(channel, to) for channel, to in required if not self.messages[channel, record.notice.key, to]]

    @cached_property
    def _moves(self) -> Mapping[str, list[Split]]:
        return traffic_moves(self._town)

    @cached_property
    def _digests(self) -> Mapping[str, list[str]]:
        """Return the digests that list each notice, by keys."""
        digests: dict[str, list[str]] = {}
        for key, record in self.notices.items():
            for member in record.members:
                digests.setdefault(member.key, []).append(key)
        return digests


def walk(moves: Sequence[Split], course: Sequence[Split], late: Sequence[Any]) -> tuple[int, list[Split]]:
    """Return how far the traffic came on its course, and the moves that are none of it.

    Args:
        late: what woken workers wrote: nobody refuses that, so it may come at any time, and is put back.
    """
    reached, remaining, unexpected = 0, list(late), []
    for move in filter(None, moves):
        if reached < len(course) and move == course[reached]:
            reached += 1
        elif move in remaining:
            remaining.remove(move)
        elif not reached or move != course[reached - 1]:
            unexpected.append(move)
    return reached, unexpected


def is_quiet(town: Town, fed: Sequence[Fed]) -> bool:
    """Return whether nothing is left to do."""
    return not open_work(town, fed)


def open_work(town: Town, fed: Sequence[Fed]) -> list[str]:
    """Return what is left to do, in words: messages, open facts, unsent notices, releases under way."""
    waiting = town.waiting()
    if busy := [queue for queue in ("events", "notices") if waiting[queue]]:
        return [f"{waiting[queue]} messages in {queue}" for queue in busy]
    app = town.app
    keys, moves = set(app.ledger.keys()), traffic_moves(town)
    under_way = (stored.release for release_id in app.releases.open_ids() if (stored := app.releases.load(release_id)))
    return [
        *(f"fact {fact.key[:16]} is not known" for fact in fed if fact.key not in keys),
        *(f"fact {key[:16]} is open" for key in app.ledger.open_keys()),
        *(f"notice {item.name} is pending" for item in app.outbox_store.in_state("pending")),
        # One that asks people whether it may stay waits for them, not for a worker.
        *(f"release {release.id} is under way" for release in under_way if release.phase != "asking"),
        *(f"traffic of {fact.endpoint} is elsewhere" for fact in fed if fact.course and not _has_arrived(fact, moves)),
    ]


def traffic_moves(town: Town) -> dict[str, list[Split]]:
    """Return the traffic that each endpoint was given, in order. Writing once more what is there moves nothing."""
    moves: dict[str, list[Split]] = {}
    for write in town.ask("azureml", "traffic-writes"):
        moves.setdefault(write["endpoint"], []).append(
            {name: share for name, share in write["traffic"].items() if share}
        )
    return {endpoint: [split for split, _ in groupby(splits)] for endpoint, splits in moves.items()}


def _has_arrived(fact: Fed, moves: Mapping[str, list[Split]]) -> bool:
    return moves.get(fact.endpoint, [{}])[-1] == fact.course[-1]
