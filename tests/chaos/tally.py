"""What became of it all, counted from the stores and from the emulators' own logs, not from what workers say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from shared.store.outbox import OutboxStore
from tests.chaos.facts import Fed
from tests.chaos.town import Town

Split = dict[str, int]


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

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.late_accepted)


def count(town: Town, fed: Sequence[Fed]) -> Tally:
    """Return what there is to count; everything must be quiet."""
    journal = list(town.journal())
    messages = Counter((each["channel"], each["key"], *each["to"]) for each in town.ask("inbox", "messages"))
    told = {key for _, key, *_ in messages}
    mails = {message: times for message, times in messages.items() if message[0] == "email"}
    mailed = {key for _, key, *_ in mails}
    jobs = Counter(job["tags"].get("vigia.fact") for job in town.ask("azureml", "jobs") if job["parent"] is None)
    moves = traffic_moves(town)
    late = [line for line in journal if line["what"] == "late"]
    waiting = town.waiting()
    unsent = sum(1 for _ in OutboxStore(town.app.blobs).in_state("pending"))
    return Tally(
        facts=len(fed),
        kills=len(town.killed),
        zombies=sum(line["what"] == "woken" for line in journal),
        lost=[
            *(f"job of fact {each.key[:16]}" for each in fed if each.trains and not jobs[each.key[:16]]),
            *(f"notice {key}" for each in fed for key in each.notices if key not in told),
            *(f"mail {key}" for each in fed if each.trains for key in each.notices if key not in mailed),
            *(f"traffic of {each.endpoint}: {moves}" for each in fed if each.endpoint and not _arrived(each, moves)),
            *(f"fact {key[:16]} is still open" for key in town.app.ledger.open_keys()),
            # Were they merely not there yet, these tell it.
            *(f"{waiting[queue]} messages wait in {queue}" for queue in ("events", "notices") if waiting[queue]),
            *([f"{unsent} notices are not sent"] if unsent else []),
            *(f"quarantined: {item.reason}" for _, item in town.app.quarantine.items()),
            *(f"a message of {line['queue']} was given up" for line in journal if line["what"] == "poison"),
        ],
        doubled=[
            *(f"job of fact {each.key[:16]}" for each in fed if jobs[each.key[:16]] > each.trains),
            *(f"traffic of {each.endpoint}: {moves}" for each in fed if each.endpoint and not _moved_once(each, moves)),
        ],
        duplicate_notices=sum(times - 1 for times in messages.values()),
        duplicate_mails=sum(times - 1 for times in mails.values()),
        late_refused=sum(line["is_refused"] for line in late),
        late_accepted=[f"{line['method']} {line['name']}" for line in late if not line["is_refused"]],
    )


def is_quiet(town: Town, fed: Sequence[Fed]) -> bool:
    """Return whether nothing is left to do."""
    return not what_is_left(town, fed)


def what_is_left(town: Town, fed: Sequence[Fed]) -> list[str]:
    """Return what is left to do, in words: messages, open facts, unsent notices, releases under way."""
    waiting = town.waiting()
    if busy := [queue for queue in ("events", "notices") if waiting[queue]]:
        return [f"{waiting[queue]} messages in {queue}" for queue in busy]
    app = town.app
    known = set(app.ledger.keys())
    return [
        *(f"fact {each.key[:16]} is not known" for each in fed if each.key not in known),
        *(f"fact {key[:16]} is open" for key in app.ledger.open_keys()),
        *(f"notice {item.name} is pending" for item in OutboxStore(app.blobs).in_state("pending")),
        *(f"release {release} is under way" for release in app.releases.open_ids()),
    ]


def traffic_moves(town: Town) -> dict[str, list[Split]]:
    """Return the traffic that each endpoint was given, in order. Writing once more what is there moves nothing."""
    found: dict[str, list[Split]] = {}
    for write in town.ask("azureml", "traffic-writes"):
        found.setdefault(write["endpoint"], []).append(
            {name: share for name, share in write["traffic"].items() if share}
        )
    return {endpoint: [split for split, _ in groupby(splits)] for endpoint, splits in found.items()}


def _arrived(fact: Fed, moves: dict[str, list[Split]]) -> bool:
    return {f"v-{fact.version}": 100} in moves.get(fact.endpoint, [])


def _moved_once(fact: Fed, moves: dict[str, list[Split]]) -> bool:
    return moves.get(fact.endpoint, []).count({f"v-{fact.version}": 100}) <= 1
