"""A worker process: it takes messages off the queues as the Functions host does, and runs the app's own functions.

    KILL_AT=after:events:create:ledger/:1 python -m tests.chaos.worker

The app's settings come from the environment, as in Azure. Where a worker is to die (KILL_AT) or to freeze (STOP_AT) is
read here and nowhere else; the ports are wired for it, the code that runs is the product's. Of several points, written
with commas, the first that it comes to counts.
"""

from __future__ import annotations

import json
import os
import signal
import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import Any

import azure.functions as func
from azure.core.exceptions import HttpResponseError
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

from functions import look, notices, process, reconcile, timers
from shared.adapters.storage.blobs import create_if_missing
from shared.bootstrap import App, get_app
from shared.engine.monitors import looks
from shared.engine.notices import bursts, outbox
from shared.policy.sections.model import Policy
from shared.ports.queues import LOOKS, poison_queue
from shared.reactions.retrain_section import Retrain
from tests.chaos import breaks
from tests.chaos.fuse import Fuse, Wired, WiredBlobs, WiredWorkspace, queue_of
from tests.chaos.points import Errand, Point

AGAIN_AFTER_SECONDS = 1
# As in host.json.
MOST_DEQUEUES = 5
SWEEP_SECONDS = 1.5
BURST_WINDOW = timedelta(seconds=6)
IDLE_SECONDS = 0.15

ERRANDS: Mapping[Errand, Any] = {
    "events": process.process,
    "notices": notices.deliver_notice,
    "releases": reconcile.reconcile,
}


def function(trigger: Any) -> Callable[..., None]:
    """Return the function under the trigger's decorators."""
    return trigger._function.get_user_function()  # type: ignore[no-any-return]


