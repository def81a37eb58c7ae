"""What must hold once all trouble is over. Every check reads the services, not what the code says of itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

from shared.domain.releases.release import Release
from shared.domain.state import ModelState
from shared.store.codec import decode
from shared.store.facts.ledger import PASSING, PREFIX, Entry
from shared.store.facts.quarantine import QUARANTINE, RESOLVED, Quarantined
from shared.store.notices.outbox import OutboxRecord, blob_name
from shared.store.open_index import OPEN
from tests.simulation.ports import AZURE_ML
from tests.simulation.stories import MODELS, Story
from tests.simulation.world import World

COOLDOWN = timedelta(hours=6)
LOST, TWICE = "lost:", "twice:"


def violations(world: World, story: Story, *, is_quiet: bool) -> Iterator[str]:
    """Yield each broken promise in a sentence; it begins with LOST or TWICE where an effect is missing or too many."""
    outcome = FinishedRun(world, story)
    if not is_quiet:
        waiting = [f"{m.queue} {m.text[:60]}" for m in [*world.queues.messages.values(), *world.queues.poison]]
        yield f"{LOST} does not come to rest: {waiting or 'open records'}"
    for check in (
        every_fact_has_its_record,
        what_is_open_is_marked,
        records_only_grow,
        one_holder_per_claim,
        plans_are_carried_out,
        nothing_unplanned,
        trainings_keep_their_distance,
        model_memory_forgets_nothing,
        people_are_notified,
        what_is_wrong_is_set_aside,
        people_are_called_only_where_they_are_needed,
    ):
        yield from check(outcome)


class FinishedRun:
    """The services at the end of a run."""

    def __init__(self, world: World, story: Story) -> None:
        self.world, self.story = world, story

    @cached_property
    def entries(self) -> list[Entry]:
        """Return the records of facts, those included that went by their age; `passed` likewise."""
        return [decode(Entry, versions[-1].body) for _, versions in [*self._under(PREFIX), *self._forgotten(PREFIX)]]

    @cached_property
    def passed(self) -> list[Entry]:
        return [decode(Entry, versions[-1].body) for _, versions in [*self._under(PASSING), *self._forgotten(PASSING)]]

    @cached_property
    def states(self) -> dict[str, ModelState]:
        return {state.model: state for state in (decode(ModelState, v[-1].body) for _, v in self._under("models/"))}

    @cached_property
    def releases(self) -> list[Release]:
        return [decode(Release, versions[-1].body) for _, versions in self._under("releases/")]

    @cached_property
    def quarantined(self) -> list[Quarantined]:
        stored = [*self._under(RESOLVED), *self._under(QUARANTINE)]
        return list({item.body: item for item in (decode(Quarantined, v[-1].body) for _, v in stored)}.values())

    @cached_property
    def outbox(self) -> list[OutboxRecord]:
        return [decode(OutboxRecord, versions[-1].body) for _, versions in self._under("outbox/")]

    @cached_property
    def posted(self) -> dict[str, int]:
        """Return when each notice was first stored, as the number of the write."""
        return {decode(OutboxRecord, v[0].body).notice.key: int(v[0].etag[1:]) for _, v in self._under("outbox/")}

    @cached_property
    def recorded(self) -> dict[str, int]:
        """Return when each notice was first part of a closed record, as the number of the write."""
        writes: dict[str, int] = {}
        for _, versions in self._under(PREFIX):
            for closed in [v for v in versions if v.metadata["state"] != "claimed"][:1]:
                for notice in decode(Entry, closed.body).notices:
                    writes[notice.key] = min(int(closed.etag[1:]), writes.get(notice.key, int(closed.etag[1:])))
        return writes

    def records(self, prefix: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield every version of each blob, oldest first."""
        for name, versions in self._under(prefix):
            yield name, [json.loads(version.body) for version in versions]

    def _under(self, prefix: str) -> Iterator[tuple[str, Any]]:
        return ((name, v) for name, v in self.world.storage.history.items() if name.startswith(prefix))

    def _forgotten(self, prefix: str) -> Iterator[tuple[str, Any]]:
        return ((name, v) for name, v in self.world.storage.forgotten if name.startswith(prefix))


def every_fact_has_its_record(end: FinishedRun) -> Iterator[str]:
    """Every fact that was told has one record, which is done; parked only where Azure ML refuses for good. One that
    concerned no policy is recorded apart, unless it was told again when one was concerned."""
    recorded = Counter((entry.fact.kind, *entry.fact.identity) for entry in end.entries)
    passed = {(entry.fact.kind, *entry.fact.identity) for entry in end.passed}
    identities = {telling.identity for telling in end.story.tellings if telling.identity}
    yield from (f"{LOST} {' '.join(identity)} has no record" for identity in identities - set(recorded) - passed)
    yield from (f"unheard of: {' '.join(identity)} has a record" for identity in {*recorded, *passed} - identities)
    yield from (f"{LOST} {' '.join(identity)} passed" for identity in passed - set(recorded) - end.story.may_pass)
    yield from (f"{TWICE} {' '.join(identity)} has {n} records" for identity, n in recorded.items() if n > 1)
    for entry in end.entries:
        is_refused = any(o.status == "failed" for o in entry.outcomes) and end.story.refused
        if entry.state == "claimed" or (entry.state == "parked" and not is_refused):
            yield f"{_name(entry)} is {entry.state} in the end: {[o.detail for o in entry.outcomes]}"


