"""dev.py sets up what is missing, once, and says clearly what stops it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from local.setup import azurite, commands, pythons
from local.setup.azurite import Azurite
from local.setup.environment import Environment
from local.setup.running import SetupError

ROOT = Path(__file__).parents[2]


class FakeRun:
    """Notes commands instead of running them; makes the interpreter that `venv` would make."""

    def __init__(self, failing: str = "", output: str = "") -> None:
        self.commands: list[str] = []
        self._failing = failing
        self._output = output

    def __call__(self, command: Sequence[str], folder: Path, log: Path) -> int:
        text = " ".join(command)
        self.commands.append(text)
        if "-m venv" in text:
            interpreter = Path(command[-1]) / "bin" / "python"
            interpreter.parent.mkdir(parents=True)
            interpreter.touch()
        if text.endswith("ci --no-audit --no-fund"):
            (folder / "node_modules").mkdir(exist_ok=True)
        if self._failing and self._failing in text:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(self._output)
            return 1
        return 0

    def took(self, part: str) -> int:
        """Return how many commands had this part."""
        return sum(part in command for command in self.commands)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("requirements-dev.txt", "pyproject.toml", "requirements-node.txt"):
        (tmp_path / name).write_text("one==1\n")
    folder = tmp_path / "local" / "azurite"
    folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        (folder / name).write_text("{}")
    return tmp_path


def environment(project: Path, run: FakeRun, version: str = "3.11") -> Environment:
    return Environment(project / ".venv", "python3.11", version, project, run)


@pytest.mark.skipif(sys.platform == "win32", reason="the fake interpreter lies where POSIX has it")
class TestEnvironment:
    def test_first_run_installs_the_lock_and_the_project(self, project: Path) -> None:
        run = FakeRun()

        environment(project, run).ensure()

        installs = [command.partition("off ")[2] for command in run.commands if " install " in command]
        assert installs == [
            f"--require-hashes --no-compile -r {project / 'requirements-dev.txt'}",
            f"--no-deps --no-build-isolation -e {project}",
        ]

    def test_second_run_does_nothing(self, project: Path) -> None:
        environment(project, FakeRun()).ensure()
        run = FakeRun()

        environment(project, run).ensure()

        assert run.commands == []

    def test_changed_lock_is_installed_into_the_same_environment(self, project: Path) -> None:
        environment(project, FakeRun()).ensure()
        (project / "requirements-dev.txt").write_text("one==2\n")
        run = FakeRun()

        environment(project, run).ensure()

        assert (run.took("-m venv"), run.took("--require-hashes")) == (0, 1)

    def test_changed_project_is_installed_without_its_lock(self, project: Path) -> None:
        environment(project, FakeRun()).ensure()
        (project / "pyproject.toml").write_text("[project]\n")
        run = FakeRun()

        environment(project, run).ensure()

        assert (run.took("--require-hashes"), run.took("--no-deps")) == (0, 1)

    def test_other_python_replaces_the_environment(self, project: Path) -> None:
        environment(project, FakeRun()).ensure()
        run = FakeRun()

        environment(project, run, "3.12").ensure()

        assert (run.took("-m venv"), run.took("--require-hashes")) == (1, 1)

    def test_environment_with_a_lost_interpreter_is_rebuilt(self, project: Path) -> None:
        environment(project, FakeRun()).ensure()
        interpreter = project / ".venv" / "bin" / "python"
        interpreter.unlink()
        interpreter.symlink_to("/nowhere/python3.11")
        run = FakeRun()

        environment(project, run).ensure()

        assert run.took("-m venv") == 1

    def test_failed_installation_is_tried_again_next_time(self, project: Path) -> None:
        with pytest.raises(SetupError):
            environment(project, FakeRun(failing="--require-hashes")).ensure()
        run = FakeRun()

        environment(project, run).ensure()

        assert run.took("--require-hashes") == 1

    @pytest.mark.parametrize(
        ("output", "message"),
        [
            pytest.param(
                "WARNING: Retrying after 'NewConnectionError(Temporary failure in name resolution)'",
                "pip can't reach its registry, so Python packages can't be installed: is this machine online",
                id="no_network",
            ),
            pytest.param("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "pip could not install", id="other"),
        ],
    )
    def test_failing_pip_is_explained(self, project: Path, output: str, message: str) -> None:
        with pytest.raises(SetupError, match=re.escape(message)) as error:
            environment(project, FakeRun(failing=" install ", output=output)).ensure()
        assert f"  | {output}" in str(error.value)


class TestAzurite:
    def test_npm_runs_once(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(azurite, "node_version", lambda _: 20)
        run = FakeRun()
        emulator = Azurite(environment(project, run), lambda name: f"/usr/bin/{name}")

        emulator.ensure()
        emulator.ensure()

        assert run.commands == ["/usr/bin/npm ci --no-audit --no-fund"]

    @pytest.mark.parametrize("version", [0, 18])
    def test_node_is_installed_when_the_path_has_none_that_will_do(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, version: int
    ) -> None:
        monkeypatch.setattr(azurite, "node_version", lambda _: version)
        run = FakeRun()
        home = environment(project, run)

        Azurite(home, lambda name: f"/usr/bin/{name}" if version else None).ensure()

        assert run.took("requirements-node.txt") == 1
        assert run.commands[-1] == f"{home.program('npm')} ci --no-audit --no-fund"

    def test_failing_npm_is_explained(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(azurite, "node_version", lambda _: 20)
        run = FakeRun(failing="npm ci", output="npm error code ENOTFOUND")

        with pytest.raises(SetupError, match="npm can't reach its registry, so Azurite can't be installed"):
            Azurite(environment(project, run), lambda name: name).ensure()


def test_check_runs_every_check_also_after_a_failure(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started: list[str] = []

    def show(command: Sequence[str]) -> int:
        started.append(Path(command[0]).stem)
        return 1 if started == ["ruff"] else 0

    code = commands.check(environment(project, FakeRun()), [], show)

    assert (code, started) == (1, ["ruff", "ruff", "mypy", "lint-imports", "vulture"])
    assert "format: FAILED in" in capsys.readouterr().err


class TestTest:
    """`dev.py test` on a Python that is older than Microsoft's worker needs."""

    @pytest.fixture
    def shown(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        shown: list[str] = []

        def show(command: Sequence[str]) -> int:
            shown.append(" ".join(command[1:]))
            return 0

        monkeypatch.setattr(commands, "run_shown", show)
        monkeypatch.setattr(os, "cpu_count", lambda: 4)
        monkeypatch.setattr(Environment, "ensure", lambda _: None)
        return shown

    def test_whole_run_ends_with_the_worker_on_its_own_python(
        self, project: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(commands, "find_python", lambda _: "/opt/python3.13")

        assert commands.test(environment(project, FakeRun()), []) == 0

        assert shown == [
            "-m pytest -n 6 --dist loadfile --no-loadscope-reorder",
            "-m pytest tests/contract/test_python_worker.py",
        ]

    @pytest.mark.parametrize("failing", ["--no-loadscope-reorder", "tests/contract/test_python_worker.py"])
    def test_a_failure_is_told_whichever_run_it_was_in(
        self, project: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch, failing: str
    ) -> None:
        monkeypatch.setattr(commands, "find_python", lambda _: "/opt/python3.13")
        monkeypatch.setattr(commands, "run_shown", lambda command: int(command[-1] == failing))
        assert commands.test(environment(project, FakeRun()), []) == 1

    def test_missing_python_is_told(
        self, project: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(commands, "find_python", lambda _: None)

        assert commands.test(environment(project, FakeRun()), []) == 0

        assert "not run: tests/contract/test_python_worker.py needs Python 3.13" in capsys.readouterr().err

    def test_the_long_form_is_a_whole_run(
        self, project: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(commands, "find_python", lambda _: None)

        assert commands.test(environment(project, FakeRun()), ["--long"]) == 0

        assert shown == ["-m pytest --long -n 6 --dist loadfile --no-loadscope-reorder"]

    def test_coverage_is_of_the_unit_tests(
        self, project: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(commands, "find_python", lambda _: None)

        assert commands.test(environment(project, FakeRun()), ["--coverage"]) == 0

        assert shown == [
            "-m pytest tests/unit --cov --cov-report= -n 4 --dist loadfile --no-loadscope-reorder",
            "-m coverage report --format=total",
            "-m pytest --ignore=tests/unit -n 6 --dist loadfile --no-loadscope-reorder",
        ]

    def test_chosen_tests_are_all_that_runs(self, project: Path, shown: list[str]) -> None:
        commands.test(environment(project, FakeRun()), ["tests/unit"])

        assert shown == ["-m pytest tests/unit"]


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        pytest.param([], [], "there are no benchmarks; benchmarks in this version: none", id="none_at_all"),
        pytest.param(["ledger.py"], ["canary"], "there is no benchmark 'canary'; .*: ledger", id="unknown_name"),
    ],
)
def test_missing_benchmark_is_named(project: Path, files: list[str], arguments: list[str], message: str) -> None:
    (project / "benchmarks" / "app").mkdir(parents=True)
    for name in files:
        (project / "benchmarks" / "app" / name).write_text('"""It."""\nSPEC = Benchmark()\n')

    with pytest.raises(SetupError, match=message):
        commands.bench(environment(project, FakeRun()), arguments)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["--help"]) == 0

    text = capsys.readouterr().out
    assert [name for name in commands.COMMANDS if f"\n  {name} " not in text] == []


def test_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["deploy"]) == 2
    assert (
        "there is no command 'deploy'; commands: demo, test, check, microsoft, up, env, bench"
        in capsys.readouterr().err
    )


def test_setup_needs_the_standard_library_only() -> None:
    """Imports dev.py's code in an interpreter without site-packages."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); import dev, local.setup.commands"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(ROOT)], capture_output=True, text=True, check=False
    )

    assert done.stderr == ""


def test_wrong_python_is_told_what_to_call(tmp_path: Path) -> None:
    """Stands in for an old interpreter: the file that decides is run with a version that it does not know."""
    source = (ROOT / "dev.py").read_text()
    code = f"import sys; sys.version_info = (3, 9, 1); sys.argv = ['dev.py', 'demo']; exec({source!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert done.returncode == 1
    assert "Vigia runs on 3.11, 3.12 and 3.13" in done.stderr
    assert "python3.13 dev.py demo" in done.stderr


def test_other_python_is_found_on_the_path_or_in_pyenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    installed = tmp_path / "versions" / f"{version}.99" / "bin" / "python"
    installed.parent.mkdir(parents=True)
    installed.symlink_to(sys.executable)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda _: None)

    assert pythons.find_python(version) == str(installed)
    assert pythons.find_python("3.99") is None


def test_stamp_tells_what_was_installed(project: Path) -> None:
    environment(project, FakeRun()).ensure()

    stamp = json.loads((project / ".venv" / "vigia-stamp.json").read_text())
    assert sorted(stamp) == ["lock", "project", "python"]
