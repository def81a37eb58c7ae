"""One seeded run: who has its turn, what goes wrong, and what time it is."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar

from shared.errors import AmbiguousWriteError, RetryableError, VigiaError
from tests.simulation.crew import Crew, Hand
from tests.simulation.faults import CALM, JUMPS, PAUSES, SKEWS, Faults, Weather

T = TypeVar("T")
# So late that what takes a while ends on another day.
START = datetime(2026, 11, 20, 23, 50, tzinfo=UTC)
TICK = timedelta(milliseconds=20)
# Seconds after which a write that nobody was told about takes effect, at most.
DELAYS = (1, 30, 300, 3600 * 24)
TROUBLES = ("duplicates", "pauses", "deaths", "refusals", "lost replies", "lost requests", "late writes")


class Killed(BaseException):
    """The worker's process died; nothing may catch it."""


@dataclass(slots=True)
class Worker:
    """A process that does one thing. `asleep_until` is set while it is stopped; `skew` is how wrong its clock is."""

    name: str
    hand: Hand
    skew: timedelta
    asleep_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Landing:
    """A write that nobody was told about and that is still on its way."""

    due: datetime
    label: str
    land: Callable[[], object]


class Run:
    """The state of one run. `mistakes` are exceptions that no code of ours should raise."""

    def __init__(
        self,
        random: Random,
        weather: Weather,
        crew: Crew,
        trace: list[str] | None = None,
        delays: Sequence[int] = DELAYS,
    ) -> None:
        self.random = random
        self.weather = weather
        self.trace = trace
        self.now = START
        self.injected: Counter[str] = Counter()
        self.mistakes: list[str] = []
        self.workers: list[Worker] = []
        self.landings: list[Landing] = []
        self.active: Worker | None = None
        self._crew = crew
        self._delays = delays
        self._count = 0

    # What the ports call, in the thread of the worker that has its turn.

    def worker_clock(self) -> datetime:
        return self.now + self.active.skew if self.active else self.now

    def read(self, where: str, label: str, look: Callable[[], T]) -> T:
        """Return what the service says, if it answers."""
        self._pass(where, label)
        self._refuse_or_die(self._faults(where), label)
        answer = look()
        if self.trace is not None:
            self.note(f"{label} -> {_brief(answer)}")
        return answer

    def write(
        self,
        where: str,
        label: str,
        land: Callable[[], T],
        *,
        is_conditional: bool = False,
        require: Callable[[], None] = lambda: None,
    ) -> T:
        """Have the write take effect, or not, or later, and return its answer, if there is one.

        Args:
            require: raises when it is too late to send it.
        """
        self._pass(where, label)
        require()
        faults = self._faults(where)
        self._refuse_or_die(faults, label, land)
        chance = self.random.random()
        if chance < faults.lose_reply:
            self._count_fault("lost replies", f"{label}: took effect, the reply is lost ({_brief(land())})")
        elif chance < faults.lose_reply + faults.lose_request:
            self._count_fault("lost requests", f"{label}: never arrived")
        elif chance < faults.lose_reply + faults.lose_request + faults.late:
            self._send_off(label, land)
        else:
            answer = land()
            if self.trace is not None:
                self.note(f"{label} -> {_brief(answer)}")
            return answer
        if is_conditional:
            raise AmbiguousWriteError("simulation.ambiguous", f"no answer to {label}")
        raise RetryableError("simulation.no_answer", f"no answer to {label}")

    def _faults(self, where: str) -> Faults:
        return self.weather.at.get(where, self.weather.everywhere)

    def _pass(self, where: str, label: str) -> None:
        """Let others have their turn first, for a moment or for long."""
        self.now += TICK
        chance, worker, faults = self.random.random(), self.active, self._faults(where)
        if worker is None or chance >= faults.switch + faults.sleep:
            return
        if chance < faults.sleep:
            pause = self.random.choice(PAUSES)
            worker.asleep_until = self.now + pause
            self._count_fault("pauses", f"{label}: stopped for {pause} before it")
        worker.hand.pause()

    def _refuse_or_die(self, faults: Faults, label: str, land: Callable[[], object] | None = None) -> None:
        chance = self.random.random()
        if chance < faults.kill:
            self._die(label, land)
        if chance < faults.kill + faults.refuse:
            self._count_fault("refusals", f"{label}: try again")
            raise RetryableError("simulation.refused", f"try {label} again")

    def _die(self, label: str, land: Callable[[], object] | None) -> None:
        fate = self.random.choice(("before", "after", "late")) if land else "before"
        self._count_fault("deaths", f"{label}: died {'while it was on its way' if fate == 'late' else fate + ' it'}")
        if land and fate == "after":
            _landed(land)
        elif land and fate == "late":
            self._send_off(label, land)
        raise Killed

    def _send_off(self, label: str, land: Callable[[], object]) -> None:
        due = self.now + timedelta(seconds=self.random.choice(self._delays) * self.random.random())
        self.landings.append(Landing(due, label, land))
        self._count_fault("late writes", f"{label}: on its way until {self._moment(due)}")

    # What the scheduler calls.

    def start(self, name: str, work: Callable[[], None]) -> None:
        """Have a new worker do `work` until it first loses its turn; in a calm it never does."""
        self._count += 1
        is_calm = self.weather.is_calm
        skew = timedelta(0) if is_calm else self.random.choice(SKEWS)
        worker = Worker(f"w{self._count} {name}", self._crew.hand(), skew)
        self.workers.append(worker)
        self.active = worker
        if is_calm:
            self._guarded(worker, work)
        else:
            worker.hand.begin(lambda: self._guarded(worker, work))
        self.active = None

    def go_on(self, worker: Worker) -> None:
        worker.asleep_until = None
        self.active = worker
        worker.hand.go_on()
        self.active = None

    def awake(self) -> Sequence[Worker]:
        return [w for w in self.workers if w.asleep_until is None or w.asleep_until <= self.now]

    def land_due(self) -> None:
        """Let the writes whose time has come take effect, in any order."""
        due = [landing for landing in self.landings if landing.due <= self.now]
        self.random.shuffle(due)
        for landing in due:
            self.landings.remove(landing)
            self.note(f"a late write lands: {landing.label} -> {_landed(landing.land)}")

    def jump(self) -> None:
        """Let time pass for everybody."""
        self.advance(self.random.choice(JUMPS))

    def advance(self, by: timedelta) -> None:
        self.now += by
        self.note(f"{by} later")
        self.land_due()

    def calm_down(self) -> None:
        """Let everybody wake up and finish without further trouble."""
        self.weather = CALM
        self.note("no more trouble from here on")
        while self.workers:
            self.go_on(self.random.choice(self.workers))

    def note(self, text: str) -> None:
        if self.trace is not None:
            who = self.active.name if self.active else "-"
            self.trace.append(f"{self._moment(self.now)}  {who:<14}  {text}")

    def _count_fault(self, kind: str, text: str) -> None:
        self.injected[kind] += 1
        self.note(f"!! {text}")

    def _guarded(self, worker: Worker, work: Callable[[], None]) -> None:
        try:
            work()
        except Killed:
            pass
        except Exception:
            self.mistakes.append(f"{worker.name}: {traceback.format_exc()}")
        finally:
            self.workers.remove(worker)

    def _moment(self, moment: datetime) -> str:
        passed = moment - START
        hours, rest = divmod(passed.seconds, 3600)
        return f"{passed.days:>2}d {hours:02}:{rest // 60:02}:{rest % 60:02}"


def _landed(land: Callable[[], object]) -> str:
    """Have a write arrive that nobody waits for, and return what the service answered."""
    try:
        return _brief(land())
    except VigiaError as refused:
        return f"refused: {refused}"


def _brief(answer: object) -> str:
    if answer is None:
        return "none"
    etag = getattr(answer, "etag", None)
    return str(etag) if etag else type(answer).__name__
