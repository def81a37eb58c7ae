"""One app that serves two workspaces: each message, event and page goes to the one that it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shared.bootstrap
from functions import timers
from functions.notices import deliver_notice
from functions.process import process
from functions.reconcile import reconcile
from shared.adapters.storage.queues import WorkspaceQueue
from shared.bootstrap import App, Workspaces
from shared.bootstrap.workspaces import SharedParts
from shared.domain.ids import ModelName
from shared.domain.messages import address_of, addressed
from shared.domain.notice import Notice, NoticeKind
from shared.errors import PermanentError, RetryableError, SettingsError
from shared.events.sent import outgoing
from shared.policy.reading.problems import PolicyProblemsError
from shared.policy.reading.workspaces import load_workspaces
from shared.ports.channels import Message, Recipient
from shared.ports.queues import EVENTS, NOTICES, RELEASES, poison_queue, text_digest
from shared.settings import Settings
from tests.fakes.app import MemoryApp
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.queues import FakeQueues
from tests.fakes.workspace import FakeWorkspace
from tests.settings import settings_for
from tests.unit.engine import fact_world
from tests.unit.events.wire import WORKSPACE, cloud

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
WORKSPACES = """\
workspaces:
  staging:
    environment: staging
    subscription_id: 00000000-0000-0000-0000-000000000001
    resource_group: rg-fake
    workspace: ws-fake
    storage: https://stfake.blob.core.windows.net
    container: azureml-blobstore-fake
    logs_workspace_id: 00000000-0000-0000-0000-000000000003
"""
POLICY = """\
model: {model}
kind: tabular
endpoint: {{name: churn, type: online}}
people: {{owner: ana@example.com, approvers: [ben@example.com]}}
{workspace}
evaluate: {{job: "azureml:evaluate_churn@latest", data: "azureml:customers@latest"}}
gates: [{{metric: roc_auc, at_least: 0.7}}]
rollout:
  strategy: blue-green
  bake: 15m
  judge: {{errors: {{worse_by_at_most: 1%}}, false_rollbacks: 1%, on_no_data: hold}}
retrain:
  job: azureml:train_churn@latest
  inputs: {{data: "azureml:customers@latest"}}
  on: [new-data]
  cooldown: 6h
  at_most: 4 per day
budget: [{{at: 100%, do: [notify, freeze-retraining]}}]
"""


class OtherApp(SharedParts, MemoryApp):
    """An app of a further workspace; the queues, the people and the policies are the first one's."""

    def __init__(self, settings: Settings, first: App) -> None:
        queue = WorkspaceQueue(first.queue, settings.workspace_name)
        super().__init__(settings, first.clock, queue=queue, workspace=FakeWorkspace())
        self.first = first


class Mailbox:
    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, message: Message, to: Recipient) -> None:
        del to
        self.sent.append(message)


class Town:
    """Two workspaces, both with a model `churn` on an endpoint `churn`, the second one also with a model `fraud`."""

    def __init__(self, folder: Path) -> None:
        (folder / "workspaces.yaml").write_text(WORKSPACES)
        (folder / "churn.yaml").write_text(POLICY.format(model="churn", workspace=""))
        (folder / "churn-staging.yaml").write_text(POLICY.format(model="churn", workspace="workspace: staging"))
        fraud = POLICY.format(model="fraud", workspace="workspace: staging").replace("name: churn", "name: fraud")
        (folder / "fraud.yaml").write_text(fraud)
        self.clock = FakeClock(NOW)
        self.queues = FakeQueues(self.clock)
        self.first = MemoryApp(settings_for(VIGIA_POLICIES=str(folder)), self.clock, queue=self.queues)
        self.workspaces = Workspaces(self.first, OtherApp)
        self.staging = self.workspaces.app("staging")
        for app in (self.first, self.staging):
            for model in ("churn", "fraud"):
                app.workspace.register(model, "7")  # type: ignore[attr-defined]

    def process(self, body: str) -> None:
        process(func.QueueMessage(id="1", body=body.encode()))

    def releases(self) -> dict[str, list[str]]:
        return {
            app.settings.workspace_name: [item.id for item in app.releases.items()]
            for app in self.workspaces.apps().values()
        }


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    made = Town(tmp_path)
    monkeypatch.setattr(shared.bootstrap, "get_app", lambda: made.first)
    monkeypatch.setattr(shared.bootstrap, "get_workspaces", lambda: made.workspaces)
    return made


def test_an_event_opens_a_release_in_the_workspace_that_it_names_and_in_no_other(town: Town) -> None:
    town.process(fact_world.registered("7"))
    assert town.releases() == {"": [], "staging": ["churn-7"]}
    town.process(fact_world.registered("7", topic=town.first.settings.workspace_id))
    assert town.releases() == {"": ["churn-7"], "staging": ["churn-7"]}


