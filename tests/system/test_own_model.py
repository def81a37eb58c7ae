"""docs/tutorial/your-model.md, as a newcomer walks through it: an empty folder, and the page's own commands."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from local.cloud_config import ROOT
from local.demo.approver import Browser
from local.lifeline import MARK

T = TypeVar("T")
PAGE = ROOT / "docs" / "tutorial" / "your-model.md"
STANDSTILL_SECONDS = 600
MODEL = "tumours"


class Newcomer:
    """A person with two terminals in an empty folder. Only commands of the page are typed."""

    def __init__(self, folder: Path, workdir: Path) -> None:
        self.folder, self.workdir = folder, workdir
        self._callers = ""
        self._terminals: list[subprocess.Popen[bytes]] = []
        self._page = PAGE.read_text(encoding="utf-8")
        # The page's `. ~/vigia/.venv/bin/activate`.
        self._shell = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def saves(self, name: str) -> None:
        """Save the page's only piece of Python under this name."""
        (code,) = re.findall(r"```python\n(.*?)```", self._page, re.DOTALL)
        (self.folder / name).write_text(code)

    def types(self, command: str) -> str:
        """Type a line of the page and return what it says."""
        done = self._run(self._of_the_page(command))
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def sending(self, command: str) -> Iterator[None]:
        """Type a line of the page in a third terminal, and again when it ends: a busy machine is slower."""
        self._callers = self._of_the_page(command)
        yield
        self._callers = ""

    def until(self, probe: Callable[[], T]) -> T:
        """Return the first true answer; nothing here takes as long as the deadline."""
        deadline = time.monotonic() + STANDSTILL_SECONDS
        while not (answer := probe()):
            assert time.monotonic() < deadline, "nothing has moved"
            if self._callers and all(process.poll() is not None for process in self._terminals[1:]):
                self._start(shlex.split(self._callers))
            time.sleep(0.5)
        return answer

    def starts_the_system(self, command: str) -> None:
        """Start what the page says, on free ports, as other tests run beside this one."""
        *_, options = self._of_the_page(command).partition(" up ")
        own = ["python", "-m", "local.up", *shlex.split(options), "--free-ports", "--workdir", str(self.workdir)]
        self._start(own)
        self.until(lambda: "is running" in (self.folder / "terminal-1.log").read_text())

    def leaves(self) -> None:
        for process in reversed(self._terminals):
            process.terminate()
            process.communicate()

    def _start(self, words: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"terminal-{len(self._terminals) + 1}.log").open("wb") as log:
            # With the mark the system ends when this process does, however that is.
            environment = {**self._shell, "PYTHONPATH": str(ROOT), MARK: "1"}
            process = subprocess.Popen(
                words, cwd=self.folder, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
            )
        self._terminals.append(process)
        return process

    def takes_its_settings(self, command: str) -> None:
        """What `eval "$(python3 dev.py env)"` does to a shell."""
        self._of_the_page(command)
        values = json.loads((self.workdir / "local.settings.json").read_text())["Values"]
        self._shell |= {name: value for name, value in values.items() if name.startswith(("VIGIA_", "AzureWebJobs"))}

    def sees(self, *arguments: str) -> Any:
        """Return what a command says as JSON, whatever its exit code means."""
        return json.loads(self._run(shlex.join(["vigia", *arguments, "-o", "json"])).stdout)

    def release(self, version: int) -> str:
        """Return the state of a release; "" before there is one."""
        releases = {release["id"]: release["state"] for release in self.sees("releases")["releases"]}
        return str(releases.get(f"{MODEL}-{version}", ""))

    def verdict(self) -> str:
        """Return what the monitor's last look was sure of; "" where it saw too little."""
        monitor = self.sees("status", MODEL)["models"][0]["monitor"]
        return "" if monitor is None or monitor["verdict"] == "insufficient-data" else str(monitor["verdict"])

    def approves(self, version: int) -> None:
        browser = Browser(self._shell["VIGIA_PUBLIC_URL"], "ben@example.com")
        browser.sign_in()
        browser.decide(f"/api/approvals/{MODEL}-{version}", "approve", "the gates convince me")

    def _of_the_page(self, command: str) -> str:
        assert f"\n{command}\n" in self._page, f"the page does not have: {command}"
        return command

    def _run(self, command: str) -> subprocess.CompletedProcess[str]:
        words = shlex.split(command)
        return subprocess.run(words, cwd=self.folder, env=self._shell, capture_output=True, text=True, check=False)


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    folder = tmp_path / "tumours"
    folder.mkdir()
    person = Newcomer(folder, tmp_path / "work")
    yield person
    person.leaves()


def test_an_own_model_is_trained_released_watched_and_replaced(newcomer: Newcomer) -> None:
    newcomer.saves("make_rows.py")
    newcomer.types("python make_rows.py")
    people = "--owner ana@example.com --approver ana@example.com --approver ben@example.com"
    says = newcomer.types(f"vigia init tumours --data tumours.parquet {people} --rehearse --yes")
    assert "tumours.yaml is right" in says.replace("\n", "")

    newcomer.starts_the_system("python3 ~/vigia/dev.py up --policies policies --keep")
    newcomer.takes_its_settings('eval "$(python3 ~/vigia/dev.py env)"')
    assert "component evaluate_tumours:1 registered" in newcomer.types("python register.py")
    newcomer.types("vigia doctor tumours")
    newcomer.until(lambda: newcomer.release(1) == "finished")
    newcomer.types("vigia status tumours")

    with newcomer.sending("python send.py tumours.parquet --seconds 60"):
        assert newcomer.until(newcomer.verdict) == "no-drift"

    reason = '--model tumours --reason "a second version" --by ana@example.com'
    newcomer.types(f"vigia events trigger retraining-requested {reason}")
    with newcomer.sending("python send.py tumours.parquet --seconds 120"):
        newcomer.until(lambda: newcomer.release(2) == "awaiting_approval")
        newcomer.approves(2)
        newcomer.until(lambda: newcomer.release(2) == "finished")
    assert "pass  not worse than champion" in newcomer.types("vigia releases get tumours-2")
    checks = {finding["subject"]: finding["status"] for finding in newcomer.sees("doctor", MODEL)["findings"]}
    assert (checks["data collector of v-2"], set(checks.values()) - {"warn"}) == ("ok", {"ok"})

    with newcomer.sending("python send.py other_scanner.parquet --seconds 60"):
        newcomer.until(lambda: newcomer.verdict() == "drift")
