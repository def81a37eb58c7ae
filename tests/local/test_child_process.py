"""Children of the local system: waited for, explained when they fail, and gone when their parent is."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from local.child_process import ChildProcess
from local.errors import LocalSystemError

ROOT = Path(__file__).parents[2]


def child(folder: Path, code: str) -> ChildProcess:
    return ChildProcess("the child", [sys.executable, "-c", code], folder / "child.log", {"PYTHONPATH": str(ROOT)})


def test_line_of_an_earlier_start_does_not_count(tmp_path: Path) -> None:
    process = child(tmp_path, "import time; print('ready', flush=True); time.sleep(60)")
    process.start()
    process.wait_until(lambda: process.has_printed("ready"), 10)
    process.kill()

    second = child(tmp_path, "import time; time.sleep(60)")
    second.start()
    assert not second.has_printed("ready")
    second.stop()


def test_child_that_is_never_ready_is_reported(tmp_path: Path) -> None:
    process = child(tmp_path, "import time; print('thinking', flush=True); time.sleep(60)")
    process.start()
    process.wait_until(lambda: process.has_printed("thinking"), 10)

    with pytest.raises(
        LocalSystemError, match=r"the child was not ready after 0.1 s\n  last lines of .*\n    thinking"
    ):
        process.wait_until(lambda: False, 0.1)
    process.stop()


def test_missing_program_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LocalSystemError, match="the child can't start: /nowhere/node: No such file"):
        ChildProcess("the child", ["/nowhere/node"], tmp_path / "child.log").start()


def test_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    process = child(tmp_path, code)
    process.start()
    process.wait_until(lambda: process.has_printed("ready"), 10)
    pid = process.pid

    process.stop(grace_seconds=0.1)

    assert not psutil.pid_exists(pid)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is of POSIX")
def test_python_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = "from local.lifeline import end_with_parent; import time; end_with_parent(); time.sleep(60)"
    parent_code = (
        "import sys, time; from pathlib import Path; from local.child_process import ChildProcess\n"
        "child = ChildProcess('c', [sys.executable, '-c', sys.argv[1]], Path(sys.argv[2]), {'PYTHONPATH': '.'})\n"
        "child.start(); print(child.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", parent_code, code, str(tmp_path / "child.log")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)


def is_alive(pid: int) -> bool:
    """Return whether the process runs; an orphan that nobody has collected yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_child_is_told_nothing_by_the_settings_of_its_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = ("VIGIA_LEASE_SECONDS", "AzureWebJobsStorage", "AZURE_CLIENT_ID", "AZUREML_CURRENT_CLOUD", "https_proxy")
    for name in (*theirs, "VIGIA_SPARK_PYTHON"):
        monkeypatch.setenv(name, "theirs")
    command = [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]
    child = ChildProcess("a child", command, tmp_path / "log", {"VIGIA_WORKSPACE": "ours"})
    child.start()
    with pytest.raises(LocalSystemError, match="exit code 0"):
        child.wait_until(lambda: False, 60)
    child.stop()
    environment = json.loads(child.output())
    assert [name for name in theirs if name in environment] == []
    assert (environment["VIGIA_WORKSPACE"], environment["VIGIA_SPARK_PYTHON"]) == ("ours", "theirs")