def test_a_release_is_woken_in_its_own_workspace(town: Town) -> None:
    town.process(fact_world.registered("7"))
    for _ in range(3):
        body = town.queues.take(RELEASES)
        assert body is not None
        assert address_of(body)[0] == "staging"
        reconcile(func.QueueMessage(id="1", body=body.encode()))
        town.clock.advance(timedelta(minutes=5))
    assert town.staging.workspace.jobs, "it is evaluated there"  # type: ignore[attr-defined]
    assert not town.first.workspace.jobs  # type: ignore[attr-defined]


def test_an_event_of_our_topic_goes_to_whose_policies_it_concerns(town: Town) -> None:
    def request_for(model: str, source: str) -> str:
        return cloud(
            outgoing.retraining_requested(
                source, NOW, model=ModelName(model), request="r", reason="x", requested_by="ana@example.com"
            )
        )

    anywhere = "https://example.com/ci"
    town.process(request_for("fraud", anywhere))
    assert {
        app.settings.workspace_name
        for app in town.workspaces.apps().values()
        if app.models.read(ModelName("fraud")).trainings
    } == {"staging"}
    town.process(request_for("churn", anywhere))
    trained = [bool(app.models.read(ModelName("churn")).trainings) for app in town.workspaces.apps().values()]
    assert trained == [True, True], "an event that names no workspace concerns each that has such a model"


def test_a_budget_counts_for_every_workspace_that_it_covers(town: Town) -> None:
    def crossed(scope: str) -> str:
        return cloud(
            outgoing.budget_alert(
                f"{scope}/providers/Microsoft.Consumption/budgets/ml",
                NOW,
                budget_name="ml",
                basis="actual",
                percent=100,
                amount=1000,
                spent=1001,
                currency="EUR",
                period_start=NOW.date().replace(day=1),
            )
        )

    def frozen() -> list[bool]:
        return [bool(app.models.read(ModelName("churn")).freeze) for app in town.workspaces.apps().values()]

    group = "/subscriptions/00000000-0000-0000-0000-000000000001"
    town.process(crossed(f"{group}/resourceGroups/rg-fake"))
    assert frozen() == [False, True]
    town.process(crossed(group))
    assert frozen() == [True, True]


def test_a_file_in_the_storage_of_a_workspace_is_its_data(town: Town) -> None:
    town.process(fact_world.blob_created("paths/x.csv"))
    assert list(town.staging.ledger.keys())
    assert not list(town.first.ledger.keys())


@pytest.mark.parametrize("body", ["{", "[]x", '{"id": 1}'])
def test_what_cannot_be_read_is_set_aside_once(town: Town, body: str) -> None:
    town.process(body)
    assert len(list(town.first.quarantine.waiting())) == 1


def test_one_workspace_that_does_not_answer_keeps_no_other_waiting(town: Town) -> None:
    town.first.workspace.errors["model"] = [RetryableError("workspace.retry", "away")]  # type: ignore[attr-defined]
    batch = (
        "["
        + fact_world.registered("7", topic=town.first.settings.workspace_id)
        + ","
        + fact_world.registered("7", id="event-2")
        + "]"
    )
    with pytest.raises(RetryableError):
        town.process(batch)
    assert town.releases() == {"": [], "staging": ["churn-7"]}
    town.process(batch)
    assert town.releases() == {"": ["churn-7"], "staging": ["churn-7"]}


def test_a_notice_says_which_workspace_and_links_there(town: Town) -> None:
    mailbox = Mailbox()
    town.staging.outbox.channels["email"] = mailbox  # type: ignore[index]
    notice = Notice(NoticeKind.APPROVAL_NEEDED, "k", ModelName("churn"), {"version": "7"}, "/api/approvals/churn-7")
    town.staging.outbox.post([notice])
    body = town.queues.take(NOTICES)
    assert body is not None
    deliver_notice(func.QueueMessage(id="1", body=body.encode()))
    (message, *_) = mailbox.sent
    assert ("Workspace", "staging") in message.facts
    assert message.button is not None
    assert message.button.url.endswith("/api/approvals/churn-7?workspace=staging")


