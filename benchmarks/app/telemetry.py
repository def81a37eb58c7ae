"""Are all decisions in telemetry? Events through the app's own function, and one query over what a receiver got."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.app.intake import ABOVE, BELOW, event, write_policy
from benchmarks.harness.spec import Benchmark, BenchmarkError, Figure, Goal, Run
from benchmarks.harness.storage import azurite_settings
from local.addresses import Addresses
from local.app_settings import settings_for
from local.monitor.telemetry import TelemetryReceiver, query
from shared.bootstrap import App
from shared.domain.ids import correlation_of
from shared.settings import Settings

EVENTS, LONG_EVENTS = 300, 3000
ROOT = Path(__file__).resolve().parents[2]
DIMENSIONS = ("correlation_id", "event_id", "fact", "kind", "subject", "reaction", "function", "workspace", "attempt")
QUERY = 'AppTraces | where Message == "decision" | project ' + ", ".join(
    f"{name} = tostring(Properties.{name})" for name in DIMENSIONS
)
# The app in a process of its own, as a worker has it; its end sends what is left.
CHILD = """
import json, logging, sys
import azure.functions as func
import function_app
from functions.process import process
for line in sys.stdin:
    process(func.QueueMessage(body=json.loads(line).encode()))
for handler in logging.getLogger().handlers:
    handler.flush()
"""
Decision = tuple[str, str]


def messages(count: int) -> list[str]:
    """Return events of which every third leads to a notice, and every tenth is delivered twice."""
    bodies = [event(number, ABOVE if number % 3 == 0 else BELOW) for number in range(count)]
    return bodies + bodies[::10]


def process(settings: Settings, receiver: TelemetryReceiver, bodies: Sequence[str]) -> None:
    storage = {"AzureWebJobsStorage": settings.storage, "VIGIA_WORKSPACE_STORAGE": settings.storage}
    environment = {
        **os.environ,
        **settings_for(Addresses.free()),
        **storage,
        "VIGIA_POLICIES": str(settings.policies),
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "PYTHONPATH": str(ROOT),
        "APPLICATIONINSIGHTS_CONNECTION_STRING": receiver.connection_string,
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
    }
    lines = "\n".join(map(json.dumps, bodies))
    command = [sys.executable, "-c", CHILD]
    done = subprocess.run(command, cwd=ROOT, env=environment, input=lines, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"the app failed: {done.stderr.strip().splitlines()[-1]}")


def decided(settings: Settings) -> frozenset[Decision]:
    """Return every decision by the ledger: correlation id and reaction."""
    ledger = App(settings).ledger
    entries = filter(None, map(ledger.entry, sorted(ledger.keys())))
    return frozenset(
        (correlation_of(entry.fact.key), name)
        for entry in entries
        for name in ([reaction.name for reaction in entry.plan] or ["none"])
    )


def share(expected: Iterable[Decision], shown: Iterable[Decision]) -> float:
    """Return the percent of decisions that are found."""
    all_decisions = set(expected)
    return 100 * len(all_decisions & set(shown)) / len(all_decisions)


def measure(settings: Settings, events: int, run: Run) -> list[Figure]:
    with TelemetryReceiver() as receiver:
        run.progress(f"{events} events")
        process(settings, receiver, messages(events))
        expected, now = decided(settings), datetime.now(UTC)
        rows = query(QUERY, receiver.tables(), now - timedelta(days=1), now + timedelta(minutes=1))
        whole = [(row["correlation_id"], row["reaction"]) for row in rows if all(row.values())]
        by_otlp = [
            (line["correlation_id"], line["reaction"])
            for line in receiver.otlp_logs()
            if line["body"] == "decision" and all(line.get(name) for name in DIMENSIONS)
        ]
        acted = Counter(name for _, name in expected)
    return [
        Figure(
            "telemetry.decisions_found",
            share(expected, whole),
            "%",
            f"of {len(expected):,} decisions in the ledger ({acted['notify']:,} to notify) that one query finds with "
            f"all {len(DIMENSIONS)} dimensions",
            Goal("=", 100),
        ),
        Figure("telemetry.decisions_found_otlp", share(expected, by_otlp), "%", "the same by OTLP", Goal("=", 100)),
        Figure("telemetry.rows_per_decision", len(rows) / len(expected), "x", "of 1.1 deliveries of each event"),
    ]


def run(run: Run) -> list[Figure]:
    run.progress("starting Azurite")
    with tempfile.TemporaryDirectory(prefix="vigia-bench-") as folder:
        write_policy(Path(folder))
        with azurite_settings(VIGIA_POLICIES=folder) as settings:
            return measure(settings, LONG_EVENTS if run.is_long else EVENTS, run)


SPEC = Benchmark("telemetry", "whether telemetry has every decision with its dimensions", run)
