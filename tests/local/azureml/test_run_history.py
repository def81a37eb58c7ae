"""What the real MLClient reads from run history: a pipeline's steps, the log as it grows, outputs, changed texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from azure.ai.ml import Output, command, dsl
from azure.ai.ml.constants import _common
from azure.ai.ml.entities import CommandComponent
from azure.ai.ml.exceptions import JobException

from local.addresses import ACCOUNT
from tests.local.azureml.conftest import System


@pytest.fixture(scope="module")
def pipeline(system: System) -> str:
    """A pipeline that ended, of one step that writes one output."""
    step = CommandComponent(
        name="writer",
        version="1",
        command="echo written > ${{outputs.o}}/a.txt && echo said",
        environment="azureml:env:1",
        outputs={"o": {"type": "uri_folder"}},
    )

    @dsl.pipeline(None, compute="cpu-cluster", experiment_name="history")
    def one() -> None:
        step()

    made = system.ml.jobs.create_or_update(one())
    assert system.wait_for_job(made.name) == "Completed"
    return str(made.name)


@pytest.fixture
def loopback_storage(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK makes storage addresses itself, with https; they can't be set."""
    url = system.addresses.url("blob") + f"/{ACCOUNT}"
    for kind in list(_common.STORAGE_ACCOUNT_URLS):
        monkeypatch.setitem(_common.STORAGE_ACCOUNT_URLS, kind, url)


def test_steps_of_a_pipeline_are_listed_and_read(system: System, pipeline: str) -> None:
    (child,) = system.ml.jobs.list(parent_job_name=pipeline)

    assert (child.display_name, child.status) == ("writer", "Completed")
    assert child.experiment_name == "history"


def test_log_is_streamed_until_the_job_has_ended(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    job = command(command="echo in the log; sleep 2; exit 3", environment="azureml:env:1", compute="cpu-cluster")
    made = system.ml.jobs.create_or_update(job)

    with pytest.raises(JobException, match="exit code 3"):
        system.ml.jobs.stream(made.name)

    assert "in the log" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK's own use of azure-storage-blob
@pytest.mark.usefixtures("loopback_storage")
def test_logs_and_outputs_are_downloaded(system: System, pipeline: str, tmp_path: Path) -> None:
    step = next(iter(system.ml.jobs.list(parent_job_name=pipeline))).name

    system.ml.jobs.download(pipeline, download_path=tmp_path / "all")
    system.ml.jobs.download(step, download_path=tmp_path / "one", output_name="o")

    assert "said" in (tmp_path / "all/artifacts/user_logs/std_log.txt").read_text()
    assert (tmp_path / "one/named-outputs/o/a.txt").read_text() == "written\n"


def test_texts_of_a_fetched_job_change_and_an_archived_one_is_hidden(system: System) -> None:
    outputs = {"o": Output(type="uri_folder")}
    job = command(command="true", environment="azureml:env:1", compute="cpu-cluster", tags={"a": "b"}, outputs=outputs)
    name = system.ml.jobs.create_or_update(job).name
    fetched = system.ml.jobs.get(name)
    fetched.display_name = "renamed"
    fetched.tags["c"] = "d"

    changed = system.ml.jobs.create_or_update(fetched)
    system.ml.jobs.archive(name)

    assert (changed.display_name, changed.tags) == ("renamed", {"a": "b", "c": "d"})
    assert name not in [job.name for job in system.ml.jobs.list()]
