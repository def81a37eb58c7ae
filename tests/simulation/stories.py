"""What is told in a run: facts, each by one or more events, on time, twice, late, out of order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from random import Random

from shared.domain.ids import JobName, ModelName
from shared.events.sent import outgoing
from tests.unit.engine.fact_world import THEN, budget, data_arrived, drift, registered, run_ended
from tests.unit.events.wire import WORKSPACE, cloud, fact_from, grid

MODELS = (ModelName("churn"), ModelName("fraud"))
LATE = (timedelta(0), timedelta(seconds=40), timedelta(minutes=4), timedelta(hours=5), timedelta(days=3))


@dataclass(frozen=True, slots=True)
class Telling:
    """A fact and the bodies that tell it, or something that is no fact.

    Args:
        identity: kind and identity of the fact; None for what cannot be understood.
        contradicting: bodies that tell the same fact with other values; whichever side comes second is set aside.
    """

    identity: tuple[str, ...] | None
    bodies: tuple[str, ...]
    contradicting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that Event Grid's delivery puts on the queue, so long after the start."""

    delay: timedelta
    body: str


@dataclass(frozen=True, slots=True)
class Shape:
    """How many facts of which sort a story has.

    Args:
        trainings: facts that want to train one model.
        elsewhere: facts that want to train another model.
        copies: how often a fact may be delivered.
        late: how long after the first delivery the others may come.
        burst: facts of which one kind of notice tells about one model, more than go out one by one.
        flood: facts about one model, more than can be seen of a poison queue.
        outage: what nobody can read from the start on, and the answer; for so long.
        passing: facts that concern no policy.
        policy_after: when, from the start on, the first model's policy is added; None where it is there from the start.
        stopped_after: when, from the start on, the app is stopped for two weeks; None for never.
        spread_minutes: the facts begin to be told within so many minutes, counted from one of `hours`.
    """

    trainings: int = 2
    elsewhere: int = 0
    releases: int = 0
    freezes: int = 0
    others: int = 0
    passing: int = 0
    wrongs: int = 0
    burst: int = 0
    flood: int = 0
    outage: tuple[str, str, timedelta] | None = None
    stopped_after: timedelta | None = None
    policy_after: timedelta | None = None
    copies: tuple[int, ...] = (1, 2, 2, 3)
    late: tuple[timedelta, ...] = LATE
    spread_minutes: float = 8
    hours: tuple[float, ...] = (0, 0, 0, 0, 5.5, 8)


@dataclass(frozen=True, slots=True)
class Story:
    tellings: tuple[Telling, ...]
    arrivals: tuple[Arrival, ...]
    refused: frozenset[str]
    shape: Shape

    @property
    def may_pass(self) -> set[tuple[str, ...]]:
        """Return the facts that concern no policy, and those of which no event comes once they concern one."""
        since = self.shape.policy_after or timedelta(0)
        late = [arrival.body for arrival in self.arrivals if arrival.delay >= since]
        concerned = [telling for telling in self.tellings if telling not in _pool().passing]
        acting = {t.identity for t in concerned if any(body in text for body in t.bodies for text in late)}
        return {telling.identity for telling in self.tellings if telling.identity} - acting


def story(random: Random, shape: Shape) -> Story:
    """Return what is told in this run; sometimes Azure ML refuses one model's jobs for good."""
    pool = _pool()
    tellings = (
        *random.sample(pool.trainings, shape.trainings),
        *random.sample(pool.elsewhere, shape.elsewhere),
        *random.sample(pool.releases, shape.releases),
        *random.sample(pool.freezes, shape.freezes),
        *random.sample(pool.others, shape.others),
        *random.sample(pool.passing, shape.passing),
        *random.sample(pool.wrongs, shape.wrongs),
        *random.sample(pool.burst, shape.burst),
        *random.sample(pool.flood, shape.flood),
    )
    arrivals = [arrival for telling in tellings for arrival in _deliveries(telling, shape, random)]
    if random.random() < 0.2:
        first, second = random.sample(arrivals, 2)
        if "{" not in (first.body, second.body):
            arrivals.append(Arrival(first.delay, f"[{first.body},{second.body}]"))
    arrivals.sort(key=lambda arrival: arrival.delay)
    refused = frozenset({str(random.choice(MODELS))}) if random.random() < 0.1 else frozenset[str]()
    return Story(tellings, tuple(arrivals), refused, shape)


