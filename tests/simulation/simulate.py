"""Run one seed: trouble first, then a calm in which everything must come to its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from unittest.mock import patch

import azure.functions as func

import shared.bootstrap
from functions.notices import deliver_notice
from functions.process import process
from shared.engine.recovery import arrivals
from shared.errors import VigiaError
from shared.ports.queues import EVENTS, RELEASES
from tests.simulation.controller.sky import Outage
from tests.simulation.crew import Crew
from tests.simulation.faults import weather
from tests.simulation.ports import SimulatedQueue
from tests.simulation.properties import violations
from tests.simulation.run import Run
from tests.simulation.scheduler import Scheduler
from tests.simulation.services import Message
from tests.simulation.stories import Arrival, Story, failing_training, story
from tests.simulation.themes import theme_of
from tests.simulation.world import Parts, World, duplicates

MOST_LOOKS = 400
MOST_ROUNDS = 12
MOST_REPLAYS = 3
ROUND = timedelta(minutes=15)
AFTER_EVERY_LANDING = timedelta(hours=25)
TIMER = timedelta(minutes=1)
STOPPED = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a seed.

    Args:
        violations: each broken promise in a sentence; empty when all were kept.
        injected: how much of each kind of trouble there was.
        facts, jobs, messages, duplicates: how much was done, and how many messages people got twice.
    """

    seed: int
    violations: tuple[str, ...]
    injected: Counter[str]
    facts: int
    jobs: int
    messages: int
    duplicates: int


class Tried(func.QueueMessage):
    """A message as the host hands it over; `dequeue_count` is how often it was taken."""

    def __init__(self, text: str, tries: int) -> None:
        super().__init__(id="1", body=text.encode())
        self._tries = tries

    @property
    def dequeue_count(self) -> int:
        return self._tries


_CREW = Crew()


def simulate(seed: int, parts: Parts | None = None, trace: list[str] | None = None) -> Report:
    """Run the seed and return what came of it; the same seed gives the same run.

    Args:
        parts: production's, or with something broken in them.
        trace: is filled with a line per call and per trouble.
    """
    random, theme = Random(seed), theme_of(seed)
    script = story(random, theme.shape)
    run = Run(random, weather(random, theme.at, share=theme.share), _CREW, trace)
    run.note(f"seed {seed}: {theme.name}")
    poison_every = TIMER if script.shape.flood else 10 * TIMER
    has_policy = script.shape.policy_after is None
    world = World(run, parts or Parts(), script.refused, poison_every, has_policy)
    scheduler = _Scheduler(run, world, script)
    is_app = patch.object(shared.bootstrap, "get_workspaces", lambda: world.workspaces)
    with is_app, patch.object(arrivals, "PEEK_LIMIT", SimulatedQueue.page):
        scheduler.trouble()
        is_quiet = scheduler.calm()
    broken = (*run.mistakes, *violations(world, script, is_quiet=is_quiet))
    return Report(
        seed,
        broken,
        run.injected,
        facts=sum(telling.identity is not None for telling in script.tellings),
        jobs=len(world.azureml.jobs),
        messages=len(world.inbox.came),
        duplicates=duplicates(world.inbox.came),
    )


class _Scheduler(Scheduler):
    def __init__(self, run: Run, world: World, story: Story) -> None:
        super().__init__(run, world.queues)
        self.world = world
        self._start = run.now
        self._arrivals = list(story.arrivals)
        self._ends: list[Arrival] = []  # of a training that was not submitted yet: nobody tells of it before it is
        stopped_after = story.shape.stopped_after
        self._stop = None if stopped_after is None else self._start + stopped_after
        self._policy_at = None if story.shape.policy_after is None else self._start + story.shape.policy_after
        if story.shape.outage:
            area, status, length = story.shape.outage
            world.sky.outages.append(Outage(area, self._start, self._start + length, status))

    def trouble(self) -> None:
        """Let workers and troubles take turns until nothing is left to do, or long enough."""
        for _ in range(MOST_LOOKS):
            self._deliver(self.run.now)
            self.run.land_due()
            if self._stop and self.run.now >= self._stop:
                self._be_stopped()
            if self._policy_at and self.run.now >= self._policy_at:
                self._add_policy()
            if not (self._arrivals or self.run.workers or self.queues.messages or self._stop):
                return
            self._look()

    def calm(self) -> bool:
        """Let everything come to its end without trouble; False when something is still open after many rounds."""
        self.run.calm_down()
        if self._policy_at:
            self._add_policy()
        self._deliver(datetime.max.replace(tzinfo=self.run.now.tzinfo))
        for _ in range(MOST_ROUNDS):
            self.run.advance(ROUND)
            self.queues.replay(self.run.now)
            self._drain()
            self.run.start("sweep", self.world.tick)
            self._drain()
            if self._is_quiet():
                if self._ends:
                    self._tell_ends()
                    continue
                if not self.run.landings:
                    return True
                self.run.advance(AFTER_EVERY_LANDING)
        return False

    def _look(self) -> None:
        chance = self.run.random.random()
        if self.disturb(chance):
            return
        if chance > 0.95:
            self.run.start("sweep", self._sweep)
        elif chance > 0.95 - self.run.weather.lift and self.world.lift_freezes():
            self.run.note("!! a person lifts the freezes")
        else:
            self.give_a_turn()

    def due(self) -> list[datetime]:
        moments = [self._start + arrival.delay for arrival in self._arrivals[:1]]
        return [*moments, self.run.now + TIMER] if self._stop else moments

    def wait(self) -> None:
        if moment := self.next_moment():
            self.run.advance(moment - self.run.now)
        self.run.start("sweep", self._sweep)

    def _be_stopped(self) -> None:
        """Let two weeks go by in which nobody works, and messages that were not made to stay are dropped."""
        self._stop = None
        self.run.advance(STOPPED)
        self.queues.expire(self.run.now)

    def _add_policy(self) -> None:
        self._policy_at = None
        self.run.note("!! the first model's policy is there from now on")
        self.world.add_policy()

    def _deliver(self, until: datetime) -> None:
        if failing_training() in self.world.azureml.jobs:
            self._tell_ends()
        while self._arrivals and self._start + self._arrivals[0].delay <= until:
            self._ends.append(self._arrivals.pop(0))
            if failing_training() not in self._ends[-1].body or failing_training() in self.world.azureml.jobs:
                self._send(self._ends.pop())

    def _tell_ends(self) -> None:
        while self._ends:
            self._send(self._ends.pop(0))

    def _send(self, arrival: Arrival) -> None:
        self.run.note(f"delivered: {arrival.body[:100]}")
        self.queues.send(EVENTS, arrival.body, self.run.now)

    def _drain(self) -> None:
        """Work on every visible message, one after the other."""
        while visible := self.queues.visible(self.run.now):
            self.take(self.run.random.choice(visible))

    def handle(self, message: Message, tries: int) -> None:
        """Call what the Functions host calls."""
        if message.queue == RELEASES:
            self.world.settle(message.text)
        else:
            (process if message.queue == EVENTS else deliver_notice)(Tried(message.text, tries))

    def _sweep(self) -> None:
        try:
            self.world.tick()
        except VigiaError as exc:
            self.run.note(f"the sweep ends early: {exc}")

    def _is_quiet(self) -> bool:
        queues, listed = self.queues, self.world.storage.list
        is_open = any(
            item.metadata.get("state") in {"claimed", "pending"}
            or item.metadata.get("notices") == "unposted"
            or item.metadata.get("settled") == "no"
            for item in listed("")
        )
        return not (queues.messages or queues.poison or is_open)
