"""What became of it all, counted from the stores and from the emulators' own logs, not from what workers say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from shared.domain.ids import ReleaseId
from shared.domain.release import ReleaseState
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
    found = _Found(town, fed)
    late = [line for line in found.journal if line["what"] == "late"]
    return Tally(
        facts=len(fed),
        kills=len(town.killed),
        zombies=sum(line["what"] == "woken" for line in found.journal),
        lost=[*found.lost(), *found.unfinished()],
        doubled=list(found.doubled()),
        duplicate_notices=sum(times - 1 for times in found.messages.values()),
        duplicate_mails=sum(times - 1 for message, times in found.messages.items() if message[0] == "email"),
        late_refused=sum(line["is_refused"] for line in late),
        late_accepted=[f"{line['method']} {line['name']}" for line in late if not line["is_refused"]],
        in_digests=sum(bool(record.digest) for record in found.notices.values()),
    )


class _Found:
    """What was found in the town, and what is wrong with it."""

    def __init__(self, town: Town, fed: Sequence[Fed]) -> None:
        self._town, self._fed = town, fed
        self.journal = list(town.journal())
        self.messages = Counter((each["channel"], each["key"], *each["to"]) for each in town.ask("inbox", "messages"))
        self.notices = {record.notice.key: record for record in town.app.outbox_store.records()}
        jobs = [job for job in town.ask("azureml", "jobs") if job["parent"] is None]
        self._trainings = Counter(job["tags"].get("vigia.fact") for job in jobs)
        self._evaluations = Counter(job["tags"].get("vigia.release") for job in jobs)

    def lost(self) -> Iterator[str]:
        """Yield the effects that are missing."""
        for each in self._fed:
            if each.trains and not self._trainings[each.key[:16]]:
                yield f"job of fact {each.key[:16]}"
            if each.is_evaluated and not self._evaluations[each.release]:
                yield f"evaluation of release {each.release}"
            if each.course and self._walked(each)[0] < len(each.course):
                yield f"traffic of {each.endpoint}: {self._moves.get(each.endpoint)}"
            yield from (f"notice {key}" for key in each.notices if key not in self.notices)
            if each.release and (why := self._unfinished(each.release)):
                yield f"release {each.release} {why}"
        for record in self.notices.values():
            yield from (f"{route} of notice {record.notice.key}" for route in self._untold(record))

    def doubled(self) -> Iterator[str]:
        """Yield the effects that there are too many of."""
        for each in self._fed:
            if self._trainings[each.key[:16]] > each.trains:
                yield f"job of fact {each.key[:16]}"
            if each.release and self._evaluations[each.release] > each.is_evaluated:
                yield f"evaluation of release {each.release}"
            if each.course and (astray := self._walked(each)[1]):
                yield f"traffic of {each.endpoint} went to {astray}: {self._moves[each.endpoint]}"
        told = {key for _, key, *_ in self.messages}
        for key in self.notices:
            if len(ways := told & {key, *self._digests.get(key, ())}) > 1:
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
        known = stored.release
        if known.state is not ReleaseState.FINISHED or not known.is_settled:
            return f"is {known.state}: {known.reason}"
        return ", ".join(f"never posted {notice.key}" for notice in known.notices if notice.key not in self.notices)

    def _walked(self, fact: Fed) -> tuple[int, list[Split]]:
        late = [line["traffic"] for line in self.journal if line["what"] == "late traffic"]
        return walk(self._moves.get(fact.endpoint, []), fact.course, late)

    def _untold(self, record: OutboxRecord) -> list[tuple[str, str]]:
        """Return whom the notice should have reached, by the policies as they are, and did not."""
        if record.digest:
            return []  # its digest is such a record, too
        wanted = [(route.channel, route.email) for route in routes(record.notice, self._town.app.policies)]
        return [(channel, to) for channel, to in wanted if not self.messages[channel, record.notice.key, to]]

    @cached_property
    def _moves(self) -> Mapping[str, list[Split]]:
        return traffic_moves(self._town)

    @cached_property
    def _digests(self) -> Mapping[str, list[str]]:
        """Return the digests that list each notice, by keys."""
        found: dict[str, list[str]] = {}
        for key, record in self.notices.items():
            for member in record.members:
                found.setdefault(member.key, []).append(key)
        return found


def walk(moves: Sequence[Split], course: Sequence[Split], late: Sequence[Any]) -> tuple[int, list[Split]]:
    """Return how far the traffic came on its course, and the moves that are none of it.

    Args:
        late: what woken workers wrote: nobody refuses that, so it may come at any time, and is put back.
    """
    reached, left, astray = 0, list(late), []
    for move in filter(None, moves):
        if reached < len(course) and move == course[reached]:
            reached += 1
        elif move in left:
            left.remove(move)
        elif not reached or move != course[reached - 1]:
            astray.append(move)
    return reached, astray


def is_quiet(town: Town, fed: Sequence[Fed]) -> bool:
    """Return whether nothing is left to do."""
    return not what_is_left(town, fed)


def what_is_left(town: Town, fed: Sequence[Fed]) -> list[str]:
    """Return what is left to do, in words: messages, open facts, unsent notices, releases under way."""
    waiting = town.waiting()
    if busy := [queue for queue in ("events", "notices") if waiting[queue]]:
        return [f"{waiting[queue]} messages in {queue}" for queue in busy]
    app = town.app
    known, moves = set(app.ledger.keys()), traffic_moves(town)
    under_way = (stored.release for each in app.releases.open_ids() if (stored := app.releases.load(each)))
    return [
        *(f"fact {each.key[:16]} is not known" for each in fed if each.key not in known),
        *(f"fact {key[:16]} is open" for key in app.ledger.open_keys()),
        *(f"notice {item.name} is pending" for item in app.outbox_store.in_state("pending")),
        # One that asks people whether it may stay waits for them, not for a worker.
        *(f"release {release.id} is under way" for release in under_way if release.phase != "asking"),
        *(f"traffic of {each.endpoint} is elsewhere" for each in fed if each.course and not _has_arrived(each, moves)),
    ]


def traffic_moves(town: Town) -> dict[str, list[Split]]:
    """Return the traffic that each endpoint was given, in order. Writing once more what is there moves nothing."""
    found: dict[str, list[Split]] = {}
    for write in town.ask("azureml", "traffic-writes"):
        found.setdefault(write["endpoint"], []).append(
            {name: share for name, share in write["traffic"].items() if share}
        )
    return {endpoint: [split for split, _ in groupby(splits)] for endpoint, splits in found.items()}


def _has_arrived(fact: Fed, moves: Mapping[str, list[Split]]) -> bool:
    return moves.get(fact.endpoint, [{}])[-1] == fact.course[-1]
