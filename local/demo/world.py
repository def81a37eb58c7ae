"""What the story can see and touch: the stores, the workspace, and the emulators' own logs."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any

from local.addresses import ANSWER_SECONDS, Addresses
from local.demo.narrator import StoryError
from local.flights.workspace_files import WorkspaceFiles
from local.system import LocalSystem
from shared.bootstrap import App
from shared.domain.ids import EndpointName, ModelName, ReleaseId
from shared.domain.releases.release import Release
from shared.ports.queues import EVENTS, NOTICES
from shared.settings import Settings
from shared.store.facts.ledger import Entry
from shared.store.monitors.monitors import MonitorRun

MODEL = ModelName("flight-delay")
ENDPOINT = EndpointName("flight-delay")


class World:
    """Reads what the running app wrote; nothing here comes from the story itself."""

    def __init__(self, system: LocalSystem) -> None:
        self.addresses: Addresses = system.addresses
        self._settings_file = system.settings_file
        self.app = App(Settings.read(system.settings))
        self.files = WorkspaceFiles.at(system.addresses)

    @property
    def client(self) -> Any:
        """The MLClient of a user of the workspace."""
        return self.app.workspace.ml

    def ask(self, part: str, path: str) -> Any:
        """Return what an emulator shows under `/_local/`."""
        url = f"{self.addresses.url(part)}/_local/{path}"
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:
            content = answer.read().decode()
            return json.loads(content) if answer.headers.get_content_type() == "application/json" else content

    def vigia(self, *arguments: str) -> None:
        """Run the `vigia` command as a person would.

        Raises:
            StoryError: it failed, with what it printed.
        """
        # By its own file: a local.settings.json in the caller's folder is somebody else's.
        arguments = (*arguments, "--settings", str(self._settings_file))
        command = [sys.executable, "-c", "from cli.main import main; main()", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS)
        if done.returncode != 0:
            raise StoryError(f"vigia {' '.join(arguments)} failed: {done.stderr or done.stdout}")

    def entries(self) -> Iterator[Entry]:
        for key in self.app.ledger.keys():  # noqa: SIM118 (a ledger is no mapping)
            entry = self.app.ledger.entry(key)
            if entry is not None:
                yield entry

    def release(self, version: str) -> Release | None:
        stored = self.app.releases.load(ReleaseId(f"{MODEL}-{version}"))
        return None if stored is None else stored.release

    def releases(self) -> list[Release]:
        stored = (self.app.releases.load(item.id) for item in self.app.releases.items())
        return sorted(
            (record.release for record in stored if record is not None), key=lambda release: release.opened_at
        )

    def monitor_runs(self) -> tuple[MonitorRun, ...]:
        state, _ = self.app.monitor_states.read(MODEL)
        return state.runs if state else ()

    def monitor_verdicts(self) -> tuple[str, ...]:
        """Return every look's result, oldest first; of the looks themselves only the newest are stored."""
        reports = self.app.monitor_reports.newest(MODEL, most=sys.maxsize)
        return tuple(report.verdict for report in reversed(reports) if report.verdict)

    def models_by_job(self) -> Counter[str]:
        """Return how many versions of the model each job registered."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return Counter(model.job_name for model in self.client.models.list(name=MODEL) if model.job_name)
        except ResourceNotFoundError:
            return Counter()

    def traffic(self) -> dict[str, int]:
        """Return the endpoint's traffic as Azure ML answers it, without zeros."""
        endpoint = self.app.workspace.endpoint(ENDPOINT)
        return {str(name): share for name, share in endpoint.traffic.items() if share} if endpoint else {}

    def scoring(self) -> tuple[str, str]:
        """Return the endpoint's scoring URI and key."""
        endpoints = self.client.online_endpoints
        return endpoints.get(ENDPOINT).scoring_uri, endpoints.get_keys(ENDPOINT).primary_key

    def jobs(self) -> list[dict[str, Any]]:
        """Return the jobs that somebody submitted, without the steps inside them."""
        return [job for job in self.ask("azureml", "jobs") if not job["parent"]]

    def pulse(self) -> object:
        """Return a value that differs whenever the system has made progress; drift that lasts is none."""
        entries = [(entry.fact.key, entry.state) for entry in self.entries() if entry.fact.kind != "drift-detected"]
        releases = [(release.id, len(release.history), release.phase, release.judgement) for release in self.releases()]
        jobs = [(job["name"], job["status"]) for job in self.ask("azureml", "jobs")]
        return entries, releases, jobs, len(self.ask("inbox", "messages"))

    def is_at_rest(self) -> bool:
        """Return whether everything that was set in motion has come to rest."""
        if not self.ask("eventgrid", "idle")["idle"] or any(map(self.app.queue.length, (EVENTS, NOTICES))):
            return False
        return not any(self.app.ledger.open_keys()) and not self.app.outbox.undelivered()

    def post_alert(self, body: dict[str, Any]) -> None:
        """Call the alert endpoint as an action group does.

        Raises:
            StoryError: it did not accept the alert.
        """
        request = urllib.request.Request(
            f"{self.addresses.url('functions')}/api/alerts",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            if answer.status != 202:
                raise StoryError(f"the alert endpoint answered {answer.status}")
