"""The five acts of the demo. Each act does what people or the world would do, and waits for Vigia to react."""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from local.demo.approver import Browser
from local.demo.narrator import Narrator, StoryError
from local.demo.traffic import BackgroundTraffic
from local.demo.world import MODEL, World
from local.flights.bad_version import make_bad_package, register_bad_version
from local.flights.data import flights
from local.flights.register import register_components, register_data, register_environment
from local.flights.replay import Load
from shared.domain.releases.release import Release, ReleaseState
from shared.store.monitors.monitors import MonitorRun

# A machine that is too slow for so much gets less of it: more at a time would fail for want of cores, not by the model.
LOAD = Load(requests_per_second=70, rows_per_request=32, pending_at_most=6)
FRESH_ROWS = 6000
APPROVER = "ben@example.com"
# A month is shown in about fifteen looks.
LOOKS_AT_MOST = 60


@dataclass
class Story:
    world: World
    narrator: Narrator
    asks_a_person: bool
    traffic: BackgroundTraffic | None = None

    def tell(self) -> None:
        """Play all acts.

        Raises:
            StoryError: something that should happen did not.
        """
        self._prepare()
        self._first_version()
        self._drift()
        self._challenger()
        self._bad_version()
        self._budget()

    def stop(self) -> None:
        if self.traffic is not None:
            self.traffic.stop()
            self.traffic = None

    def _prepare(self) -> None:
        self.narrator.act("Before the curtain: a workspace with training code and two months of flights")
        # The SDK draws progress bars of its own on standard error.
        with contextlib.redirect_stderr(io.StringIO()):
            self.narrator.get("registering the environment", lambda: register_environment(self.world.client))
            components = self.narrator.get("registering", lambda: register_components(self.world.client))
        self.narrator.happened(f"registered the components {', '.join(components)}")
        self._land_data("1", flights((1, 2)), flights((3,)), "January and February to train on, March to judge by")

    def _land_data(self, version: str, training: pd.DataFrame, fresh: pd.DataFrame, what: str) -> None:
        """Register training data, and labelled flights that are newer than it for the gates."""
        labelled = fresh.sample(FRESH_ROWS, random_state=0).sort_index()
        for name, frame in (("flights", training), ("flights-labelled", labelled)):
            land = partial(register_data, self.world.client, self.world.files, name, version, frame)
            self.narrator.get(f"registering {name}", land)
        self.narrator.happened(f"{len(training) + len(labelled):,} labelled flights arrived: {what}")

    def _first_version(self) -> None:
        self.narrator.act("1 · The first version")
        ask = ("events", "trigger", "retraining-requested", "--model", MODEL)
        self.world.vigia(*ask, "--reason", "first version", "--by", "ana@example.com")
        self.narrator.say("Ana asks for a first version: vigia events trigger retraining-requested")
        self._wait_for_training(number=1)
        release = self._wait_for_release("1", ReleaseState.FINISHED)
        self.narrator.happened(f"version 1 serves everyone: {release.reason}")

    def _drift(self) -> None:
        self.narrator.act("2 · The year goes on")
        self.traffic = BackgroundTraffic(*self.narrator.get("the endpoint's address", self.world.scoring), LOAD)
        self.traffic.play(3)
        self.narrator.say(f"March flies: {LOAD.requests_per_second * LOAD.rows_per_request:,.0f} flights a second")
        calm = self._wait_for_monitor({"no-drift", "drift"}, since=datetime.now(UTC))
        if calm.verdict == "drift":
            raise StoryError(f"the monitor cried wolf in March: {calm.sentence}")
        self.narrator.happened(calm.sentence)
        july = flights((7,))
        is_first_half = july["time_hour"].astype(str) < "2013-07-16"
        training = pd.concat([flights((5, 6)), july[is_first_half]])
        self._land_data("2", training, july[~is_first_half], "up to mid-July to train on, the rest to judge by")
        self.traffic.play(7)
        self.narrator.say("July flies: holidays, storms, other destinations")
        drift = self._wait_for_monitor({"drift"}, since=datetime.now(UTC))
        self.narrator.happened(drift.sentence)
        self._wait_for_training(number=2)

    def _challenger(self) -> None:
        self.narrator.act("3 · The challenger")
        self._approve("2")
        release = self._wait_for_release("2", ReleaseState.FINISHED)
        self._judged(release)
        self.narrator.happened(f"version 2 was promoted, traffic is {self._shares()}")

    def _bad_version(self) -> None:
        self.narrator.act("4 · A bad version")
        with tempfile.TemporaryDirectory() as folder:
            champion, bad = Path(folder) / "champion", Path(folder) / "weather"
            self.narrator.get("downloading version 2", lambda: self._download_champion(champion))
            make_bad_package(champion, bad)
            figures = self.narrator.get("the figures of version 2", lambda: self._figures("2"))
            tags = {"change": "asks a weather service", **figures}
            register = partial(register_bad_version, self.world.client, self.world.files, bad, MODEL, tags)
            registered = self.narrator.get("registering version 3", register)
        self.narrator.say(f"somebody registers version {registered.version}, which asks a weather service")
        self._approve("3")
        release = self._wait_for_release("3", ReleaseState.ROLLED_BACK)
        self._judged(release)
        self.narrator.happened(f"version 3 was rolled back, traffic is {self._shares()}")

    def _figures(self, version: str) -> dict[str, str]:
        """Return what the version's training measured: the package holds the same model, in other code."""
        registered = self.world.client.models.get(MODEL, version)
        tags = self.world.client.jobs.get(registered.job_name).tags if registered.job_name else {}
        return {name: value for name, value in tags.items() if name.endswith("_roc_auc")}

    def _budget(self) -> None:
        self.narrator.act("5 · The budget")
        alert = budget_alert(datetime.now(UTC))
        self.narrator.get("telling of the budget", lambda: self.world.post_alert(alert))
        self.narrator.say("Azure's action group calls: the budget of 1,000 USD is spent")
        frozen = self.narrator.wait("retraining is frozen", lambda: self.world.app.models.read(MODEL).freeze)
        self.narrator.happened(f"retraining is frozen: {frozen.reason}")
        if self.traffic is None:
            raise StoryError("the traffic has ended")
        jobs_before = len(self.world.jobs())
        self.traffic.play(1)
        self.narrator.say("January flies again: other destinations than in the summer that version 2 learned from")
        drift = self._wait_for_monitor({"drift"}, since=datetime.now(UTC))
        self.narrator.happened(drift.sentence)
        reason = self.narrator.wait("the drift is answered", self._suppressed_training)
        if len(self.world.jobs()) != jobs_before:
            raise StoryError("a job was started although retraining is frozen")
        self.narrator.happened(f"no job was started: {reason}")

    def _suppressed_training(self) -> str | None:
        for entry in self.world.entries():
            for outcome in entry.outcomes:
                if (
                    outcome.reaction == "start-training"
                    and outcome.status == "suppressed"
                    and "frozen" in outcome.detail
                ):
                    return outcome.detail
        return None

    def _wait_for_training(self, number: int) -> None:
        def ended() -> dict[str, Any] | None:
            trainings = [job for job in self.world.jobs() if "vigia.cause" in job["tags"]]
            job = trainings[number - 1] if len(trainings) >= number else None
            if job and job["status"] in {"Failed", "Canceled"}:
                raise StoryError(f"job {job['name']} {job['status']}: {job['error']}; its log is {job['log']}")
            return job if job and job["status"] == "Completed" else None

        job = self.narrator.wait("a training job runs", ended)
        self.narrator.happened(f"{job['name']} completed; why: {job['tags']['vigia.cause']}")

    def _wait_for_monitor(self, verdicts: set[str], since: datetime) -> MonitorRun:
        """Return the first look at a window that ended after `since` with one of these verdicts.

        Raises:
            StoryError: several looks have another verdict: no other flights will come.
        """
        looks: dict[datetime, str] = {}

        def matching_look() -> MonitorRun | None:
            runs = [run for run in self.world.monitor_runs() if run.end > since]
            looks.update({run.end: run.sentence for run in runs if run.verdict in {"drift", "no-drift"}})
            look = next((run for run in runs if run.verdict in verdicts), None)
            if look is None and len(looks) >= LOOKS_AT_MOST:
                raise StoryError(f"the monitor looked {len(looks)} times and said last: {looks[max(looks)]}")
            return look

        return self.narrator.wait("the monitor looks at the next window", matching_look, lambda: len(looks))

    def _approve(self, version: str) -> None:
        """Have the release approved on its page, by the simulated approver or by the person at the browser."""

        def awaiting_approval() -> Release | None:
            release = self.world.release(version)
            if release and release.state.is_terminal:
                raise StoryError(f"release {release.id} is {release.state}: {release.reason}")
            # The question is put to people right after the state was stored; until then its page does not exist.
            has_question = release is not None and self.world.app.approvals.question(release.id) is not None
            return release if release and has_question and release.state is ReleaseState.AWAITING_APPROVAL else None

        release = self.narrator.wait(f"version {version} passes its gates", awaiting_approval)
        for gate in release.gate_results:
            self.narrator.happened(f"gate {gate.gate}: {gate.reason}")
        path = f"/api/approvals/{release.id}"
        if self.asks_a_person:
            self.narrator.say(f"waiting for you: {self.world.addresses.url('functions')}{path} (sign in as {APPROVER})")
        else:
            browser = Browser(self.world.addresses.url("functions"), APPROVER)
            browser.sign_in()
            self.narrator.get("deciding", lambda: browser.decide(path, "approve", "the gates convince me"))

        def decided() -> bool:
            now = self.world.release(version)
            return now is not None and now.state is not ReleaseState.AWAITING_APPROVAL

        self.narrator.wait("the approval is decided", decided, self._a_person_thinks)
        self.narrator.happened(f"{'you' if self.asks_a_person else 'Ben'} approved version {version} on its page")

    def _a_person_thinks(self) -> object:
        """Return a value that always changes while a person is asked; the question itself expires."""
        return time.monotonic() if self.asks_a_person else None

    def _wait_for_release(self, version: str, state: ReleaseState) -> Release:
        printed_steps: list[int] = []
        entered: list[ReleaseState] = []

        def ended() -> Release | None:
            release = self.world.release(version)
            if release is None:
                return None
            if release.state not in entered and not release.state.is_terminal:
                entered.append(release.state)
                self.narrator.say(f"version {version} is {release.state.replace('_', ' ')}")
            for step in release.traffic_steps[len(printed_steps) :]:
                printed_steps.append(step)
                self.narrator.happened(f"version {version} has {step} % of the traffic (read back)")
            if release.state is state:
                return release
            if release.state.is_terminal:
                raise StoryError(f"release {release.id} is {release.state}, not {state}: {release.reason}")
            return None

        return self.narrator.wait(f"the release of version {version} goes on", ended)

    def _judged(self, release: Release) -> None:
        if release.judgement is not None:
            self.narrator.say(f"last judgement: {release.judgement.verdict}, {release.judgement.reason}")

    def _shares(self) -> str:
        traffic = self.narrator.get("the endpoint's traffic", self.world.traffic)
        return ", ".join(f"{name} {share} %" for name, share in traffic.items())

    def _download_champion(self, folder: Path) -> None:
        self.world.files.download_folder(self.world.client.models.get(MODEL, version="2").path, folder)


