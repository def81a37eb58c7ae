"""The app's own wiring over fakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.bootstrap import App
from shared.domain.messages import LookAt
from shared.policy.sections.model import Policy
from shared.ports.clock import Clock
from shared.ports.queues import LOOKS
from shared.settings import Settings
from shared.store.retention import APP, DECISIONS
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.data import FakeData
from tests.fakes.publisher import FakePublisher
from tests.fakes.queues import FakeQueues
from tests.fakes.telemetry import FakeTelemetry
from tests.fakes.workspace import FakeWorkspace

BLOBS = ("blobs", "dead_letter_blobs", "decision_blobs", "workspace_files")


class MemoryApp(App):
    """An app as one process has it: of what it does, only what is in the arguments outlives it.

    Args:
        policies: instead of those in the folder of the settings.
        fakes: adapters by their names in `shared/bootstrap/adapters.py`; what is left out is a fake that is empty.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        policies: tuple[Policy, ...] | None = None,
        **fakes: Any,
    ) -> None:
        now = clock or FakeClock()
        made: dict[str, Callable[[], Any]] = {
            **dict.fromkeys(BLOBS, lambda: MemoryBlobStore(now.now)),
            "queue": lambda: FakeQueues(now),
            "workspace": FakeWorkspace,
            "publisher": FakePublisher,
            "telemetry": FakeTelemetry,
            "data": FakeData,
        }
        parts = {name: make() for name, make in made.items() if name not in fakes}
        for name, part in {**parts, **fakes, "settings": settings, "clock": now}.items():
            setattr(self, name, part)
        for part, container in ((self.blobs, APP), (self.decision_blobs, DECISIONS)):
            if isinstance(part, MemoryBlobStore) and self.blobs is not self.decision_blobs:
                part.container = container
        if policies is not None:
            self.policies = policies


def take_looks(app: App) -> None:
    """Take the looks that the timers asked for, as the queue's function does, until none is left to be had now."""
    queues: Any = app.queue
    while body := queues.take(LOOKS):
        app.looks.take(LookAt.from_body(body))


def look_at_models(app: App) -> None:
    """Do what the monitors' timer and its messages come to."""
    app.monitors.ask_for_due()
    take_looks(app)
