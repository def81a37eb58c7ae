"""What a first call waits for after a cold start: import and call in a fresh process, beside the least that keeps an
event or an alert; and how large the package is that a cold start has to load."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from benchmarks.app.imports import LONG_REPETITIONS, RATIO_GOAL, REPETITIONS
from benchmarks.harness.spec import Benchmark, BenchmarkError, Figure, Run
from local.addresses import Addresses
from local.app_settings import settings_for
from tests.fakes.storage_account import TakingStorage, taking_storage

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("azure-ai-ml", "numpy", "pandas", "pyarrow", "scipy")
REQUEST = 'func.HttpRequest("POST", "http://localhost/api/alerts", headers={}, body=b"{}")'
EVENT = (
    'func.EventGridEvent(id="e", data={}, topic="/t", subject="s", event_type="T", '
    'event_time=datetime.now(timezone.utc), data_version="1")'
)
CALLS = {"alerts": REQUEST, "model_registered": EVENT}
# Both print the seconds from before the first import to after the first call, and the CPU seconds of the process. What
# the call says is not of interest here; the tests read it, and the caller below sees that a message was sent.
OURS = """
import time
start = time.perf_counter()
import azure.functions as func
from datetime import datetime, timezone
import function_app
functions = {function.get_function_name(): function for function in function_app.app.get_functions()}
functions["%s"].get_user_function()(%s)
print(time.perf_counter() - start, time.process_time())
"""
# The least: azure.functions, and the storage's SDK to send a message that does not expire.
FLOOR = """
import time
start = time.perf_counter()
import azure.functions as func
from datetime import datetime, timezone
import base64, json, os
app = func.FunctionApp()

def send(text):
    from azure.storage.queue import QueueClient
    client = QueueClient.from_connection_string(os.environ["AzureWebJobsStorage"], "events")
    client.send_message(base64.b64encode(text.encode()).decode(), time_to_live=-1)

@app.route(route="alerts", methods=["POST"])
def alerts(req: func.HttpRequest) -> func.HttpResponse:
    send(req.get_body().decode())
    return func.HttpResponse("kept", status_code=202)

@app.event_grid_trigger(arg_name="event")
def model_registered(event: func.EventGridEvent):
    send(json.dumps({"id": event.id, "topic": event.topic, "subject": event.subject, "data": event.get_json()}))

functions = {function.get_function_name(): function for function in app.get_functions()}
functions["%s"].get_user_function()(%s)
print(time.perf_counter() - start, time.process_time())
"""


def first_call(script: str, function: str, storage: TakingStorage) -> tuple[float, float]:
    """Return the seconds that import and first call take in a new process, and its CPU seconds.

    Raises:
        BenchmarkError: it failed, or sent no message.
    """
    sent = len(storage.taken)
    inherited = {name: value for name, value in os.environ.items() if name != "FUNCTIONS_WORKER_RUNTIME"}
    settings = settings_for(Addresses.fixed()) | {"AzureWebJobsStorage": storage.connection_string}
    settings.pop("FUNCTIONS_WORKER_RUNTIME")
    done = subprocess.run(
        [sys.executable, "-c", script % (function, CALLS[function])],
        cwd=ROOT,
        env={**inherited, **settings, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or ("POST", "events/messages") not in storage.taken[sent:]:
        raise BenchmarkError(f"the first call of {function} sent nothing: {done.stderr.strip()[-500:]}")
    wall, cpu = done.stdout.split()
    return float(wall), float(cpu)


def run(run: Run) -> list[Figure]:
    repetitions = LONG_REPETITIONS if run.is_long else REPETITIONS
    seconds: dict[tuple[str, str], list[tuple[float, float]]] = {
        (f, script): [] for f in CALLS for script in (OURS, FLOOR)
    }
    with taking_storage() as storage:
        for number in range(repetitions + 1):
            run.progress(f"round {number} of {repetitions}")
            for (function, script), measured in seconds.items():
                measured.append(first_call(script, function, storage))
    # The first of each wrote the bytecode.
    figures = {key: measured[1:] for key, measured in seconds.items()}
    return [*call_figures(figures), *package_figures((ROOT / "requirements.txt").read_text(encoding="utf-8"))]


def call_figures(seconds: Mapping[tuple[str, str], Sequence[tuple[float, float]]]) -> list[Figure]:
    """Return the fastest of each: whatever else the machine does only adds."""
    figures = []
    for function in CALLS:
        (ours, our_cpu), (floor, floor_cpu) = (
            tuple(min(values) * 1000 for values in zip(*seconds[function, script], strict=True))
            for script in (OURS, FLOOR)
        )
        figures += [
            Figure(f"cold.{function}_ms", ours, "ms", f"import and first call of {function}"),
            Figure(f"cold.{function}_floor_ms", floor, "ms", "bare azure.functions that sends the same message"),
            Figure(f"cold.{function}_ratio", ours / floor, "x", "time, ours / floor", RATIO_GOAL),
            Figure(
                f"cold.{function}_cpu_ratio",
                our_cpu / floor_cpu,
                "x",
                "CPU time, ours / floor, each with Python's start",
            ),
        ]
    return figures


def package_figures(lock: str) -> list[Figure]:
    """Return the size of what is installed of the lock, as it lies in this environment."""
    names = re.findall(r"^([A-Za-z0-9][\w.-]*)==", lock, re.MULTILINE)
    sizes = {name: megabytes([name]) for name in names}
    heavy = sum(sizes.get(name, 0.0) for name in HEAVY)
    return [
        Figure("cold.package_mb", sum(sizes.values()), "MB", f"the {len(names)} locked packages, installed"),
        Figure("cold.package_heavy_mb", heavy, "MB", f"of these {', '.join(HEAVY)}"),
    ]


def megabytes(names: Iterable[str]) -> float:
    """Return the size of the installed files, without bytecode; a package of another Python's counts nothing."""
    total = 0
    for name in names:
        try:
            files = distribution(name).files or []
        except PackageNotFoundError:
            continue
        paths = [Path(str(file.locate())) for file in files if file.suffix != ".pyc"]
        total += sum(path.stat().st_size for path in paths if path.is_file())
    return total / 2**20


SPEC = Benchmark("cold", "import and first call after a cold start, and the size of the package", run)