def what_is_open_is_marked(end: FinishedRun) -> Iterator[str]:
    """Whatever is open in the end, a person finds it without listing what is closed."""
    names = [f"{PREFIX}{entry.fact.key}.json" for entry in end.entries if entry.state != "done"]
    names += [blob_name(record.notice.key) for record in end.outbox if record.state in {"pending", "failed"}]
    yield from (f"{LOST} {name[:24]} is open and has no marker" for name in names if not _has_marker(end, name))


def _has_marker(end: FinishedRun, name: str) -> bool:
    return OPEN + name in end.world.storage.history


def records_only_grow(end: FinishedRun) -> Iterator[str]:
    """The plan stays as it was claimed, epochs never go back and are one worker's each, and what is done stays so."""
    for name, versions in end.records(PREFIX):
        first = versions[0]
        tokens = Counter(epoch for epoch, _ in {(version["epoch"], version["token"]) for version in versions})
        yield from (f"{name[:24]}: {n} workers took epoch {epoch}" for epoch, n in tokens.items() if n > 1)
        for previous, updated in pairwise(versions):
            if updated["plan"] != first["plan"]:
                yield f"{name[:24]}: its plan was changed"
            if updated["epoch"] < previous["epoch"]:
                yield f"{name[:24]}: its epoch went back from {previous['epoch']} to {updated['epoch']}"
            if previous["state"] != "claimed" and {**previous, "notices_posted": True} != {
                **updated,
                "notices_posted": True,
            }:
                yield f"{name[:24]}: it was changed after it was {previous['state']}"


def one_holder_per_claim(end: FinishedRun) -> Iterator[str]:
    """No two workers are told that one version of a claim is theirs."""
    for version, count in Counter(version for version, _ in end.world.holders).items():
        if count > 1:
            yield f"{count} workers held the same claim, version {version}"


def plans_are_carried_out(end: FinishedRun) -> Iterator[str]:
    """Each reaction of a plan has its outcome, and what an outcome says is so."""
    jobs, releases = end.world.azureml.jobs, {release.id for release in end.releases}
    for entry in end.entries:
        if [reaction.name for reaction in entry.plan] != [outcome.reaction for outcome in entry.outcomes]:
            yield f"{_name(entry)}: planned {[e.name for e in entry.plan]}, did {[o.reaction for o in entry.outcomes]}"
            continue
        for number, (planned, outcome) in enumerate(zip(entry.plan, entry.outcomes, strict=True)):
            what = f"{_name(entry)}: {outcome.reaction} {number} is {outcome.status}"
            if planned.suppressed and outcome.status != "suppressed":
                yield f"{what} though it was held back"
            if outcome.status != "done":
                continue
            if outcome.reaction == "start-training" and outcome.effect not in jobs:
                yield f"{LOST} {what}, but there is no job {outcome.effect}"
            if outcome.reaction == "open-release" and outcome.effect not in releases:
                yield f"{LOST} {what}, but there is no release {outcome.effect}"
            if outcome.reaction == "freeze-retraining" and not _was_frozen(end, planned.model):
                yield f"{LOST} {what}, but {planned.model} was not frozen"


def nothing_unplanned(end: FinishedRun) -> Iterator[str]:
    """Each job and release is the outcome of one fact's plan; no fact trains a model twice."""
    effects = {o.effect: entry for entry in end.entries for o in entry.outcomes if o.status == "done" and o.effect}
    for job in end.world.azureml.jobs.values():
        if job.name not in effects:
            yield f"{TWICE} job {job.name} runs, and no record says so"
    per_fact = Counter((j.tags["vigia.model"], j.tags["vigia.fact"]) for j in end.world.azureml.jobs.values())
    yield from (
        f"{TWICE} fact {fact} trained {model} {count} times" for (model, fact), count in per_fact.items() if count > 1
    )
    yield from (f"{TWICE} release {r.id} is open, and no record says so" for r in end.releases if r.id not in effects)
    yield from (
        f"{LOST} release {r.id} was never looked at" for r in end.releases if r.id not in end.world.releases_woken
    )


