"""What the host says when it can't start, and how it stops."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.errors import LocalSystemError
from local.functions_host.app import load_functions
from local.functions_host.settings import read_host_settings, read_values
from tests.local.functions_host.conftest import HOST_JSON, ToyFolder

ROOT = Path(__file__).parents[3]
QUEUE_FUNCTION = """
@app.queue_trigger(arg_name="message", queue_name="q", connection="{connection}")
def take({parameter}: func.QueueMessage):
    pass
"""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("import nothing_like_it", "can't be imported: ModuleNotFoundError: No module", id="import_fails"),
        pytest.param("app = None", "has no `app`", id="no_app"),
        pytest.param(
            QUEUE_FUNCTION.format(connection="Nowhere", parameter="message"),
            "function take: its connection 'Nowhere' names a setting that does not exist",
            id="no_connection",
        ),
        pytest.param(
            QUEUE_FUNCTION.format(connection="PATH", parameter="msg"),
            "function take: its parameter 'msg' has no binding\n  bindings exist for: message",
            id="wrong_argument_name",
        ),
        pytest.param(
            '@app.route(route="x")\n@app.queue_output(arg_name="out", queue_name="q", connection="PATH")\n'
            "def send(req: func.HttpRequest, out: func.Out[list[str]]) -> str: ...",
            "list[str]], which Azure refuses\n  annotate it func.Out[typing.List[str]]",
            id="an_annotation_that_only_python_takes",
        ),
        pytest.param(
            '@app.timer_trigger(arg_name="t", schedule="%NO_SUCH%")\ndef tick(t: func.TimerRequest): ...',
            "function tick: '%NO_SUCH%' needs the setting NO_SUCH",
            id="missing_setting",
        ),
        pytest.param(
            '@app.timer_trigger(arg_name="t", schedule="*/5 * * * *")\ndef tick(t: func.TimerRequest): ...',
            "does not have six fields",
            id="five_fields",
        ),
        pytest.param(
            '@app.timer_trigger(arg_name="t", schedule="99 * * * * *")\ndef tick(t: func.TimerRequest): ...',
            "is malformed",
            id="impossible_second",
        ),
        pytest.param(
            '@app.blob_trigger(arg_name="b", path="x", connection="PATH")\ndef look(b: func.InputStream): ...',
            "this host can't run a blobTrigger",
            id="unknown_trigger",
        ),
        pytest.param(
            '@app.event_grid_trigger(arg_name="e")\ndef note(e: "Hidden"): ...', "at run time", id="hidden_annotation"
        ),
    ],
)
def test_app_that_cannot_run_is_refused(toy: ToyFolder, source: str, message: str) -> None:
    toy.write(source)

    with pytest.raises(LocalSystemError, match=re.escape(message)):
        load_functions(toy.path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("{", "is not JSON", id="not_json"),
        pytest.param('{"Values": {"A": 1}}', 'the value of A is not a string\n  write "A": "1"', id="number"),
        pytest.param('{"IsEncrypted": true}', "is encrypted", id="encrypted"),
    ],
)
def test_settings_file_is_checked(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text(content)

    with pytest.raises(LocalSystemError, match=re.escape(message)):
        read_values(file)


def test_host_json_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "host.json"
    file.write_text(json.dumps({"extensions": {"queues": {"visibilityTimeout": "30 s"}}}))

    with pytest.raises(LocalSystemError, match=r"visibilityTimeout is '30 s'\n  write \"hh:mm:ss\""):
        read_host_settings(file)


def command(folder: Path, port: int, values: dict[str, Any]) -> list[str]:
    settings = folder / "local.settings.json"
    settings.write_text(json.dumps({"IsEncrypted": False, "Values": values}))
    return [
        *(sys.executable, "-m", "local.functions_host"),
        *("--settings", str(settings), "--port", str(port), "--app-dir", str(folder)),
    ]


def test_taken_port_ends_the_command_with_one_clear_error(toy: ToyFolder) -> None:
    toy.write("")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(command(toy.path, port, {}), cwd=ROOT, capture_output=True, text=True, timeout=30)

    assert done.returncode == 1
    assert f"error: the Functions host can't start: port {port} on 127.0.0.1 is already in use" in done.stderr


def test_sigterm_lets_the_running_invocation_finish(toy: ToyFolder, tmp_path: Path) -> None:
    marker = tmp_path / "finished"
    toy.write(
        """
        import os, pathlib, time
        @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
        def slow(timer: func.TimerRequest):
            print("running", os.environ["WEBSITE_AUTH_ENABLED"], flush=True)
            time.sleep(1)
            pathlib.Path(os.environ["MARKER"]).write_text("yes")
        """,
        HOST_JSON,
    )
    with subprocess.Popen(
        command(toy.path, 0, {"MARKER": str(marker)}),
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip(), process.stdout.readline().strip()]
        process.send_signal(signal.SIGTERM)
        code = process.wait(20)

    assert sorted(lines) == ["ready", "running True"]
    assert code == 0
    assert marker.read_text() == "yes"