def test_every_timer_has_its_turn_in_every_workspace(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[object] = []

    def fail(self: object) -> None:
        ran.append(self)
        if self is town.first.schedules:
            raise RetryableError("storage.unreachable", "down")

    monkeypatch.setattr(type(town.first.schedules), "run", fail)
    with pytest.raises(RetryableError):
        timers.schedules.build().get_user_function()(None)
    assert ran == [town.first.schedules, town.staging.schedules]
    for name in ("sweep", "monitors", "registry_poll"):
        getattr(timers, name).build().get_user_function()(None)
    for app in town.workspaces.apps().values():
        assert {"sweep", "monitors", "registry_poll"} <= set(app.watchdog.timers.read_awaiting(app.settings.schedules))


@given(st.sampled_from(["staging", "a1", "prod-eu"]), st.text())
def test_an_address_comes_off_as_it_was_put_on(workspace: str, body: str) -> None:
    assert address_of(addressed(workspace, body)) == (workspace, body)
    assert addressed("", body) == body


def test_poison_is_shown_and_moved_where_it_belongs(town: Town) -> None:
    poison = poison_queue(RELEASES)
    town.queues.send(poison, '{"release": "a"}')
    town.queues.send(poison, addressed("staging", '{"release": "b"}'))
    assert [waiting.text for waiting in town.first.own_queue.peek(poison)] == ['{"release": "a"}']
    assert [waiting.text for waiting in town.staging.own_queue.look_through(poison)] == ['{"release": "b"}']
    moved = town.staging.own_queue.move(poison, [text_digest('{"release": "b"}')], RELEASES)
    assert moved == {text_digest('{"release": "b"}')}
    assert town.queues.texts(RELEASES) == [addressed("staging", '{"release": "b"}')]
    assert town.queues.texts(poison) == ['{"release": "a"}']


def test_events_travel_without_an_address(town: Town) -> None:
    town.staging.queue.send(EVENTS, "{}")
    assert town.queues.texts(EVENTS) == ["{}"]


def test_a_message_of_a_workspace_that_is_listed_no_more_is_refused(town: Town) -> None:
    with pytest.raises(PermanentError, match="lists no workspace 'gone'"):
        reconcile(func.QueueMessage(id="1", body=addressed("gone", '{"release": "a"}').encode()))


def test_a_name_that_had_another_workspace_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "workspaces.yaml").write_text(WORKSPACES)
    clock = FakeClock(NOW)
    blobs = MemoryBlobStore(clock.now)

    def make(settings: Settings, first: App) -> App:
        return MemoryApp(settings, first.clock, blobs=blobs)

    first = MemoryApp(settings_for(VIGIA_POLICIES=str(tmp_path)), clock)
    Workspaces(first, make).app("staging")
    Workspaces(first, make).app("staging")
    (tmp_path / "workspaces.yaml").write_text(WORKSPACES.replace("ws-fake", "ws-other"))
    with pytest.raises(SettingsError, match=r"are those of .*ws-fake, not of .*ws-other"):
        Workspaces(first, make).app("staging")


def test_the_workspace_of_the_settings_may_not_be_listed_too(tmp_path: Path) -> None:
    own = WORKSPACES.replace("rg-fake", "rg-local").replace("ws-fake", "ws-local")
    (tmp_path / "workspaces.yaml").write_text(own)
    with pytest.raises(SettingsError, match="staging is the workspace that VIGIA_WORKSPACE names"):
        Workspaces(MemoryApp(settings_for(VIGIA_POLICIES=str(tmp_path)))).app("staging")


def test_the_settings_of_a_workspace_keep_what_is_the_apps(tmp_path: Path) -> None:
    (tmp_path / "workspaces.yaml").write_text(
        WORKSPACES + "    identity_client_id: 00000000-0000-0000-0000-00000000000a\n"
    )
    (listed,) = load_workspaces(tmp_path)
    settings = settings_for(VIGIA_IDENTITY_CLIENT_ID="own").at(listed)
    assert settings.workspace_id == WORKSPACE
    assert (settings.identity_client_id, settings.workspace_identity_client_id[-1]) == ("own", "a")
    assert settings.topic_endpoint == settings_for().topic_endpoint


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("workspaces: {Staging: {}}", "'Staging' is not the name of a workspace"),
        (WORKSPACES.replace("resource_group", "group"), "resource_group: is missing"),
        (WORKSPACES.replace("https://stfake.blob.core.windows.net", "AccountName=a;AccountKey=b"), "holds a key"),
        (WORKSPACES + WORKSPACES.partition("\n")[2].replace("staging:", "other:"), "is the same workspace as staging"),
        ("- a\n", "workspaces.yaml:1"),
    ],
)
def test_every_mistake_has_its_line_and_a_remedy(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "workspaces.yaml"
    file.write_text(text)
    with pytest.raises(PolicyProblemsError) as raised:
        load_workspaces(tmp_path)
    assert problem in str(raised.value)


def test_a_policy_of_a_workspace_that_is_not_listed_is_refused(town: Town) -> None:
    file = town.first.settings.policies / "fraud.yaml"
    file.write_text(file.read_text().replace("workspace: staging", "workspace: stagin"))
    with pytest.raises(PolicyProblemsError, match=r"fraud.yaml:5: workspace: 'stagin' is not listed .* mean staging\?"):
        _ = town.first.policies


def test_while_workspaces_cannot_be_read_the_first_one_goes_on(town: Town) -> None:
    (town.first.settings.policies / "workspaces.yaml").write_text("workspaces: 1\n")
    again = town.workspaces = Workspaces(town.first, OtherApp)
    assert again.readable_names == ("",)
    assert again.app("") is town.first
    body = addressed("staging", '{"release": "churn-7"}')
    reconcile(func.QueueMessage(id="1", body=body.encode()))
    assert town.queues.texts(RELEASES) == [body], "it waits for the file"