class Journal:
    """One file for all workers: a line is one write, so that nothing is torn or lost when its writer dies."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if path else -1

    def tell(self, record: Mapping[str, object]) -> None:
        if self._file >= 0:
            os.write(self._file, (json.dumps({"pid": os.getpid(), **record}) + "\n").encode())


class Worker:
    """Lives until it is killed, has nothing more to do, or is frozen and woken again."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._journal = Journal(environment.get("CHAOS_JOURNAL", ""))
        self._kill_at, self._stop_at = environment.get("KILL_AT", ""), environment.get("STOP_AT", "")
        where = self._kill_at or self._stop_at
        self.fuse = Fuse(
            points=frozenset(map(Point.read, filter(None, where.split(",")))),
            deed=self._die if self._kill_at else self._freeze,
            tell=self._journal.tell,
            is_traced="CHAOS_TRACE" in environment,
        )
        self._sweeps = "CHAOS_SWEEPS" in environment
        self._queues = tuple(queue for queue in ERRANDS if queue not in environment.get("CHAOS_LEAVES", ""))
        # A message whose worker died comes back after this long; on Azure that takes ten minutes.
        self._hidden = int(environment.get("CHAOS_HIDDEN_SECONDS", "3"))
        self._life = float(environment.get("CHAOS_LIFE_SECONDS", "120"))
        self._idle_limit = float(environment.get("CHAOS_IDLE_SECONDS", "1.5"))
        if "CHAOS_OVERDUE_SECONDS" in environment:
            outbox.OVERDUE_AFTER = timedelta(seconds=float(environment["CHAOS_OVERDUE_SECONDS"]))
        # Minutes on Azure, too.
        for module in (bursts, outbox):
            module.WINDOW = BURST_WINDOW  # type: ignore[attr-defined]
        looks.PASS_LEASE = BURST_WINDOW
        self.app = wire(get_app(), self.fuse)
        breaks.apply(environment.get("CHAOS_BREAK", ""), self.app)

    def live(self) -> None:
        """Work until nothing has come for a while, or until this worker has slept: a zombie ends with its errand."""
        born = idle_since = time.monotonic()
        next_sweep = 0.0
        while time.monotonic() - born < self._life and not self.fuse.has_burnt:
            now = time.monotonic()
            if self._sweeps and now > next_sweep:
                self._sweep()
                # Where a sweep takes long, messages must have their time, too.
                next_sweep = time.monotonic() + max(SWEEP_SECONDS, 3 * (time.monotonic() - now))
            had_work = [self._errand(queue) for queue in self._queues]
            if any(had_work):
                idle_since = time.monotonic()
            elif now - idle_since > self._idle_limit:
                return
            else:
                time.sleep(IDLE_SECONDS)

    def _errand(self, queue: Errand) -> bool:
        """Take one message and settle it; False when the queue has none."""
        self.fuse.begin(queue)
        client = self._queue(queue)
        message = self.fuse.guard("receive", queue, lambda: client.receive_message(visibility_timeout=self._hidden))
        if message is None:
            return False
        if (message.dequeue_count or 0) > MOST_DEQUEUES:
            # As the host does. Many doomed workers may have had it in turn: a person puts it back once all is quiet.
            self._journal.tell({"what": "poison", "queue": queue})
            self._poison(queue).send_message(message.content, time_to_live=-1)
            self._settle(lambda: client.delete_message(message))
        elif self._handle(queue, message):
            self.fuse.guard("delete", queue, lambda: self._settle(lambda: client.delete_message(message)))
        else:
            self._settle(lambda: client.update_message(message, visibility_timeout=AGAIN_AFTER_SECONDS))
        return True

    def _handle(self, queue: Errand, message: QueueMessage) -> bool:
        body = b64decode(message.content)
        try:
            function(ERRANDS[queue])(func.QueueMessage(id=message.id, body=body))
        except Exception as exc:
            self._journal.tell({"what": "error", "errand": queue, "error": f"{type(exc).__name__}: {exc}"[:500]})
            return False
        return True

    def _sweep(self) -> None:
        self.fuse.begin("sweep")
        try:
            for queue in self._queues:
                self._put_back(queue)
            function(timers.sweep)(None)
            self._look()
        except Exception as exc:
            self._journal.tell({"what": "error", "errand": "sweep", "error": f"{type(exc).__name__}: {exc}"[:500]})

    def _look(self) -> None:
        """Take the looks that the sweep asked for, which are a part of its work."""
        client = self._queue(LOOKS)
        for message in client.receive_messages():
            function(look.look)(func.QueueMessage(id=message.id, body=b64decode(message.content)))
            client.delete_message(message)

    def _put_back(self, queue: Errand) -> None:
        """Put back what stands on a queue's poison queue, as a person does."""
        poison, client = self._poison(queue), self._queue(queue)
        for message in poison.receive_messages():
            client.send_message(message.content, time_to_live=-1)
            poison.delete_message(message)

    def _settle(self, settle: Callable[[], object]) -> None:
        """Delete or put back; a message that somebody else has by now is his."""
        try:
            settle()
        except HttpResponseError as exc:
            self._journal.tell({"what": "receipt", "error": str(exc.status_code)})

    def _poison(self, queue: Errand) -> QueueClient:
        client = self._queue(poison_queue(queue))
        create_if_missing(client)
        return client

    def _queue(self, name: str) -> QueueClient:
        return self._service.get_queue_client(name)

    @cached_property
    def _service(self) -> QueueServiceClient:
        return QueueServiceClient.from_connection_string(self.app.settings.storage)

    def _die(self, point: Point) -> None:
        self._journal.tell({"what": "killed", "point": str(point)})
        os.kill(os.getpid(), signal.SIGKILL)

    def _freeze(self, point: Point) -> None:
        self._journal.tell({"what": "frozen", "point": str(point)})
        os.kill(os.getpid(), signal.SIGSTOP)
        self._journal.tell({"what": "woken", "point": str(point)})


def wire(app: App, fuse: Fuse) -> App:
    """Put the fuse into every port that the app writes through; before any part of it is built."""
    app.blobs = WiredBlobs(app.blobs, fuse)
    app.queue = Wired(app.queue, fuse, queue_of)
    app.decision_blobs = WiredBlobs(app.decision_blobs, fuse)
    app.workspace = WiredWorkspace(app.workspace, fuse)  # type: ignore[assignment]
    app.policies = tuple(map(_without_cooldown, app.policies))
    channels_by_name = app.outbox.channels.items()
    channels = {name: Wired(channel, fuse, lambda _, name=name: name) for name, channel in channels_by_name}  # type: ignore[misc]
    app.outbox = replace(app.outbox, channels=channels)
    return app


def _without_cooldown(policy: Policy) -> Policy:
    """Return the policy as no file may have it: every request trains, however fast they come."""
    sections = {
        name: section.model_copy(update={"cooldown": timedelta(0)}) if isinstance(section, Retrain) else section
        for name, section in policy.sections.items()
    }
    return replace(policy, sections=sections)


def main() -> None:
    Worker(os.environ).live()


if __name__ == "__main__":
    main()
