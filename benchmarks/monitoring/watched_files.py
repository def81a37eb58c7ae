"""A version that was trained on one parquet file, and the app's look at another that it served: drift and quality."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.monitoring.watched_table import DEPLOYMENT, MODEL, START, TRAINED_ON
from benchmarks.rivals.drift_tables import write_table
from shared.adapters.tables.table_files import stream_table
from shared.bootstrap import policy_sections
from shared.domain.ids import JobName, ModelVersion
from shared.drift.results.signals import MonitorReport
from shared.engine.monitors.look import MonitorLook
from shared.engine.monitors.subject import Subject
from shared.policy.reading.load import load_policy
from shared.policy.sections.monitoring import Monitor
from shared.ports.jobs import JobRecord
from shared.reactions.registry import reactions
from shared.store.monitors.monitors import MonitorState
from shared.store.monitors.profiles import Profiles
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.data import FakeData
from tests.fakes.workspace import FakeWorkspace

POLICY = """\
model: table
kind: tabular
endpoint: {name: table, type: online}
people: {owner: ana@example.com, approvers: [ben@example.com]}
monitor: {every: 1h, data_drift: {}, data_quality: {}}
"""


class FileBatches:
    """A file's rows, read again each time as the workspace's tables are."""

    findings: tuple[str, ...] = ()

    def __init__(self, path: str) -> None:
        self._path = path

    def __iter__(self) -> Iterator[Any]:
        return stream_table(lambda: Path(self._path).open("rb"), self._path)


class _Data(FakeData):
    def __init__(self, reference: str, window: str) -> None:
        super().__init__()
        self._reference, self._window = FileBatches(reference), FileBatches(window)

    def batches(self, _: str) -> Any:
        return self._reference

    def collected_batches(self, *_: Any) -> Any:
        return self._window


class WatchedFiles:
    def __init__(self, reference: str, window: str) -> None:
        policy = load_policy(POLICY, "table.yaml", policy_sections(), tuple(reactions().values()))
        monitor = policy.section(Monitor)
        assert monitor is not None
        workspace, job = FakeWorkspace(), JobName("job-1")
        workspace.jobs[job] = JobRecord(job, "Completed", {}, "ana", {"training_data": TRAINED_ON})
        workspace.register(MODEL, "1", job=job)
        state = MonitorState(MODEL, ModelVersion("1"), START, START)
        self._subject = Subject(policy, monitor, DEPLOYMENT, state, START + timedelta(hours=1), stores_references=True)
        profiles = Profiles(MemoryBlobStore(lambda: START))
        self._looking = MonitorLook(workspace, _Data(reference, window), profiles)

    def look(self) -> MonitorReport:
        """Return the report; the first look makes the references that later ones find."""
        report = self._looking.look(self._subject).report
        assert [signal.verdict for signal in report.signals] == ["no-drift", "no-drift"], report.signals
        return report

    @staticmethod
    def import_all() -> None:
        """Look at a few rows, so that all is imported."""
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "few.parquet"
            write_table(path, 2_000, 5, 1)
            WatchedFiles(str(path), str(path)).look()
