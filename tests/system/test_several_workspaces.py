"""An app whose own workspace is another one: the emulated workspace is one that workspaces.yaml lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from local.addresses import WORKSPACE
from local.demo.narrator import StoryError
from shared.bootstrap import Workspaces
from shared.domain.fact import RetrainingRequested
from shared.settings import Settings
from tests.system.test_bad_input import register_component
from tests.system.town import Town


class SharedTown(Town):
    """Its models are those of workspace `staging`; the app's own workspace does not even exist."""

    def __init__(self, folder: Path, profile: str) -> None:
        super().__init__(folder, profile, {"VIGIA_WORKSPACE": "ws-of-the-app"})
        settings = Settings.read(self.system.settings)
        listed = {
            "subscription_id": settings.subscription_id,
            "resource_group": settings.resource_group,
            "workspace": WORKSPACE,
            "storage": settings.workspace_storage,
            "container": settings.workspace_container,
            "logs_workspace_id": settings.logs_workspace_id,
        }
        (self.policies / "workspaces.yaml").write_text(yaml.safe_dump({"workspaces": {"staging": listed}}))
        file = self.policies / "churn.yaml"
        file.write_text(file.read_text() + "workspace: staging\n")
        self.first = self.app

    def enter(self) -> None:
        self.app = Workspaces(self.first).app("staging")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, profile: str) -> Iterator[SharedTown]:
    folder = tmp_path_factory.mktemp("shared-town")
    here = SharedTown(folder, profile)
    with here.system:
        here.enter()
        here.get(lambda: register_component(here, folder))
        yield here


def test_a_training_runs_in_its_workspace_and_is_recorded_there(town: SharedTown) -> None:
    town.ask_for_training("churn", "r-1")
    (message,) = town.until(lambda: town.messages("training-failed", "job-"))
    (job,) = [job for job in town.ask("azureml", "jobs") if not job["parent"]]
    assert job["name"] in message
    assert "staging" in json.dumps(message), "it says in which workspace"
    requests = town.entries("retraining-requested", lambda fact: isinstance(fact.body, RetrainingRequested))
    assert [entry.state for entry in requests] == ["done"]
    assert not list(town.first.ledger.keys()), "the app's own workspace has no part in it"


def test_the_command_speaks_of_the_workspace_that_it_is_given(town: SharedTown) -> None:
    town.ask_for_training("churn", "r-2")
    town.until(lambda: town.messages("training-failed", "job-"))
    job = next(job for job in town.ask("azureml", "jobs") if not job["parent"])["name"]
    town.world.vigia("why", job, "--workspace", "staging")
    town.world.vigia("--workspace=staging", "freeze", "churn", "--reason", "a test")
    with pytest.raises(StoryError, match="say it with --workspace staging"):
        town.world.vigia("freeze", "churn", "--reason", "a test")
