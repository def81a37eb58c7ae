"""The command as a whole: quick start-up, settings, errors, and the reference."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.kit import context
from cli.kit.context import find_values, open_app, storage_place
from cli.reference import commands as reference
from shared.errors import RetryableError, SettingsError
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import ROOT, SAMPLE, FakeApp
from tests.unit.test_workspaces import WORKSPACES

HEAVY = ("pydantic", "azure", "pandas", "numpy", "scipy", "babel", "jinja2", "yaml")


def test_importing_the_command_loads_nothing_heavy() -> None:
    code = f"import sys, cli.main; print([name for name in {HEAVY!r} if name in sys.modules])"

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert answer.stdout.strip() == "[]"


def test_version_is_the_project_s(run: Run) -> None:
    assert run("--version").stdout == "vigia 0.1.0\n"


def test_the_reference_is_current() -> None:
    assert reference.FILE.read_text(encoding="utf-8") == reference.reference(), "run python -m cli.reference.commands"


def test_settings_come_from_the_file_that_is_given(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(SAMPLE.read_text(encoding="utf-8"), encoding="utf-8")

    app = open_app(file)

    assert app.settings.workspace == "ws-local"
    assert app.settings.policies == tmp_path / "policies"


def test_without_a_file_they_come_from_the_folder_s_file_else_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = {"VIGIA_WORKSPACE": "from-environment"}
    values = find_values(None, environment)
    Path("local.settings.json").write_text(json.dumps({"Values": {"VIGIA_WORKSPACE": "from-file"}}))
    updated = find_values(None, environment)

    assert values == (environment, "the environment")
    assert updated == ({"VIGIA_WORKSPACE": "from-file"}, "local.settings.json")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(None, "cannot be read: No such file or directory", id="missing"),
        pytest.param("{", "is not JSON", id="not_json"),
        pytest.param("[]", "is not a JSON object", id="not_an_object"),
        pytest.param('{"Values": {"A": 1}}', 'has no object "Values" of texts', id="not_texts"),
        pytest.param('{"IsEncrypted": true, "Values": {}}', "is encrypted", id="encrypted"),
        pytest.param('{"Values": {}}', "VIGIA_WORKSPACE is missing", id="incomplete"),
    ],
)
def test_a_settings_file_that_does_not_do_is_named_with_what_is_wrong(
    tmp_path: Path, run: Run, content: str | None, complaint: str
) -> None:
    file = tmp_path / "settings.json"
    if content is not None:
        file.write_text(content)

    refused = run("status", "--settings", str(file))

    assert (refused.exit_code, refused.stdout) == (2, "")
    assert str(file) in refused.stderr
    assert complaint in refused.stderr
    assert "Traceback" not in refused.stderr


def test_unreachable_storage_is_one_line_and_what_to_do(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(settings_file: object) -> FakeApp:
        raise RetryableError("storage.unreachable", "storage cannot be reached for 'vigia'")

    monkeypatch.setattr(context, "open_app", unreachable)

    refused = run("releases")

    assert refused.exit_code == 2
    assert refused.stderr.splitlines()[0] == "error: storage cannot be reached for 'vigia'"
    assert "is it up" in refused.stderr


@pytest.mark.parametrize(
    ("storage", "place"),
    [
        ("UseDevelopmentStorage=true", "on this machine"),
        ("AccountName=st;AccountKey=c2VjcmV0==;EndpointSuffix=core.windows.net", "st"),
        ("AccountName=a;AccountKey=c2VjcmV0;BlobEndpoint=http://127.0.0.1:1/a", "http://127.0.0.1:1/a"),
        ("https://st.blob.core.windows.net", "https://st.blob.core.windows.net"),
    ],
)
def test_errors_name_the_storage_and_never_its_key(storage: str, place: str) -> None:
    assert storage_place(storage) == place


@pytest.mark.parametrize("arguments", [("--debug", "status"), ("status", "--debug")])
def test_debug_lets_the_error_through_wherever_it_stands(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    def broken(settings_file: Any) -> FakeApp:
        raise SettingsError("settings.incomplete", "nothing is set")

    monkeypatch.setattr(context, "open_app", broken)

    assert isinstance(run(*arguments).exception, SettingsError)


def test_a_mistake_of_ours_is_one_line_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(settings_file: Any) -> FakeApp:
        raise KeyError("wake")

    monkeypatch.setattr(context, "open_app", broken)

    refused = run("status")

    assert refused.exit_code == 70
    assert refused.stderr.startswith("error: unexpected KeyError: 'wake'\n  → run it again with --debug")


def test_an_unknown_command_is_a_usage_error(run: Run) -> None:
    assert run("stauts").exit_code == 2


def test_a_command_is_about_the_workspace_that_it_names(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "workspaces.yaml").write_text(WORKSPACES)
    values = {**json.loads(SAMPLE.read_text(encoding="utf-8"))["Values"], "VIGIA_POLICIES": "policies"}
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"Values": values}))
    for arguments in (["--workspace", "stagin", "status"], ["status", "--workspace=stagin"]):
        answer = run(*arguments, "--settings", str(file))
        assert answer.exit_code == 2
        assert "lists no workspace 'stagin'" in answer.stderr
        assert "did you mean staging?" in answer.stderr
