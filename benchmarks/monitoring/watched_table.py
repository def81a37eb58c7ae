"""A version that was trained on one table, and the app's whole look at others, as its timer takes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks.rivals.drift_alarms import Compared
from shared.bootstrap import policy_sections
from shared.domain.ids import DeploymentName, EndpointName, JobName, ModelName, ModelVersion
from shared.drift.results.comparison import ColumnReport
from shared.drift.results.signals import MonitorReport
from shared.engine.monitors.look import MonitorLook
from shared.engine.monitors.subject import Subject
from shared.policy.reading.load import load_policy
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import Monitor
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.ports.jobs import JobRecord
from shared.reactions.registry import reactions
from shared.store.monitors.monitors import MonitorState
from shared.store.monitors.profiles import Profiles
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.data import FakeData
from tests.fakes.workspace import FakeWorkspace

if TYPE_CHECKING:
    import pandas as pd

MODEL, ENDPOINT, DEPLOYMENT = ModelName("table"), EndpointName("table"), DeploymentName("v-1")
TRAINED_ON, SCORED = "azureml:trained:1", "azureml:scored:1"
START, HOUR = datetime(2026, 11, 1, tzinfo=UTC), timedelta(hours=1)
PREDICTION = "prediction"
DRIFTS = ("data-drift", "prediction-drift")
# What a policy has that names signals and leaves the rest to us; fewer rows than usual are judged all the same.
POLICY = """\
model: table
kind: tabular
endpoint: {{name: table, type: online}}
people: {{owner: ana@example.com, approvers: [ben@example.com]}}
monitor:
  every: 1h
  labelled: {{data: "azureml:scored:1"}}
  data_drift: {{minimum_rows: {rows}{more}}}
  data_quality: {{}}
  prediction_drift: {{minimum_rows: {rows}{more}}}
"""
USUAL_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class TableLook:
    """The result of one look, all signals together."""

    report: MonitorReport

    @property
    def alarms(self) -> bool:
        return self.report.verdict == "drift"

    @property
    def compared(self) -> Compared:
        """Return the columns that were compared, the answers among them."""
        signals = [signal for signal in self.report.signals if signal.signal in DRIFTS]
        rows = min(self.report.reference_rows or 0, *(signal.rows for signal in signals))
        return Compared(tuple(column for signal in signals for column in signal.columns), rows)

    @property
    def drifted(self) -> tuple[ColumnReport, ...]:
        return tuple(column for column in self.compared.columns if column.is_drifted)

    def verdict(self, signal: str) -> str:
        """Return a signal's verdict."""
        return next(result.verdict for result in self.report.signals if result.signal == signal)

    def names(self, column: str) -> bool:
        """Return whether a signal alarms for that column."""
        return any(
            result.name == column and result.is_drifted for signal in self.report.signals for result in signal.columns
        )


class WatchedTable:
    """Looks at windows against the training data; `answer` is the column that stands for the model's answers (the only
    one is an input, too)."""

    def __init__(self, training: pd.DataFrame, answer: str, rows: int, min_effect: float | None = None) -> None:
        more = "" if min_effect is None else f", min_effect: {min_effect}"
        text = POLICY.format(rows=min(rows, USUAL_ROWS), more=more)
        self._answer, self._inputs = answer, [column for column in training if column != answer] or [answer]
        self._policy: Policy = load_policy(text, "table.yaml", policy_sections(), tuple(reactions().values()))
        self._data, workspace, self._end = FakeData(), FakeWorkspace(), START
        scored = training[[answer]].rename(columns={answer: PREDICTION})
        self._data.tables = {
            TRAINED_ON: training[self._inputs],
            SCORED: scored.assign(model_version="1", label=0),
        }
        job = JobName("job-1")
        workspace.jobs[job] = JobRecord(job, "Completed", {}, "ana", {"training_data": TRAINED_ON})
        workspace.register(MODEL, "1", job=job)
        serving = DeploymentRecord(DEPLOYMENT, MODEL, ModelVersion("1"), "Succeeded")
        workspace.endpoints[ENDPOINT] = EndpointRecord(ENDPOINT, "Succeeded", {DEPLOYMENT: 100}, {}, (serving,), "")
        blobs = MemoryBlobStore(lambda: START)
        self._looking = MonitorLook(workspace, self._data, Profiles(blobs))

    def look(self, window: pd.DataFrame, previous: TableLook | None = None) -> TableLook:
        """Return what the app reports about the next hour, given its result for the hour before, if there was one."""
        start, self._end = self._end, self._end + HOUR
        key = (ENDPOINT, DEPLOYMENT)
        self._data.inputs[key] = window.reindex(columns=self._inputs)
        self._data.predictions[key] = window.dropna(subset=[self._answer]).rename(columns={self._answer: PREDICTION})
        monitor = self._policy.section(Monitor)
        assert monitor is not None
        state = MonitorState(MODEL, ModelVersion("1"), start, start)
        report = previous.report if previous else None
        subject = Subject(self._policy, monitor, DEPLOYMENT, state, self._end, report, stores_references=True)
        return TableLook(self._looking.look(subject).report)
