"""What became of it all, counted from the stores and from the emulators' own logs, not from what workers say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from shared.store.outbox import OutboxStore
from tests.chaos.facts import Fed
from tests.chaos.town import Town

# What a released endpoint's traffic goes through: it is made without any, and then version 1 gets all of it.
MOVES = [{}, {"v-1": 100}]


@dataclass(frozen=True)
class Tally:
    """Counts; the lists name what is wrong, in words."""

    facts: int
    kills: int
    zombies: int
    lost: Sequence[str]
    doubled: Sequence[str]
    duplicate_notices: int
    late_writes: int
    late_refused: int
    late_accepted: Sequence[str] = field(default=())

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.late_accepted)


def count(town: Town, fed: Sequence[Fed]) -> Tally:
    """Return what there is to count; everything must be quiet."""
    journal = list(town.journal())
    jobs = [job for job in town.ask("azureml", "jobs") if job["parent"] is None]
    messages = Counter((each["key"], *each["to"]) for each in town.ask("inbox", "messages"))
    late = [line for line in journal if line["what"] == "late"]
    moves = _moves(town.ask("azureml", "traffic-writes"))
    lost, doubled = _jobs(fed, jobs), _doubled_jobs(fed, jobs)
    lost += [f"notice {key}" for each in fed for key in each.notices if not _sent(messages, key)]
    for each in filter(lambda each: each.endpoint, fed):
        found = moves.get(each.endpoint, [])
        lost += [f"traffic of {each.endpoint}: {found}"] if MOVES[-1] not in found[-1:] else []
        doubled += [f"traffic of {each.endpoint}: {found}"] if len(found) > len(MOVES) else []
    lost += [f"fact {key[:16]} is still open" for key in town.app.ledger.open_keys()]
    lost += [f"quarantined: {item.reason}" for _, item in town.app.quarantine.items()]
    lost += [f"a message of {line['queue']} was given up" for line in journal if line["what"] == "poison"]
    return Tally(
        facts=len(fed),
        kills=town.kills,
        zombies=sum(line["what"] == "woken" for line in journal),
        lost=lost,
        doubled=doubled,
        duplicate_notices=sum(times - 1 for times in messages.values()),
        late_writes=len(late),
        late_refused=sum(line["is_refused"] for line in late),
        late_accepted=[f"{line['method']} {line['name']}" for line in late if not line["is_refused"]],
    )


def is_quiet(town: Town, fed: Sequence[Fed]) -> bool:
    """Return whether nothing is left to do: no message, no open fact, no unsent notice, no release under way."""
    waiting = town.waiting()
    if waiting["events"] or waiting["notices"]:
        return False
    app = town.app
    known = set(app.ledger.keys())
    return (
        all(each.key in known for each in fed)
        and not any(app.ledger.open_keys())
        and not any(OutboxStore(app.blobs).in_state("pending"))
        and not app.releases.open_ids()
    )


def _jobs(fed: Sequence[Fed], jobs: Sequence[dict[str, Any]]) -> list[str]:
    found = {job["tags"].get("vigia.fact") for job in jobs}
    return [f"job of fact {each.key[:16]}" for each in fed if each.trains and each.key[:16] not in found]


def _doubled_jobs(fed: Sequence[Fed], jobs: Sequence[dict[str, Any]]) -> list[str]:
    found = Counter(job["tags"].get("vigia.fact") for job in jobs)
    return [
        f"{found[each.key[:16]]} jobs of fact {each.key[:16]}" for each in fed if found[each.key[:16]] > each.trains
    ]


def _sent(messages: Counter[tuple[str, ...]], key: str) -> bool:
    return any(told[0] == key for told in messages)


def _moves(writes: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, int]]]:
    """Return each endpoint's traffic maps in order, without repetitions of the one before: writing the same map
    again changes nothing."""
    found: dict[str, list[dict[str, int]]] = {}
    for write in writes:
        found.setdefault(write["endpoint"], []).append({n: share for n, share in write["traffic"].items() if share})
    return {endpoint: [split for split, _ in groupby(splits)] for endpoint, splits in found.items()}
