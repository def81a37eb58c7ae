"""Who has the next turn: a message, a worker or a trouble, as the seed chooses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime, timedelta

from shared.errors import RetryableError, VigiaError
from tests.simulation.run import Run
from tests.simulation.services import Message, Queues

MOST_WORKERS = 4


class Scheduler(ABC):
    """Hands the messages of a run to workers. `taken` counts them.

    `retry_after` is how long a message that failed is hidden.
    """

    retry_after = timedelta(0)

    def __init__(self, run: Run, queues: Queues) -> None:
        self.run, self.queues = run, queues
        self.taken = 0

    @abstractmethod
    def handle(self, message: Message, tries: int) -> None:
        """Do what production does with the message; a VigiaError gives it back."""

    @abstractmethod
    def wait(self) -> None:
        """Let time pass: nobody has anything to do."""

    @abstractmethod
    def due(self) -> list[datetime]:
        """Return when something of the run's own story happens."""

    def disturb(self, chance: float) -> bool:
        """Return whether, by that chance (0 to 1), time jumped or a message was put on its queue twice."""
        weather, messages = self.run.weather, self.queues.messages
        if chance < weather.jump:
            self.run.jump()
        elif chance < weather.jump + weather.duplicate and messages:
            copy = self.run.random.choice(list(messages.values()))
            self.queues.send(copy.queue, copy.text, self.run.now)
            self.run.injected["duplicates"] += 1
            self.run.note(f"!! message {copy.number} of {copy.queue} is there twice")
        else:
            return False
        return True

    def give_a_turn(self) -> None:
        awake, visible = self.run.awake(), self.queues.visible(self.run.now)
        has_room = len(self.run.workers) < MOST_WORKERS
        if visible and has_room and (not awake or self.run.random.random() < 0.5):
            self.take(self.run.random.choice(visible))
        elif awake:
            self.run.go_on(self.run.random.choice(awake))
        else:
            self.wait()

    def next_moment(self) -> datetime | None:
        """Return when something can happen next."""
        moments = self.due()
        moments += [message.visible_at for message in self.queues.messages.values()]
        moments += [worker.asleep_until for worker in self.run.workers if worker.asleep_until]
        moments += [landing.due for landing in self.run.landings]
        return min((moment for moment in moments if moment > self.run.now), default=None)

    def take(self, message: Message) -> None:
        self.taken += 1
        receipt = self.queues.take(message, self.run.now)
        name = f"{message.queue} {message.number}"
        self.run.note(f"{name} is taken, try {receipt}: {message.text[:60]}")
        self.run.start(name, lambda: self._work(message, receipt))

    def _work(self, message: Message, receipt: int) -> None:
        try:
            self.handle(message, receipt)
        except VigiaError as exc:
            self.run.note(f"the message goes back: {exc}")
            self.queues.give_back(message, receipt, self.run.now + self.retry_after)
            return
        try:
            self.run.write("messages w", "delete the message", lambda: self.queues.delete(message, receipt))
        except RetryableError:
            self.run.note("the message stays until its time is up")