def _deliveries(telling: Telling, shape: Shape, random: Random) -> Iterator[Arrival]:
    minutes = random.random() * shape.spread_minutes
    reported_at = timedelta(hours=random.choice(shape.hours), minutes=minutes)
    for number in range(random.choice(shape.copies)):
        late = random.choice(shape.late) if number else timedelta(0)
        yield Arrival(reported_at + late, telling.bodies[number % len(telling.bodies)])
    for body in telling.contradicting:
        yield Arrival(reported_at + random.choice(LATE), body)


@dataclass(frozen=True, slots=True)
class _Pool:
    """What can be told. Building it takes longer than a run."""

    trainings: tuple[Telling, ...]
    elsewhere: tuple[Telling, ...]
    releases: tuple[Telling, ...]
    freezes: tuple[Telling, ...]
    others: tuple[Telling, ...]
    passing: tuple[Telling, ...]
    wrongs: tuple[Telling, ...]
    burst: tuple[Telling, ...]
    flood: tuple[Telling, ...]


@cache
def failing_training() -> JobName:
    """Return the training that the first drift sets off, should it do so: it fails."""
    return JobName(f"job-{fact_from(drift('7@0')).key[:16]}-1")


@cache
def _pool() -> _Pool:
    job_3 = (run_ended("RunCompleted", "Completed", run="job-3"), run_ended("RunStatusChanged", "Failed", run="job-3"))
    trainings = [_fact(drift(f"7@{run}")) for run in range(4)]
    trainings += [_fact(data_arrived()), _fact(_requested(MODELS[0]))]
    seventh = _fact(registered("7"), registered("7", id="event-2", eventTime="2026-11-20T07:01:03Z"))
    others = [_fact(budget(80)), _fact(run_ended("RunStatusChanged", "Failed", run="job-2"))]
    others += [_fact(run_ended("RunCompleted", "Completed"), run_ended("RunStatusChanged", "completed"))]
    others += [_fact(run_ended("RunStatusChanged", "Failed", run=failing_training()))]
    nonsense = json.dumps({"id": "x", "eventType": "Microsoft.MachineLearningServices.ModelRegistered"})
    return _Pool(
        trainings=tuple(trainings),
        elsewhere=(_fact(drift("3@1", model=MODELS[1])), _fact(_requested(MODELS[1]))),
        releases=(seventh, _fact(registered("8")), _fact(registered("8", model=MODELS[1])), _fact(_hint())),
        freezes=(_fact(budget(100)),),
        others=tuple(others),
        passing=tuple(_fact(registered(str(version), model="unwatched")) for version in range(4)),
        wrongs=(Telling(_identity(job_3[0]), job_3[:1], job_3[1:]), Telling(None, ("{",)), Telling(None, (nonsense,))),
        burst=tuple(_fact(drift(f"8@{run}")) for run in range(12)),
        flood=tuple(_fact(drift(f"8@{run}")) for run in range(100, 120)),
    )


def _fact(*bodies: str) -> Telling:
    """Return the telling of one fact; our own events are told under a second event id too."""
    again = tuple(_under_another_id(body) for body in bodies)
    return Telling(_identity(bodies[0]), (*bodies, *again))


def _under_another_id(body: str) -> str:
    return json.dumps({**json.loads(body), "id": "told-again"})


def _identity(body: str) -> tuple[str, ...]:
    fact = fact_from(body)
    return (fact.kind, *fact.identity)


def _requested(model: ModelName) -> str:
    arguments = {"request": f"r-{model}", "reason": "a new region", "requested_by": "ana@example.com"}
    return cloud(outgoing.retraining_requested(WORKSPACE, THEN, model=model, **arguments))


def _hint() -> str:
    data = {"ModelName": "churn", "ModelVersion": "7", "Hint": "h-1", "ModelTags": {}}
    return json.dumps(grid("ModelRegistered", data))
