"""Run one seed: trouble first, then a calm in which every release must end, or people have been told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from shared.domain.ids import ReleaseId
from shared.errors import VigiaError
from shared.ports.queues import RELEASES
from tests.simulation.controller.clicks import do
from tests.simulation.controller.properties import violations
from tests.simulation.controller.sky import Outage
from tests.simulation.controller.story import Click, Damage, Story, story
from tests.simulation.controller.themes import theme_of
from tests.simulation.controller.world import Parts, World
from tests.simulation.crew import Crew
from tests.simulation.faults import weather
from tests.simulation.ports import release_of
from tests.simulation.run import START, Run
from tests.simulation.scheduler import Scheduler
from tests.simulation.services import MOST_TRIES, Message

MOST_LOOKS = 3_000
TROUBLE_LASTS = timedelta(hours=7)
# Longer than anything waits before it calls people again.
CALM_LASTS = timedelta(minutes=40)
MOST_CALMS = 4
AFTERWARDS = timedelta(minutes=20)
TIMER = timedelta(minutes=1)
# What a service has accepted it does within a minute, and so does a network.
DELAYS = (1, 20, 60)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a seed."""

    seed: int
    violations: tuple[str, ...]
    injected: Counter[str]
    states: Counter[str]
    looks: int


_CREW = Crew()


def simulate(seed: int, parts: Parts | None = None, trace: list[str] | None = None) -> Report:
    """Run the seed and return what came of it; the same seed gives the same run.

    Args:
        parts: production's, or with something broken in them.
        trace: is filled with a line per call and per trouble.
    """
    random, theme = Random(seed), theme_of(seed)
    script = story(random, theme.shape)
    trouble = weather(random, theme.at, share=theme.share)
    run = Run(random, replace(trouble, jump=trouble.jump / 4, lift=0.0), _CREW, trace, DELAYS)
    run.note(f"seed {seed}: {theme.name}")
    world = World(run, parts or Parts(), script)
    scheduler = _Scheduler(run, world, script)
    scheduler.trouble()
    scheduler.calm()
    broken = (*run.mistakes, *violations(world, script, is_exact=theme.share == 0 and not theme.at))
    return Report(seed, broken, run.injected, world.states(), scheduler.taken)


class _Scheduler(Scheduler):
    retry_after = timedelta(seconds=5)

    def __init__(self, run: Run, world: World, story: Story) -> None:
        super().__init__(run, world.queues)
        self.world, self.story = world, story
        self._clicks = sorted((*story.openings, *story.clicks), key=lambda opening: opening.delay)
        self._damages = sorted(story.damages, key=lambda damage: damage.delay)
        self._timer = START + TIMER
        last = [click.delay for click in (*story.clicks, *story.openings)] + [damage.delay for damage in story.damages]
        last += [gap.delay + min(gap.length, TROUBLE_LASTS) for gap in story.gaps]
        self._end = START + max(last) + AFTERWARDS
        for gap in story.gaps:
            start = START + gap.delay
            world.sky.outages.append(Outage(gap.area, start, start + gap.length, gap.status))

    def trouble(self) -> None:
        """Let workers and troubles take turns until nothing is left to do, or long enough."""
        for _ in range(MOST_LOOKS):
            if self.run.now > self._end or self._is_over():
                return
            self._look()

    def calm(self) -> None:
        """Let everything come to its end: services answer, records are repaired, and people give up what holds."""
        self.run.calm_down()
        self._clicks.clear()
        self._damages.clear()
        self.world.sky.clear(self.run.now)
        self.world.repair()
        for _ in range(MOST_CALMS):
            self._go_on_until(self.run.now + CALM_LASTS)
            if self.world.is_settled():
                break
            for release in self.world.held():
                self._click(Click(self.run.now - START, "abort", release.model, release.version))
        self.run.advance(timedelta(minutes=20))
        self.world.sweep()
        self.world.sweep()

    def _go_on_until(self, end: datetime) -> None:
        while self.run.now < end and not self._is_over():
            if visible := self.queues.visible(self.run.now):
                self.take(self.run.random.choice(visible))
            else:
                self.wait()

    def _look(self) -> None:
        self._happen()
        if not self.disturb(self.run.random.random()):
            self.give_a_turn()

    def _happen(self) -> None:
        """Let what is due happen: late writes, clicks, damage, the timer."""
        run = self.run
        run.land_due()
        while self._clicks and START + self._clicks[0].delay <= run.now:
            self._click(self._clicks.pop(0))
        while self._damages and START + self._damages[0].delay <= run.now:
            self._damage(self._damages.pop(0))
        if self._timer <= run.now:
            self._timer = run.now + TIMER
            if self.world.is_overdue() or run.random.random() < 0.05:
                run.start("timer", self.world.sweep)

    def _click(self, click: Click) -> None:
        self.run.note(f"!! {click.who} clicks: {click.what} {click.model} {click.version}")

        def work() -> None:
            try:
                do(self.world, self.story, click)
            except VigiaError as exc:
                self.run.note(f"{click.what}: {exc}")

        self.run.start(f"{click.who.partition('@')[0]} {click.what}", work)

    def _damage(self, damage: Damage) -> None:
        if self.world.damage(damage):
            self.run.note(f"!! {damage.blob} is damaged: {damage.how}")

    def due(self) -> list[datetime]:
        return [START + c.delay for c in self._clicks[:1]] + [START + d.delay for d in self._damages[:1]]

    def wait(self) -> None:
        """Go to the next moment at which something can happen; the timer's is one only if it has work."""
        nearest = self.next_moment() or self.run.now + TIMER
        if self.world.is_overdue():
            nearest = min(nearest, max(self._timer, self.run.now))
        self.run.advance(nearest - self.run.now)
        self._happen()

    def handle(self, message: Message, tries: int) -> None:
        assert message.queue == RELEASES
        if self.run.active:
            self.world.looking[self.run.active.name] = ReleaseId(release_of(message.text))
        self.world.reconciler.handle(message.text, is_last_try=tries >= MOST_TRIES)

    def _is_over(self) -> bool:
        return not (self._clicks or self.run.workers or self.run.landings) and self.world.is_settled()