def budget_alert(now: datetime) -> dict[str, Any]:
    """Return what an action group posts when 100 % of a budget are spent, in the common alert schema."""
    subscription = "/subscriptions/00000000-0000-0000-0000-000000000001"
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {
                "monitoringService": "CostAlerts",
                "firedDateTime": now.isoformat(),
                "description": "Your spend for budget ml-team is now $1,012.50 exceeding your specified threshold.",
                "essentialsVersion": "1.0",
                "alertContextVersion": "1.0",
                "alertId": f"{subscription}/providers/Microsoft.CostManagement/alerts/ml-team",
                "alertRule": None,
                "severity": None,
                "signalType": None,
                "monitorCondition": "Fired",
                "alertTargetIDs": None,
                "configurationItems": ["budgets"],
                "originAlertId": None,
            },
            "alertContext": {
                "AlertCategory": "budgets",
                "AlertData": {
                    "Scope": f"{subscription}/",
                    "ThresholdType": "Actual",
                    "BudgetType": "Cost",
                    "BudgetThreshold": "$1,000.00",
                    "NotificationThresholdAmount": "$1,000.00",
                    "BudgetName": "ml-team",
                    "BudgetId": f"{subscription}/providers/Microsoft.Consumption/budgets/ml-team",
                    "BudgetStartDate": f"{now:%Y-%m}-01",
                    "BudgetCreator": "carla@example.com",
                    "Unit": "USD",
                    "SpentAmount": "$1,012.50",
                },
            },
        },
    }
