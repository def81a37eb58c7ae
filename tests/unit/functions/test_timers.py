"""What should run again and again and does not is told by what still runs, to people whom the policies name."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import azure.functions as func
import pytest

import functions.timers as timers
import shared.bootstrap
from functions.look import look
from functions.notices import deliver_notice
from shared.domain.notice import Notice, NoticeKind
from shared.engine.monitors.look import MonitorLook
from shared.errors import RetryableError
from shared.ports.channels import Message, Recipient
from shared.ports.queues import LOOKS, NOTICES
from shared.settings import Settings
from shared.store.monitors.beats import Beats
from tests.unit.cli.world import SAMPLE, FakeApp
from tests.unit.engine.fact_world import Killed

POLICY = """\
model: {name}
kind: tabular
endpoint: {{name: {name}, type: online}}
people: {{owner: {name}@example.com}}
monitor: {{every: 1h, data_drift: {{}}}}
"""


class Mailbox:
    """The channel `email`, which keeps what it was given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Message]] = []

    def send(self, message: Message, to: Recipient) -> None:
        self.sent.append((to.email, message))


class TimerApp(FakeApp):
    """Two models with monitors; `tick` runs the timers, as the host does, at a moment of each, and delivers."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        for name in ("first", "second"):
            (folder / f"{name}.yaml").write_text(POLICY.format(name=name))
        values = json.loads(SAMPLE.read_text(encoding="utf-8"))["Values"]
        schedules = {
            "VIGIA_SWEEP_SCHEDULE": "0 * * * * *",
            "VIGIA_MONITOR_SCHEDULE": "0 */5 * * * *",
            "VIGIA_SCHEDULES_SCHEDULE": "30 * * * * *",
            "VIGIA_POLL_SCHEDULE": "0 */15 * * * *",
        }
        self.settings = Settings.read({**values, **schedules, "VIGIA_POLICIES": str(folder)})
        self.mailbox = Mailbox()
        self.outbox.channels["email"] = self.mailbox  # type: ignore[index]
        self.looked: list[str] = []
        self.stopped: set[str] = set()

    def tick(self, **updated: float) -> None:
        self.time.advance(timedelta(**updated))
        for name in ("sweep", "monitors", "schedules", "registry_poll"):
            if name not in self.stopped:
                run = getattr(timers, name).build().get_user_function()
                try:
                    run(None)
                except Killed:
                    continue
        while body := self.queues.take(LOOKS):
            with suppress(Killed):
                look(func.QueueMessage(id="1", body=body.encode()))
        while body := self.queues.take(NOTICES):
            deliver_notice(func.QueueMessage(id="1", body=body.encode()))

    def notices(self, kind: NoticeKind) -> list[Notice]:
        sent = (record for record in self.outbox.store.records() if record.state == "sent")
        return [record.notice for record in sent if record.notice.kind is kind]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TimerApp:
    made = TimerApp(tmp_path)
    monkeypatch.setattr(shared.bootstrap, "get_app", lambda: made)
    return made


@pytest.fixture
def killed(app: TimerApp, monkeypatch: pytest.MonkeyPatch) -> TimerApp:
    """The app, in which each look at the first model ends its worker."""

    def deployment(self: MonitorLook, policy: object) -> None:
        app.looked.append(policy.model)  # type: ignore[attr-defined]
        if policy.model == "first":  # type: ignore[attr-defined]
            raise Killed

    monkeypatch.setattr(MonitorLook, "deployment", deployment)
    return app


def test_two_days_of_killed_looks_are_reported_and_the_other_model_is_looked_at(killed: TimerApp) -> None:
    for _ in range(48):
        killed.tick(hours=1)
    notices = killed.notices(NoticeKind.MONITOR_TROUBLE)
    assert {notice.model for notice in notices} == {"first"}
    assert "ended from outside" in notices[0].parameters["reason"]
    assert killed.looked.count("second") >= 23
    assert {to for to, message in killed.mailbox.sent if message.kind is NoticeKind.MONITOR_TROUBLE} == {
        "first@example.com"
    }


def test_a_killed_look_is_reported_within_three_intervals(killed: TimerApp) -> None:
    for _ in range(3):
        killed.tick(hours=1)
    assert killed.notices(NoticeKind.MONITOR_TROUBLE) == []
    killed.tick(hours=1)
    assert len(killed.notices(NoticeKind.MONITOR_TROUBLE)) == 1


@pytest.mark.parametrize("stopped", ["sweep", "monitors", "schedules", "registry_poll"])
def test_a_timer_that_never_runs_is_reported_by_the_others(app: TimerApp, stopped: str) -> None:
    app.stopped = {stopped}
    for _ in range(20):
        app.tick(minutes=5)
    parts = {notice.parameters["part"] for notice in app.notices(NoticeKind.NOT_RUNNING)}
    # The sweep asks for the looks at endpoints.
    assert parts == {stopped} | ({"endpoints"} if stopped == "sweep" else set())
    assert {to for to, _ in app.mailbox.sent} == {"first@example.com", "second@example.com"}


@pytest.mark.parametrize("part", ["registry_poll", "sweep", "schedules"])
def test_a_timer_that_is_killed_each_time_is_reported(
    app: TimerApp, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(self: object) -> None:
        raise Killed

    monkeypatch.setattr(type(getattr(app, part)), "run", die)
    for _ in range(20):
        app.tick(minutes=5)
    (notice,) = (notice for notice in app.notices(NoticeKind.NOT_RUNNING) if notice.parameters["part"] == part)
    assert f"timer {part} has not run to its end since" in notice.parameters["reason"]
    assert "did not" in notice.parameters["reason"]


def test_timers_that_run_tell_nothing(app: TimerApp) -> None:
    for _ in range(300):
        app.tick(minutes=5)
    assert app.notices(NoticeKind.NOT_RUNNING) == []
    assert app.notices(NoticeKind.MONITOR_TROUBLE) == []


def test_a_broken_policy_file_is_reported_to_its_owner_and_to_the_others(app: TimerApp) -> None:
    file = app.settings.policies / "first.yaml"
    file.write_text(file.read_text() + "monitr: {\n")
    app.stopped = {"monitors", "registry_poll", "schedules"}  # each raises what is wrong with the file

    app.tick(minutes=1)

    (notice,) = app.notices(NoticeKind.NOT_RUNNING)
    assert "first.yaml" in notice.parameters["reason"]
    assert {to for to, _ in app.mailbox.sent} == {"first@example.com", "second@example.com"}


def test_storage_that_does_not_answer_the_watchdog_stops_no_timer(
    app: TimerApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise RetryableError("storage.retry", "away")

    ran: list[str] = []
    for name in ("read", "begin", "end"):
        monkeypatch.setattr(Beats, name, down)
    monkeypatch.setattr(type(app.schedules), "run", lambda _: ran.append("schedules"))
    timers.schedules.build().get_user_function()(None)
    assert ran == ["schedules"]