def trainings_keep_their_distance(end: FinishedRun) -> Iterator[str]:
    """Between two trainings of a model lies its cooldown, by the server's clock; each one noted is a job."""
    jobs = end.world.azureml.jobs
    for model in MODELS:
        noted = sorted(end.states[model].trainings if model in end.states else (), key=lambda t: t.started_at)
        for previous, updated in pairwise(noted):
            if updated.started_at - previous.started_at < COOLDOWN:
                times = f"at {previous.started_at:%d %H:%M} and at {updated.started_at:%d %H:%M}"
                yield f"{TWICE} {model} was trained {times}"
        mine = {name for name, job in jobs.items() if job.tags["vigia.model"] == model}
        yield from (f"{TWICE} job {name} of {model} runs without a note" for name in mine - {t.job for t in noted})
        yield from (f"{LOST} training {t.job} of {model} is noted and never ran" for t in noted if t.job not in mine)


def model_memory_forgets_nothing(end: FinishedRun) -> Iterator[str]:
    """A training that is noted stays noted unless Azure ML refused it; a freeze comes once, and stays until a person
    lifts it."""
    for name, versions in end.records("models/"):
        gone, came = 0, Counter[str]()
        for previous, updated in pairwise([{"trainings": [], "freeze": None}, *versions]):
            lost = {t["job"] for t in previous["trainings"]} - {t["job"] for t in updated["trainings"]}
            if lost and updated["model"] not in end.story.refused:
                yield f"{LOST} {name} forgot {sorted(lost)}"
            if previous["freeze"] != updated["freeze"]:
                gone += previous["freeze"] is not None
                came.update([updated["freeze"]["fact"]] if updated["freeze"] else [])
        if gone != end.world.lifts[name]:
            yield f"{LOST} {name}: its freeze went {gone} times, and was lifted {end.world.lifts[name]} times"
        yield from (f"{TWICE} fact {fact[:16]} froze {name} {n} times" for fact, n in came.items() if n > 1)


def people_are_notified(end: FinishedRun) -> Iterator[str]:
    """Every notice of a record came, or was given up after days; none came that no record holds."""
    recorded = {notice.key for entry in end.entries for notice in entry.notices}
    recorded |= {notice.key for release in end.releases for notice in release.notices}
    came = {key for key, _ in end.world.inbox.came}
    digests = {blob_name(key) for key in came}
    stored = Counter(record.notice.key for record in end.outbox)
    yield from (f"{TWICE} notice {key} is stored {count} times" for key, count in stored.items() if count > 1)
    states = {record.notice.key: record for record in end.outbox}
    for key in recorded:
        record = states.get(key)
        if record is None:
            yield f"{LOST} notice {key} was never posted"
        elif end.posted[key] < end.recorded.get(key, 0):
            yield f"notice {key} was posted before its record was closed"
        elif record.state == "sent" and key not in came:
            yield f"{LOST} notice {key} is marked as sent and never came"
        elif record.digest and record.digest not in digests:
            yield f"{LOST} notice {key} is in a digest that never came"
        elif record.state == "failed" and not all("given up" in d.problem for d in record.deliveries or ()):
            yield f"notice {key} failed: {record.deliveries}"
    yield from (f"people were told {key}, which no record holds" for key in sorted(came - recorded) if _is_ours(key))


def what_is_wrong_is_set_aside(end: FinishedRun) -> Iterator[str]:
    """What contradicts a fact or cannot be read is in quarantine with its notice, and nothing else is."""
    bodies = {item.body for item in end.quarantined}
    for telling in end.story.tellings:
        sides = [bodies & set(telling.bodies), bodies & set(telling.contradicting)]
        if telling.identity is None and not sides[0]:
            yield f"not set aside: {telling.bodies[0][:60]}"
        if telling.contradicting and sum(map(bool, sides)) != 1:
            yield f"{sum(map(bool, sides))} sides of a contradiction are set aside: {telling.identity}"
        bodies -= sides[0] | sides[1] if telling.contradicting or telling.identity is None else set()
    yield from (f"set aside for no reason: {body[:100]}" for body in bodies)
    keys = {record.notice.key for record in end.outbox if record.notice.key.startswith("quarantine/")}
    if len(keys) < len(end.quarantined):
        yield f"{len(end.quarantined)} events were set aside, people hear of {len(keys)}"


def people_are_called_only_where_they_are_needed(end: FinishedRun) -> Iterator[str]:
    """That a service was away for a while makes no message poison."""
    outage, poisoned = end.story.shape.outage, end.world.queues.poisoned
    if outage and outage[0] == AZURE_ML and poisoned:
        yield f"{poisoned} messages were poison because {outage[0]} was away for {outage[2]}"


def _was_frozen(end: FinishedRun, model: str) -> bool:
    versions = end.world.storage.history.get(f"models/{model}.json", ())
    return any(decode(ModelState, version.body).freeze for version in versions)


def _is_ours(key: str) -> bool:
    return not key.startswith(("quarantine/", "storm/", "dead-letters-arrived/"))


def _name(entry: Entry) -> str:
    return f"{entry.fact.kind} {'/'.join(entry.fact.identity)}"
