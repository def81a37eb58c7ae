"""The whole local system with policies of the test's own, and what its readers see of it."""

from __future__ import annotations

import json
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from local.addresses import ANSWER_SECONDS, Addresses
from local.demo.waiting import Waiting
from local.demo.world import World
from local.system import LocalSystem
from shared.domain.fact import Fact
from shared.domain.ids import ModelName
from shared.events.sent import outgoing
from shared.ports.publisher import OutgoingEvent
from shared.ports.queues import EVENTS
from shared.store.facts.ledger import Entry
from tests.system.conftest import CLOUD

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
POLICY = """\
model: MODEL
kind: tabular
endpoint: {name: MODEL, type: online}
people: {owner: ana@example.com}
retrain: {job: "azureml:JOB@latest", on: [drift], cooldown: 1s}
notify:
  - {on: [training-started, training-failed, event-quarantined], to: [owner], by: [teams]}
"""
# The app itself, but for the time that events wait for a broken policy to be fixed.
APP = f"""\
import importlib.util
from datetime import timedelta
import functions.process

functions.process.BROKEN_POLICY_DELAY = timedelta(seconds=1)
spec = importlib.util.spec_from_file_location("the_app", {str(ROOT / "function_app.py")!r})
the_app = importlib.util.module_from_spec(spec)
spec.loader.exec_module(the_app)
app = the_app.app
"""


class Town:
    """`settings` are the app's, beside those that the local system gives it."""

    def __init__(self, folder: Path, profile: str, settings: Mapping[str, str] | None = None) -> None:
        self.policies = folder / "policies"
        self.policies.mkdir()
        self.write_policy("churn", "train_badly")
        self.write_policy("orphan", "nowhere")
        app_folder = folder / "app"
        app_folder.mkdir()
        (app_folder / "function_app.py").write_text(APP)
        shutil.copy(ROOT / "host.json", app_folder)
        extra = {"VIGIA_POLICIES": str(self.policies), "VIGIA_SWEEP_SCHEDULE": "*/1 * * * * *"}
        extra |= settings or {}
        self.system = LocalSystem(
            Addresses.free(), folder / "work", extra_settings=extra, app_folder=app_folder, profile=profile
        )
        self.world = World(self.system)
        self.app = self.world.app
        self.waiting = Waiting(self.system.require_running, self.world.pulse)

    def write_policy(self, model: str, job: str) -> Path:
        file = self.policies / f"{model}.yaml"
        file.write_text(POLICY.replace("MODEL", model).replace("JOB", job))
        return file

    def until(self, probe: Callable[[], T | None]) -> T:
        """Return the first true value of `probe`."""
        return self.waiting.until("what the test is about", probe)

    def get(self, act: Callable[[], T]) -> T:
        """Return what `act` returns; it is called again as long as the cloud refuses or throttles it."""
        (result,) = self.until(lambda: (act(),))
        return result

    def restart_functions(self) -> None:
        os.environ.pop(CLOUD, None)  # our own client has set it
        self.system.kill_functions()
        self.system.start_functions()

    @property
    def host_log(self) -> str:
        return (self.system.logs / "functions.log").read_text(errors="replace")

    @property
    def source(self) -> str:
        return self.app.settings.workspace_id

    def ask_for_training(self, model: str, request: str) -> None:
        self.app.publisher.publish(
            outgoing.retraining_requested(
                self.source,
                datetime.now(UTC),
                model=ModelName(model),
                request=request,
                reason="a test",
                requested_by="ana@example.com",
            )
        )

    def publish_raw(self, kind: str, data: dict[str, object], identifier: str) -> None:
        """Publish an event of ours with data that nobody checked."""
        event = OutgoingEvent(identifier, kind, self.source, "models/churn", datetime.now(UTC), data)
        self.app.publisher.publish(event)

    def queue(self, body: str) -> None:
        """Put a body straight on the queue, as Event Grid does where a subscription delivers to it."""
        self.app.queue.send(EVENTS, body)

    def entries(self, kind: str, is_of: Callable[[Fact], bool] = lambda _: True) -> list[Entry]:
        entries = (self.app.ledger.entry(key) for key in list(self.app.ledger.keys()))
        return [entry for entry in entries if entry and entry.fact.kind == kind and is_of(entry.fact)]

    def messages(self, kind: str, text: str) -> list[str]:
        """Return the messages of a kind that people got and that say `text`."""
        messages = self.ask("inbox", "messages")
        return [content for message in messages if message["kind"] == kind and text in (content := json.dumps(message))]

    def ask(self, part: str, path: str) -> Any:
        return self.world.ask(part, path)

    def post_alert(self, body: bytes) -> tuple[int, str]:
        request = urllib.request.Request(f"{self.system.addresses.url('functions')}/api/alerts", data=body)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as exc:
            with exc:
                return exc.code, exc.read().decode()
